"""Changes of labels that edits plan, and the one way to apply them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bson import ObjectId

from ...models.labels import NOISE, UNASSIGNED
from ...models.progress import Progress
from ..runs import edit_log
from ..runs.clusters import check_cluster, cluster_id, cluster_label
from ..runs.labels import Labels
from ..runs.records import edited_records
from ..runs.transaction import EditedRun
from .names import check_reserved, clean_name, distinct_names

CERTAIN = 1.0  # the confidence of what a person says
Clusters = int | str | list[int | str]


@dataclass
class Change:
    """A planned edit.

    Args:
        action: what is done
        arguments: its arguments, plain data
        there: the labels that it changes, as they are
        clusters: ``(n,)`` their new clusters
        confidence: ``(n,)`` their new confidence
        names: names of new clusters, and new names of others, by id
        mapping: the clusters of new samples that come to one that is changed; see :func:`models.placement.place`
        parents: the cluster that a new one comes from, by its id
        new_prototypes: whether to choose new prototypes for the clusters that are touched
    """

    action: str
    arguments: dict
    there: Labels
    clusters: np.ndarray
    confidence: np.ndarray
    names: dict[int, str] = field(default_factory=dict)
    mapping: dict[int, int] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    new_prototypes: bool = True


def apply_change(run: EditedRun, change: Change, text: str, author: str, progress: Progress | None = None) -> dict:
    """Apply a planned change.

    Args:
        run: the run, held
        change: the plan
        text: what it does, one sentence
        author: who does it
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :meth:`operators.runs.transaction.EditedRun.outcome`
    """
    old, after = run.tables, {table: dict(found) for table, found in run.tables.items()}
    touched = sorted({*change.there.clusters.tolist(), *change.clusters.tolist(), *change.names} - {UNASSIGNED})
    names = {**{c: cluster_label(c) for c in touched}, **run.names_of(touched), **change.names}
    names = {cluster: names[cluster] for cluster in touched}
    kept = {} if change.new_prototypes else _unmoved_prototypes(run, change)
    records = edited_records(run.target, run.config, _members(run, touched, change), names, kept)
    for cluster in touched:
        after["clusters"].pop(cluster, None)
    after["clusters"].update(records)
    for cluster in set(old["clusters"]) - set(after["clusters"]):
        after["names"].pop(cluster, None)
    after["becomes"].update(compose_mapping(old["becomes"], change.mapping))
    _give_parents(after, change, set(after["clusters"]) - set(old["clusters"]) - {NOISE})
    if (change.clusters != change.there.clusters).any():
        after["scores"] = {}  # they were of other clusters
    changes = {table: edit_log.differences(old[table], after[table]) for table in old}
    labels = edit_log.pack_labels(change.there, change.clusters, change.confidence)
    run.commit(edit_log.make_edit(change.action, author, change.arguments, text, changes, labels), progress)
    return run.outcome(change.action, text, touched)


def entered_name(run: EditedRun, cluster: int, name: str, gone: Collection[int] = ()) -> str:
    """Return the name that a person gave a cluster as it is kept, told apart from those of the others.

    Args:
        run: the run, held
        cluster: the cluster's id
        name: the name
        gone (()): clusters that the edit leaves nothing of

    Raises:
        ValueError: if the name shows nothing or is reserved
    """
    name = clean_name(name)
    check_reserved(cluster, name)
    return distinct_names({cluster: name}, _names_beside(run, {cluster, *gone}))[cluster]


def new_names(run: EditedRun, names: dict[int, str]) -> dict[int, str]:
    """Return the names of new clusters, told apart from those of the others."""
    return distinct_names(names, _names_beside(run, names))


def _names_beside(run: EditedRun, clusters: Collection[int]) -> list[str]:
    return [record["label"] for cluster, record in run.records.items() if cluster not in clusters]


def _members(run: EditedRun, touched: list[int], change: Change) -> Labels:
    """Return all members that the touched clusters will have."""
    stay = run.labels(clusters=touched)
    moved = set(change.there.ids)
    stay = stay.where([row_id not in moved for row_id in stay.ids])
    there = change.there
    come = Labels(there.ids, there.sample_ids, change.clusters, change.confidence).where(change.clusters != UNASSIGNED)
    return Labels(
        stay.ids + come.ids,
        stay.sample_ids + come.sample_ids,
        np.concatenate([stay.clusters, come.clusters]),
        np.concatenate([stay.confidence, come.confidence]),
    )


def _unmoved_prototypes(run: EditedRun, change: Change) -> dict[int, list[str]]:
    """Return the prototypes of the clusters that lose none of them."""
    moved = set(change.there.ids)
    lists = {cluster: record["prototypes"] for cluster, record in run.records.items()}
    return {cluster: ids for cluster, ids in lists.items() if not moved & set(ids)}


def compose_mapping(mapping: dict[int, int], change: dict[int, int]) -> dict[int, int]:
    """Return the mapping of the clusters as they were computed after a change of the clusters as they are."""
    gone = {base: change[now] for base, now in mapping.items() if now in change}
    return {**gone, **{now: goes for now, goes in change.items() if now not in mapping}}


def known_clusters(run: EditedRun, clusters: Any) -> list[int]:
    """Return cluster ids, checked: one or several, each of them once.

    Raises:
        ValueError: if there is none, or one that the run does not have
    """
    clusters = clusters if isinstance(clusters, list | tuple | set | np.ndarray) else [clusters]
    ids = list(dict.fromkeys(cluster_id(cluster) for cluster in clusters))
    if not ids:
        raise ValueError("no cluster was named; give the ids of the clusters that are meant")
    for cluster in ids:
        check_cluster(run.key, cluster, run.records)
    return ids


def selected_labels(run: EditedRun, ids: list[str]) -> Labels:
    """Read the labels of selected images or patches.

    Raises:
        ValueError: if there is none, or one that is not in the dataset
    """
    unit, ids = run.target.unit, list(dict.fromkeys(ids))
    if not ids:
        raise ValueError(f"no {unit} were chosen; select some, or give their ids")
    there = run.labels(ids=[row_id for row_id in ids if ObjectId.is_valid(row_id)])
    known = set(there.ids)
    lost = [row_id for row_id in ids if row_id not in known]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(ids)} ids are no {unit} of this dataset, {lost[0]!r} for one; "
            f"give {'label ids, for the run is one of patches' if unit == 'patches' else 'sample ids'}"
        )
    return there


def _give_parents(after: dict[str, dict], change: Change, new: set[int]) -> None:
    """Put a new cluster into the coarse cluster of the one it comes from, or else into a coarse one of its own."""
    if not after["coarse_of"]:
        return
    for cluster in sorted(new):
        coarse = after["coarse_of"].get(change.parents.get(cluster))
        if coarse is None:
            coarse = max(after["coarse_names"], default=-1) + 1
            own = {coarse: after["clusters"][cluster]["label"]}
            after["coarse_names"] |= distinct_names(own, after["coarse_names"].values(), "group")
        after["coarse_of"][cluster] = coarse
