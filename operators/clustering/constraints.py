"""Merges and moves of a run as constraints of the next one: these samples belong together."""

import numpy as np

from ...models.labels import NOISE
from ..dataset.targets import Target
from ..runs import edit_log
from ..runs.run import Run
from ..runs.store import list_clustering_runs, read_value

METHODS = ("kmeans",)  # those that take constraints


def edited_runs(target: Target, method: str) -> list[str]:
    """List the edited runs whose merges and moves a method could keep; the edits are read when one is chosen."""
    if method not in METHODS:
        return []
    versions, patches = (read_value(target.dataset, name) for name in ("version", "patches_field"))
    listed = list_clustering_runs(target.dataset)
    return [key for key in listed if versions[key] and patches[key] == target.patches_field]


def check_constraints(target: Target, run_key: str, method: str) -> None:
    """Check that a run's edits can be constraints of a clustering.

    Args:
        target: what is to be clustered
        run_key: the run whose merges and moves are meant
        method: the method's name

    Raises:
        ValueError: if they cannot
    """
    if method not in METHODS:
        raise ValueError(f"{method} takes no constraints; leave constraints_from out, or choose {' or '.join(METHODS)}")
    run = Run.cached(target.dataset, run_key)
    of = run.config.patches_field
    if of != target.patches_field:
        what = f"patches of {of!r}" if of else "whole images"
        raise ValueError(f"run {run_key!r} is of {what}, which are not clustered here; choose another run")
    run.check_members()
    merged, moved = _joined(run.log)
    if not merged and not moved:
        raise ValueError(f"run {run_key!r} has no merge or move that is in effect; edit it first")


def read_constraints(run: Run, ids: list[str]) -> np.ndarray:
    """Return which samples must be in one cluster, by the merges and moves of a run that are in effect.

    All members of a cluster that was merged belong together. What was moved into another cluster belongs to that one's
    prototypes, and the rest of that cluster is free.

    Args:
        run: the run
        ids: sample or label ids

    Returns:
        ``(n,)`` groups of the ids, numbered from 0, -1 for the free ones
    """
    merged, moved = _joined(run.log)
    records = {record["id"]: record for record in run.clusters}
    wanted = [c for c in records if c != NOISE and (c in merged or c in moved.values())]
    there = run.labels(clusters=wanted)
    groups = {}
    for row_id, cluster in zip(there.ids, there.clusters.tolist(), strict=True):
        if cluster in merged or moved.get(row_id) == cluster or row_id in records[cluster]["prototypes"]:
            groups[row_id] = cluster
    found = np.array([groups.get(row_id, -1) for row_id in ids], np.int64)
    used = np.unique(found[found >= 0])
    return np.where(found >= 0, np.searchsorted(used, found), -1)


def _joined(log: list[dict]) -> tuple[set[int], dict[str, int]]:
    """Return the clusters that were merged, and the clusters that samples were moved to by hand."""
    merged: set[int] = set()
    moved: dict[str, int] = {}
    for position in edit_log.undoable(log):
        edit = log[position]
        columns = edit_log.unpack_labels(edit["labels"])
        if edit["action"] == "move":
            moved.update(zip(columns["ids"], columns["after"].tolist(), strict=True))
        elif edit["action"] == "merge":
            merged |= set(columns["after"].tolist())
    return merged, moved
