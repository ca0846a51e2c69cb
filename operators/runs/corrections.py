"""Labels that a person has corrected: kept with the step of an edit that overwrites them, and given back by its undo.

A correction is a label as it is stored, where that is not what the run would write: another text or none, another
confidence, or a label without a cluster.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...models.labels import UNASSIGNED
from ..dataset.rows import label_path
from ..dataset.selections import selections
from ..dataset.targets import Target
from . import edit_log
from .labels import Labels
from .stored_run import StoredRun

Corrections = dict[str, dict[str, Any]]

_WRITTEN = ("label", "confidence")  # of a label that stays; everything else on it stays, too


def step_corrections(run: StoredRun, names: dict[int, str], edit: dict, forward: bool) -> Corrections:
    """Read the corrected labels that a step of an edit writes.

    Args:
        run: the run
        names: the names of its clusters by id, before the step
        edit: the edit
        forward: whether it is done or undone

    Returns:
        see :func:`read_corrections`
    """
    columns, to, source = edit_log.columns_of(edit, forward)
    place = {row_id: i for i, row_id in enumerate(columns["ids"])}
    there = run.labels(ids=columns["ids"])
    rows = [place[row_id] for row_id in there.ids]
    # what the reversing step would write
    clusters = columns[source][rows].astype(np.int64)
    expected = replace(there, clusters=clusters, confidence=columns[f"confidence_{source}"][rows])
    whole = (clusters == UNASSIGNED) | (columns[to][rows] == UNASSIGNED)
    found = read_corrections(run.target, run.field, expected, whole, names, run.config.uid)
    if renamed := edit_log.renamed(edit):
        members = run.labels(clusters=renamed)
        members = members.where([row_id not in place for row_id in members.ids])
        whole = np.zeros(len(members.ids), bool)
        found |= read_corrections(run.target, run.field, members, whole, names, run.config.uid)
    return found


def read_corrections(
    target: Target, name: str, expected: Labels, whole: np.ndarray, names: dict[int, str], uid: str | None
) -> Corrections:
    """Read the labels that are not as the run would write them.

    Args:
        target: where they are
        name: the label field
        expected: images or patches, with the clusters and confidences that the run would write; -2 without a label
        whole: ``(n,)`` whether the label is about to be made or removed, and not only changed
        names: the names of the clusters by id
        uid: the identity of the run

    Returns:
        the labels as they are stored, by sample id, or label id for patches
    """
    found = {}
    columns = (expected.clusters.tolist(), expected.confidence.tolist(), whole.tolist())
    rows = dict(zip(expected.ids, zip(*columns, strict=True), strict=True))
    for row_id, label in _stored(target, target.local_path(name), expected):
        if row_id not in rows or label is None:
            continue
        cluster, confidence, is_whole = rows[row_id]
        if cluster == UNASSIGNED:
            found[row_id] = label
            continue
        written = {"label": names.get(cluster), "confidence": confidence, "cluster": cluster, "run": uid}
        keys = {*written, *label} - {"_id", "_cls"} if is_whole else _WRITTEN
        if any(not _same(label.get(key), written.get(key)) for key in keys):
            found[row_id] = label if is_whole else {key: label.get(key) for key in (*_WRITTEN, "cluster")}
    return found


def _stored(target: Target, path: str, rows: Labels) -> Iterator[tuple[str, dict | None]]:
    """Yield ids with their labels as they are stored."""
    listed, key = False, "id"
    if target.patches_field:
        root, listed = label_path(target.source, target.patches_field)
        key = f"{root}.id"
    for part in selections(target.source, rows.sample_ids):
        for ids, labels in zip(part.values(key), part.values(path, _raw=True), strict=True):
            if listed:
                yield from zip(ids or [], labels or [None] * len(ids or []), strict=True)
            else:
                yield ids, labels


def _same(stored: Any, written: Any) -> bool:
    if stored in (None, []) or written is None:
        return stored in (None, []) and written is None
    return bool(stored == written or (stored != stored and written != written))  # NaN is NaN
