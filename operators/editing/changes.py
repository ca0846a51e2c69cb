"""Edits that move images or patches between clusters, and what all such edits share; undo and redo."""

from dataclasses import dataclass, field

import numpy as np
from bson import ObjectId

from ...models.labels import NOISE, UNASSIGNED
from ..runs import edit_log
from ..runs.clusters import check_cluster, cluster_id, cluster_label
from ..runs.labels import Labels, read_labels
from ..runs.records import describe
from .transaction import EditedRun, edited

SURE = 1.0  # of what somebody said


@dataclass
class Change:
    """An edit that is planned.

    Args:
        action: what is done
        arguments: its arguments, plain data
        there: whom it moves, with the labels they have
        clusters: ``(n,)`` where they go
        confidence: ``(n,)`` how sure that is
        names: names of new clusters, and new names of others, by id
        becomes: where new samples go that come to a cluster that is changed; see :func:`models.placement.place`
        parents: the cluster that a new one comes from, by its id
        typical: whether to look for new prototypes of the clusters that are touched
    """

    action: str
    arguments: dict
    there: Labels
    clusters: np.ndarray
    confidence: np.ndarray
    names: dict[int, str] = field(default_factory=dict)
    becomes: dict[int, int] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    typical: bool = True


def apply_change(run: EditedRun, change: Change, text: str, by: str, progress=None) -> dict:
    """Does what was planned and says what was done; see :func:`operators.cluster_edits.edited`."""
    old, after = run.tables, {table: dict(found) for table, found in run.tables.items()}
    touched = sorted({*change.there.clusters.tolist(), *change.clusters.tolist(), *change.names} - {UNASSIGNED})
    members = _members(run, touched, change)
    names = {**{c: cluster_label(c) for c in touched}, **run.labels_of(touched), **change.names}
    entries = describe(run, members, {c: names[c] for c in touched}, {} if change.typical else _staying(run, change))
    for cluster in touched:
        after["clusters"].pop(cluster, None)
    after["clusters"].update(entries)
    for cluster in set(old["clusters"]) - set(after["clusters"]):
        after["names"].pop(cluster, None)
    after["becomes"].update(compose_mapping(old["becomes"], change.becomes))
    _give_parents(after, change, set(after["clusters"]) - set(old["clusters"]) - {NOISE})
    after["scores"] = {}  # they were of other clusters
    changes = {table: edit_log.differences(old[table], after[table]) for table in old}
    labels = edit_log.pack_labels(change.there, change.clusters, change.confidence)
    run.commit(edit_log.make_edit(change.action, by, change.arguments, text, changes, labels), progress)
    return edited(run, change.action, text, touched)


def _members(run, touched, change) -> Labels:
    """All members that the touched clusters will have."""
    stay = read_labels(run.target, run.name, clusters=touched)
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


def _staying(run, change) -> dict[int, list[str]]:
    """The prototypes of the clusters that lose none of them."""
    moved = set(change.there.ids)
    lists = {cluster: entry["prototypes"] for cluster, entry in run.clusters.items()}
    return {cluster: ids for cluster, ids in lists.items() if not moved & set(ids)}


def compose_mapping(becomes: dict, change: dict) -> dict:
    """What becomes of the clusters as they were computed, given what becomes of the clusters as they are."""
    gone = {base: change[now] for base, now in becomes.items() if now in change}
    return {**gone, **{now: goes for now, goes in change.items() if now not in becomes}}


def known_clusters(run: EditedRun, clusters) -> list[int]:
    """Cluster ids, checked: one or several, each of them once.

    Raises:
        ValueError: in one sentence, if there is none, or one that the run does not have
    """
    clusters = clusters if isinstance(clusters, list | tuple | set | np.ndarray) else [clusters]
    ids = list(dict.fromkeys(cluster_id(cluster) for cluster in clusters))
    if not ids:
        raise ValueError("no cluster was named; give the ids of the clusters that are meant")
    for cluster in ids:
        check_cluster(run.run_key, cluster, run.clusters)
    return ids


def chosen(run: EditedRun, ids) -> Labels:
    """The labels of images or patches that somebody chose.

    Raises:
        ValueError: in one sentence, if there is none, or one that is not in the dataset
    """
    unit, ids = run.target.unit, list(dict.fromkeys(ids))
    if not ids:
        raise ValueError(f"no {unit} were chosen; select some, or give their ids")
    there = read_labels(run.target, run.name, ids=[row_id for row_id in ids if ObjectId.is_valid(row_id)])
    known = set(there.ids)
    lost = [row_id for row_id in ids if row_id not in known]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(ids)} ids are no {unit} of this dataset, {lost[0]!r} for one; "
            f"give {'label ids, for the run is one of patches' if unit == 'patches' else 'sample ids'}"
        )
    return there


def _give_parents(after, change, new):
    """A new cluster belongs to the coarse cluster of the one it comes from, or else to a coarse one of its own."""
    if not after["coarse_of"]:
        return
    for cluster in sorted(new):
        coarse = after["coarse_of"].get(change.parents.get(cluster))
        if coarse is None:
            coarse = max(after["coarse_names"], default=-1) + 1
            after["coarse_names"][coarse] = after["clusters"][cluster]["label"]
        after["coarse_of"][cluster] = coarse
