"""What somebody did to the clusters of a run, as constraints of the next one: these samples belong together."""

import numpy as np

from ...models.labels import NOISE
from ..runs import edit_log
from ..runs.labels import read_labels, run_target
from ..runs.store import check_labels, get_config, list_clustering_runs, read_clusters, read_result

METHODS = ("kmeans",)  # those that take constraints


def edited_runs(target, method: str) -> list[str]:
    """The edited runs whose merges and moves a method could keep; which edits these were is read when one is chosen."""
    if method not in METHODS:
        return []
    configs = {key: get_config(target.dataset, key) for key in list_clustering_runs(target.dataset)}
    return [
        key
        for key, config in configs.items()
        if getattr(config, "version", 0) and config.patches_field == target.patches_field
    ]


def check_constraints(target, run_key: str, method: str):
    """Checks that a run's edits can be constraints of a clustering.

    Args:
        target: what is to be clustered
        run_key: the run whose merges and moves are meant
        method: the method's name

    Raises:
        ValueError: in one sentence, if they cannot
    """
    if method not in METHODS:
        raise ValueError(f"{method} takes no constraints; leave constraints_from out, or choose {' or '.join(METHODS)}")
    config = get_config(target.dataset, run_key)
    if config.patches_field != target.patches_field:
        what = f"patches of {config.patches_field!r}" if config.patches_field else "whole images"
        raise ValueError(f"run {run_key!r} is of {what}, which are not clustered here; choose another run")
    check_labels(target.dataset, run_key)
    merged, moved = _said(read_result(target.dataset, run_key, "edits") or [])
    if not merged and not moved:
        raise ValueError(f"run {run_key!r} has no merge or move that is in effect; edit it first")


def read_constraints(dataset, run_key: str, ids: list[str]) -> np.ndarray:
    """Which samples must be in one cluster, by the merges and moves of a run that are in effect.

    All members of a cluster that was merged belong together. What was moved into another cluster belongs to that one's
    prototypes, and the rest of that cluster is free.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        ids: sample or label ids

    Returns:
        ``(n,)`` the group of each id, numbered from 0, -1 for the free ones
    """
    merged, moved = _said(read_result(dataset, run_key, "edits") or [])
    entries = {entry["id"]: entry for entry in read_clusters(dataset, run_key)}
    wanted = [c for c in entries if c != NOISE and (c in merged or c in moved.values())]
    there = read_labels(run_target(dataset, run_key), get_config(dataset, run_key).cluster_field, clusters=wanted)
    groups = {}
    for row_id, cluster in zip(there.ids, there.clusters.tolist(), strict=True):
        if cluster in merged or moved.get(row_id) == cluster or row_id in entries[cluster]["prototypes"]:
            groups[row_id] = cluster
    found = np.array([groups.get(row_id, -1) for row_id in ids], np.int64)
    used = np.unique(found[found >= 0])
    return np.where(found >= 0, np.searchsorted(used, found), -1)


def _said(log) -> tuple[set[int], dict[str, int]]:
    """The clusters that were merged, and where samples were moved by hand."""
    merged, moved = set(), {}
    for position in edit_log.undoable(log):
        edit = log[position]
        columns = edit_log.unpack_labels(edit["labels"])
        if edit["action"] == "move":
            moved.update(zip(columns["ids"], columns["after"].tolist(), strict=True))
        elif edit["action"] == "merge":
            merged |= set(columns["after"].tolist())
    return merged, moved
