"""Renaming clusters, fine and coarse."""

from typing import Literal

from ....models.progress import Progress
from ...runs.clusters import check_cluster, cluster_id
from ...runs.coarse import coarse_records
from ...runs.edit_log import differences, make_edit
from ...runs.transaction import EditedRun
from ..base import Edit
from ..names import check_reserved, clean_name, distinct_names


class Rename(Edit):
    """Name clusters, in the run and in the labels of their members; ids stay, and equal names get numbers."""

    name = "rename"
    title = "Rename a cluster"
    order = 0
    card_menu = "Rename…"

    @staticmethod
    def apply(
        run: EditedRun,
        author: str,
        progress: Progress | None,
        names: dict,
        level: Literal["fine", "coarse"] = "fine",
        about: dict | None = None,
    ) -> dict:
        """Name clusters.

        Args:
            run: the run, held
            author: who names them
            progress: a callable ``(fraction, message)``, or None
            names: new names by cluster id, see :func:`operators.editing.names.clean_name`
            level ("fine"): "fine", or "coarse" for the clusters of clusters
            about (None): more about a name, plain data by cluster id, such as a description; kept with the run's names
                together with ``author``

        Returns:
            what was done; if all names were so before, nothing is written

        Raises:
            ValueError: if a name or cluster is refused, or a person enters a reserved name: "noise", another's default
        """
        given = {cluster_id(key): clean_name(name) for key, name in names.items()}
        if not given:
            raise ValueError("no name was given; give names by cluster id, such as {3: 'dogs'}")
        details = {cluster_id(key): dict(value) for key, value in (about or {}).items()}
        table = "clusters" if level == "fine" else "coarse_names"
        known = run.records if level == "fine" else {c["id"]: c for c in _coarse(run)}
        for cluster in given:
            check_cluster(run.key, cluster, known)
        given = _told_apart(given, known, "cluster" if level == "fine" else "group", by_hand=about is None)
        for cluster in details.keys() & given.keys():
            if "name" in details[cluster]:
                details[cluster]["name"] = given[cluster]
        old = {cluster: known[cluster]["label"] for cluster in given}
        changes = {table: differences(old, given)}
        if level == "fine":
            changes["clusters"] = {
                c: [run.records[c], {**run.records[c], "label": new}] for c, (_, new) in changes["clusters"].items()
            }
            named = [c for c in given if c in changes["clusters"] or c in details]
            origins = {c: {**details.get(c, {}), "by": author} for c in named}
            before = run.tables["names"]
            changes["names"] = differences({c: before[c] for c in origins if c in before}, origins)
        if not any(changes.values()):
            return run.outcome("rename", "All names were so before; nothing was changed", [])
        first = next(iter(given))
        text = f"Named {len(given)} clusters" if len(given) > 1 else f"Renamed {old[first]!r} to {given[first]!r}"
        arguments = {"names": {str(cluster): name for cluster, name in given.items()}, "level": level}
        run.commit(make_edit("rename", author, arguments, text, changes), progress)
        return run.outcome("rename", text, list(changes[table]), coarse=level == "coarse")


def _told_apart(given: dict[int, str], known: dict[int, dict], default: str, by_hand: bool) -> dict[int, str]:
    """Return new names without two alike; a person who enters a reserved one is told, a model's gets a number."""
    if by_hand:
        for cluster, name in given.items():
            check_reserved(cluster, name, default)
    others = [record["label"] for cluster, record in known.items() if cluster not in given]
    return distinct_names(given, others, default)


def _coarse(run: EditedRun) -> list[dict]:
    records = coarse_records(run.tables)
    if not records:
        raise ValueError(f"run {run.key!r} has no coarse level; make one with build_cluster_hierarchy")
    return records
