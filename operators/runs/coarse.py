"""Coarse level of a run: clusters of clusters, in a second field that follows every edit of the first.

Which coarse cluster an image is in depends on its cluster alone, so an edit never has to say anything about it.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ...models.labels import NOISE, UNASSIGNED
from ..dataset.owned_fields import drop_field, is_ours, set_mark
from ..execution.locks import schema_lock
from . import edit_log
from .clusters import COARSE, cluster_label
from .corrections import Corrections, read_corrections
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


def coarse_corrections(run: StoredRun, tables: Tables, edit: dict) -> Corrections:
    """Read the corrected labels of the coarse field that a step of an edit may write.

    Args:
        run: the run
        tables: its tables before the step
        edit: the edit

    Returns:
        see :func:`operators.runs.corrections.read_corrections`
    """
    if not tables["coarse_of"] or not is_ours(run.dataset, f"{run.config.label_path}{COARSE}", run.key):
        return {}
    regrouped = any(edit["changes"].get(table) for table in ("coarse_of", "coarse_names"))
    fine = run.labels(ids=None if regrouped else edit_log.unpack_labels(edit["labels"])["ids"])
    expected = replace(fine, clusters=_goes(tables, fine))
    name, names = f"{run.field}{COARSE}", {NOISE: cluster_label(NOISE), **tables["coarse_names"]}
    # a grouping that is undone takes its field away
    whole = np.full(len(fine.ids), regrouped) | (expected.clusters == UNASSIGNED)
    return read_corrections(run.target, name, expected, whole, names, run.config.uid)


def write_coarse(
    run: StoredRun,
    tables: Tables,
    before: Tables,
    moved: Labels,
    regrouped: bool,
    own: Corrections,
    newer: Corrections,
    everything: bool = False,
) -> int:
    """Bring the coarse field up to date.

    Args:
        run: the run
        tables: its tables, see :class:`operators.runs.transaction.EditedRun`
        before: its tables before the edit
        moved: the labels that the edit changed, as they are now
        regrouped: whether the edit changed which coarse clusters there are, and so may have made or drop the field
        own: corrected labels to give back
        newer: labels that were corrected since; they are left alone where the edit does not change them
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
    changed = _follow(run, tables, name, run.labels() if everything else moved, own, newer, everything)
    renamed = {c: new for c, new in names.items() if before["coarse_names"].get(c, new) != new}
    if renamed:
        changed += rename_labels(run.target, name, renamed, own)
    if missing:
        with schema_lock(run.dataset):
            set_mark(run.dataset, path, run.key, "done")
    return changed


def _follow(
    run: StoredRun, tables: Tables, name: str, fine: Labels, own: Corrections, newer: Corrections, everything: bool
) -> int:
    """Give the coarse labels that follow from the fine ones."""
    there = read_labels(run.target, name, ids=None if everything else fine.ids)
    row = {row_id: i for i, row_id in enumerate(fine.ids)}
    rows = np.array([row[row_id] for row_id in there.ids], np.int64)
    goes = _goes(tables, fine)[rows]
    names = {NOISE: cluster_label(NOISE), **tables["coarse_names"]}
    confidence = fine.confidence[rows]
    same = (there.clusters == goes) & ((there.confidence == confidence) | (goes == UNASSIGNED))
    same &= ~np.isin(there.ids, list(own.keys() - newer.keys()))
    change_labels(run.target, name, there.where(~same), goes[~same], confidence[~same], names, own, run.config.uid)
    return int((~same).sum())


def _goes(tables: Tables, fine: Labels) -> np.ndarray:
    """Return the coarse cluster of each label, -2 without one."""
    coarse_of = {NOISE: NOISE, **tables["coarse_of"]}
    return np.array([coarse_of.get(cluster, UNASSIGNED) for cluster in fine.clusters.tolist()], np.int64)
