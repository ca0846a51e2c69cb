"""Coarse level of a run: clusters of clusters, in a second field that follows every edit of the first.

Which coarse cluster an image is in depends on its cluster alone, so an edit never has to say anything about it.
"""

from typing import Any

import numpy as np

from ...models.labels import NOISE, UNASSIGNED
from ..dataset.owned_fields import drop_field, is_ours, set_mark
from ..execution.locks import schema_lock
from .clusters import COARSE, cluster_label
from .labels import Labels, change_labels, create_label_field, read_labels, rename_labels
from .records import PROTOTYPES
from .stored_run import StoredRun

Tables = dict[str, dict[int, Any]]


def coarse_records(tables: Tables) -> list[dict]:
    """Return the records of the coarse clusters, like those of clusters, with the ids of the clusters in each.

    Args:
        tables: the tables of an :class:`operators.runs.transaction.EditedRun`
    """
    children: dict[int, list[dict]] = {}
    for cluster, record in sorted(tables["clusters"].items()):
        if cluster in tables["coarse_of"]:
            children.setdefault(tables["coarse_of"][cluster], []).append(record)
    return [
        {
            "id": coarse,
            "label": tables["coarse_names"][coarse],
            "size": (size := sum(record["size"] for record in records)),
            "confidence": round(sum(record["size"] * record["confidence"] for record in records) / size, 4),
            "prototypes": _interleaved([r["prototypes"] for r in sorted(records, key=lambda record: -record["size"])]),
            "clusters": [record["id"] for record in records],
        }
        for coarse, records in sorted(children.items())
    ]


def _interleaved(lists: list[list]) -> list:
    """Return the first of every list, then the second of every list, and so on."""
    ranked = [(rank, number, value) for number, values in enumerate(lists) for rank, value in enumerate(values)]
    return [value for _, _, value in sorted(ranked, key=lambda item: item[:2])][:PROTOTYPES]


def write_coarse(
    run: StoredRun, tables: Tables, before: Tables, moved: Labels, regrouped: bool, everything: bool = False
) -> int:
    """Bring the coarse field up to date.

    Args:
        run: the run
        tables: its tables, see :class:`operators.runs.transaction.EditedRun`
        before: its tables before the edit
        moved: the labels that the edit changed, as they are now
        regrouped: whether the edit changed which coarse clusters there are, and so may have made or drop the field
        everything (False): whether to write all labels, because a killed edit may have left any of them

    Returns:
        how many labels it changed
    """
    path, name = f"{run.config.label_path}{COARSE}", f"{run.field}{COARSE}"
    coarse_of, names = tables["coarse_of"], tables["coarse_names"]
    if not coarse_of:
        if regrouped and is_ours(run.dataset, path, run.key):
            with schema_lock(run.dataset):
                drop_field(run.dataset, path)
        return 0
    missing = not run.dataset.has_field(path)
    if missing:
        with schema_lock(run.dataset):
            create_label_field(run.target, name, run.key)
    known = before["coarse_of"]
    everything = everything or missing or any(known.get(c, goes) != goes for c, goes in coarse_of.items())
    changed = _follow(run, tables, name, run.labels() if everything else moved, everything)
    renamed = {c: new for c, new in names.items() if before["coarse_names"].get(c, new) != new}
    if renamed:
        changed += rename_labels(run.target, name, renamed, {})
    if missing:
        with schema_lock(run.dataset):
            set_mark(run.dataset, path, run.key, "done")
    return changed


def _follow(run: StoredRun, tables: Tables, name: str, fine: Labels, everything: bool) -> int:
    """Give the coarse labels that follow from the fine ones."""
    there = read_labels(run.target, name, ids=None if everything else fine.ids)
    row = {row_id: i for i, row_id in enumerate(fine.ids)}
    rows = np.array([row[row_id] for row_id in there.ids], np.int64)
    coarse_of = {NOISE: NOISE, **tables["coarse_of"]}
    goes = np.array([coarse_of.get(cluster, UNASSIGNED) for cluster in fine.clusters[rows].tolist()], np.int64)
    names = {NOISE: cluster_label(NOISE), **tables["coarse_names"]}
    confidence = fine.confidence[rows]
    same = (there.clusters == goes) & ((there.confidence == confidence) | (goes == UNASSIGNED))
    change_labels(run.target, name, there.where(~same), goes[~same], confidence[~same], names, {}, run.config.uid)
    return int((~same).sum())
