"""Names of clusters and edits of runs, for whoever shows or changes them."""

import unicodedata

from .coarse import coarse_entries
from .edited_run import EditedRun, editing
from .runs.clusters import check_cluster, cluster_id
from .runs.edit_log import differences, make_edit
from .runs.store import clusters_of

MAX_NAME = 80
# Characters that change the direction of all that follows, and could make one name look like another
_DIRECTIONS = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_JOINER = "\u200d"  # makes one emoji of several


def clean_name(name: str) -> str:
    """A cluster's name as it is kept: plain text, one line, at most 80 characters.

    Markup stays, as the text it is; control characters go; white space becomes single spaces; names in scripts from
    right to left and emoji stay.

    Args:
        name: what somebody entered, or a model answered

    Raises:
        ValueError: in one sentence, if it is no text or nothing is left of it
    """
    if not isinstance(name, str):
        raise ValueError(f"the name {name!r} is no text; give a name of 1 to {MAX_NAME} characters")
    shown = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    shown = "".join(c for c in shown if c not in _DIRECTIONS and unicodedata.category(c) != "Cs")
    shown = " ".join(shown.split())
    if len(shown) > MAX_NAME:
        cut = MAX_NAME - 1
        while cut and (unicodedata.category(shown[cut]) in ("Mn", "Me", "Cf") or shown[cut - 1] == _JOINER):
            cut -= 1  # not inside an accented letter or an emoji of several
        shown = f"{shown[:cut].rstrip()}…"
    if not any(unicodedata.category(c)[0] not in "CZ" for c in shown):
        raise ValueError(f"the name {name[:20]!r} shows nothing; give a name of 1 to {MAX_NAME} characters")
    return shown


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


def edited(run: EditedRun, action: str, text: str, touched, coarse: bool = False) -> dict:
    """What an edit did, plain data.

    Args:
        run: the run after the edit
        action: what was done
        text: what was done, as a sentence
        touched: the ids of the clusters that changed
        coarse (False): whether they are coarse ones

    Returns:
        ``{"run_key", "action", "version", "n_changed", "clusters", "removed", "text"}``: how many labels changed, the
        entries of touched clusters as they are now and the ids of those that are gone
    """
    entries = {entry["id"]: entry for entry in coarse_entries(run.tables)} if coarse else run.clusters
    return {
        "run_key": run.run_key,
        "action": action,
        "version": run.version,
        "n_changed": run.n_changed,
        "clusters": [entries[cluster] for cluster in touched if cluster in entries],
        "removed": [cluster for cluster in touched if cluster not in entries],
        "text": text,
    }
