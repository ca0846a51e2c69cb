"""Renaming clusters, fine and coarse."""

from ...runs.clusters import check_cluster, cluster_id
from ...runs.edit_log import differences, make_edit
from ...runs.store import clusters_of
from ..names import clean_name
from ..transaction import edited, editing


def rename_clusters(
    dataset,
    run_key: str,
    names: dict[int, str],
    by: str = "user",
    about: dict[int, dict] | None = None,
    level: str = "fine",
    version: int | None = None,
    progress=None,
) -> dict:
    """Names clusters, in the run and in the labels of their members; ids stay, and two clusters may share a name.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        names: new names by cluster id, see :func:`clean_name`
        by ("user"): who named them
        about (None): what else is known about a name, plain data by cluster id, such as a description; kept as the
            run's part "names" together with ``by``
        level ("fine"): "fine", or "coarse" for the clusters of clusters
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`edited`; if all names were so before, nothing is written

    Raises:
        ValueError: in one sentence, if a name or cluster is refused or somebody else edits the run
    """
    given = {cluster_id(key): clean_name(name) for key, name in names.items()}
    if not given:
        raise ValueError("no name was given; give names by cluster id, such as {3: 'dogs'}")
    about = {cluster_id(key): dict(value) for key, value in (about or {}).items()}
    with editing(dataset, run_key, version) as run:
        table = "clusters" if level == "fine" else "coarse_names"
        known = run.clusters if level == "fine" else {c["id"]: c for c in clusters_of(dataset, run_key, level)}
        for cluster in given:
            check_cluster(run_key, cluster, known)
        old = {cluster: known[cluster]["label"] for cluster in given}
        changes = {table: differences(old, given)}
        if level == "fine":
            changes["clusters"] = {
                c: [run.clusters[c], {**run.clusters[c], "label": new}] for c, (_, new) in changes["clusters"].items()
            }
            told = {c: {**about.get(c, {}), "by": by} for c in given if c in changes["clusters"] or c in about}
            names_before = run.tables["names"]
            changes["names"] = differences({c: names_before[c] for c in told if c in names_before}, told)
        if not any(changes.values()):
            return edited(run, "rename", "All names were so before; nothing was changed", [])
        first = next(iter(given))
        text = f"Named {len(given)} clusters" if len(given) > 1 else f"Renamed {old[first]!r} to {given[first]!r}"
        arguments = {"names": {str(cluster): name for cluster, name in given.items()}, "level": level}
        run.commit(make_edit("rename", by, arguments, text, changes), progress)
        renamed = [cluster for cluster in changes[table]]
        return edited(run, "rename", text, renamed, coarse=level == "coarse")
