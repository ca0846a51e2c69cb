"""The coarse level of a run: clusters of clusters, in a second field that follows every edit of the first.

Which coarse cluster an image is in depends on its cluster alone, so an edit never has to say anything about it.
"""

import numpy as np

from ...models.labels import NOISE, UNASSIGNED
from ..dataset.owned_fields import drop_field, is_ours, set_mark
from ..execution.locks import schema_lock
from ..runs.clusters import COARSE, cluster_label
from ..runs.labels import change_labels, create_label_field, read_labels, rename_labels

PROTOTYPES = 9


def coarse_records(tables: dict) -> list[dict]:
    """What a run says of its coarse clusters, like :func:`operators.runs.read_clusters`, with the clusters in each.

    Args:
        tables: the tables of an :class:`operators.edited_run.EditedRun`
    """
    children = {}
    for cluster, entry in sorted(tables["clusters"].items()):
        if cluster in tables["coarse_of"]:
            children.setdefault(tables["coarse_of"][cluster], []).append(entry)
    return [
        {
            "id": coarse,
            "label": tables["coarse_names"][coarse],
            "size": (size := sum(entry["size"] for entry in entries)),
            "confidence": round(sum(entry["size"] * entry["confidence"] for entry in entries) / size, 4),
            "prototypes": _in_turns([entry["prototypes"] for entry in sorted(entries, key=lambda e: -e["size"])]),
            "clusters": [entry["id"] for entry in entries],
        }
        for coarse, entries in sorted(children.items())
    ]


def _in_turns(lists: list[list]) -> list:
    """The first of every list, then the second of every list, and so on."""
    ranked = [(rank, number, value) for number, values in enumerate(lists) for rank, value in enumerate(values)]
    return [value for _, _, value in sorted(ranked, key=lambda item: item[:2])][:PROTOTYPES]


def write_coarse(run, before: dict, moved, everything: bool = False) -> int:
    """Brings the coarse field up to date.

    Args:
        run: an :class:`operators.edited_run.EditedRun`
        before: its tables before the edit
        moved: the :class:`operators.cluster_labels.Labels` that the edit changed, as they are now
        everything (False): whether to write all labels, because a killed edit may have left any of them

    Returns:
        how many labels it changed
    """
    path, name = f"{run.config.label_path}{COARSE}", f"{run.name}{COARSE}"
    coarse_of, names = run.tables["coarse_of"], run.tables["coarse_names"]
    if not coarse_of:
        if is_ours(run.dataset, path, run.run_key):
            with schema_lock(run.dataset):
                drop_field(run.dataset, path)
        return 0
    missing = not run.dataset.has_field(path)
    if missing:
        with schema_lock(run.dataset):
            create_label_field(run.target, name, run.run_key)
    known = before["coarse_of"]
    everything |= missing or any(known.get(c, goes) != goes for c, goes in coarse_of.items())
    changed = _follow(run, name, read_labels(run.target, run.name) if everything else moved, everything)
    renamed = {c: new for c, new in names.items() if before["coarse_names"].get(c, new) != new}
    if renamed:
        changed += rename_labels(run.target, name, renamed)
    if missing:
        with schema_lock(run.dataset):
            set_mark(run.dataset, path, run.run_key, "done")
    return changed


def _follow(run, name, fine, everything) -> int:
    """Gives the coarse labels that follow from the fine ones."""
    there = read_labels(run.target, name, ids=None if everything else fine.ids)
    row = {row_id: i for i, row_id in enumerate(fine.ids)}
    rows = np.array([row[row_id] for row_id in there.ids], np.int64)
    coarse_of = {NOISE: NOISE, **run.tables["coarse_of"]}
    goes = np.array([coarse_of.get(cluster, UNASSIGNED) for cluster in fine.clusters[rows].tolist()], np.int64)
    names = {NOISE: cluster_label(NOISE), **run.tables["coarse_names"]}
    confidence = fine.confidence[rows]
    same = (there.clusters == goes) & ((there.confidence == confidence) | (goes == UNASSIGNED))
    change_labels(run.target, name, there.where(~same), goes[~same], confidence[~same], names)
    return int((~same).sum())
