"""Edits that move images or patches between clusters, and what all such edits share; undo and redo."""

from dataclasses import dataclass, field

import numpy as np
from bson import ObjectId

from .cluster_edits import clean_name, edited
from .edited_run import EditedRun, editing
from .runs import edit_log
from .runs import lifecycle as runs
from .runs.clusters import NOISE, check_cluster, cluster_id, cluster_label, label_width
from .runs.entries import describe, run_vectors
from .runs.labels import UNASSIGNED, Labels, read_labels

SURE = 1.0  # of what somebody said
MIXED = -2  # as in models.placement


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


def carry_out(run: EditedRun, change: Change, text: str, by: str, progress=None) -> dict:
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
    after["becomes"].update(_followed(old["becomes"], change.becomes))
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


def _followed(becomes: dict, change: dict) -> dict:
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


def merge_clusters(dataset, run_key: str, clusters, name=None, by="user", version=None, progress=None) -> dict:
    """Makes one cluster of several; it keeps the id and the name of the largest.

    Confidences follow where the run places samples by centers or probabilities, for what lay between two of the
    clusters does so no more; elsewhere they stay.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        clusters: the ids of at least two clusters
        name (None): a new name
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if a cluster is refused or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        ids = known_clusters(run, clusters)
        if len(ids) < 2:
            raise ValueError(f"merging {ids} changes nothing; name at least two clusters")
        keep = max(ids, key=lambda cluster: (run.clusters[cluster]["size"], -cluster))
        becomes = dict.fromkeys(ids, keep)
        there = read_labels(run.target, run.name, clusters=ids)
        confidence = _confidence_within(run, there, keep, becomes)
        changed = (there.clusters != keep) | (there.confidence != confidence)
        there, confidence = there.where(changed), confidence[changed]
        names = {keep: clean_name(name)} if name is not None else {}
        change = Change("merge", {"clusters": ids}, there, np.full(len(confidence), keep), confidence, names, becomes)
        gone = ", ".join(repr(run.clusters[cluster]["label"]) for cluster in ids if cluster != keep)
        text = f"Merged {gone} into {names.get(keep, run.clusters[keep]['label'])!r}"
        return carry_out(run, change, text, by, progress)


def _confidence_within(run, there, keep, becomes) -> np.ndarray:
    """Confidences ``(n,)`` of the members of a merged cluster."""
    from ..models.placement import place_by_arrays

    confidence, spec = there.confidence.copy(), run.config.placement
    if spec["kind"] == "neighbors":
        return confidence
    rows, X = run_vectors(run.target, run.config, there)
    if len(rows):
        followed = {**run.tables["becomes"], **_followed(run.tables["becomes"], becomes)}
        placed, sure = place_by_arrays(spec, runs.read_arrays(run.dataset, run.run_key), X, followed)
        confidence[rows] = np.where(placed == keep, sure, confidence[rows])
    return confidence


def move_to_cluster(
    dataset, run_key: str, ids, cluster=None, name=None, by="user", version=None, progress=None
) -> dict:
    """Puts images or patches into a cluster, because somebody says so: their confidence is 1.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        ids: sample ids, or label ids of patches; what the run left out may be among them
        cluster (None): where they go: a cluster's id, -1 for noise, or None for a new cluster
        name (None): the name of the new cluster
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if an id or the cluster is refused or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        if cluster is not None:
            if name is not None:
                raise ValueError(f"name={name!r} is for a new cluster and cluster={cluster} was given; leave one out")
            cluster = cluster_id(cluster)
            check_cluster(run_key, cluster, [*run.clusters, NOISE], noise=True)
        there = chosen(run, ids)
        goes = edit_log.next_id(run.log, run.clusters) if cluster is None else cluster
        there = there.where(there.clusters != goes)
        if not there.ids:
            return edited(run, "move", f"All of them were in cluster {goes} before; nothing was changed", [])
        new = clean_name(name) if name is not None else cluster_label(goes, label_width(np.array([goes])))
        names = {goes: new} if cluster is None else {}
        sources = sorted(set(there.clusters.tolist()) - {UNASSIGNED})
        n, becomes = len(there.ids), dict.fromkeys(sources, MIXED)
        sure = np.full(n, SURE if goes != NOISE else 0.0)
        change = Change("move", {"cluster": cluster}, there, np.full(n, goes), sure, names, becomes)
        change.parents = {goes: max(sources, key=there.clusters.tolist().count)} if cluster is None and sources else {}
        to = {**run.labels_of([goes]), **names}.get(goes, cluster_label(goes))
        return carry_out(run, change, f"Moved {n:,} {run.target.unit} to {to!r}", by, progress)


def dissolve_clusters(dataset, run_key: str, clusters, by="user", version=None, progress=None) -> dict:
    """Makes noise of clusters; new samples that come to them are noise as well.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        clusters: the ids of one or more clusters
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if a cluster is refused or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        ids = known_clusters(run, clusters)
        there = read_labels(run.target, run.name, clusters=ids)
        n = len(there.ids)
        change = Change("dissolve", {"clusters": ids}, there, np.full(n, NOISE), np.zeros(n))
        change.becomes = dict.fromkeys(ids, NOISE)
        text = f"Dissolved {', '.join(map(repr, run.labels_of(ids).values()))}: {n:,} {run.target.unit} are noise now"
        return carry_out(run, change, text, by, progress)


def undo_edit(dataset, run_key: str, by="user", version=None, progress=None) -> dict:
    """Takes back the last edit that is in effect; any number of times.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if there is nothing to undo or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        return _step(run, edit_log.UNDO, edit_log.undoable(run.log), by, progress)


def redo_edit(dataset, run_key: str, by="user", version=None, progress=None) -> dict:
    """Does again what was undone last, unless a new edit followed; arguments as for :func:`undo_edit`."""
    with editing(dataset, run_key, version) as run:
        return _step(run, edit_log.REDO, edit_log.redoable(run.log), by, progress)


def _step(run, action, stack, by, progress):
    if not stack:
        raise ValueError(f"run {run.run_key!r} has no edit to {action}; look at its edit log")
    edit = run.log[stack[-1]]
    before = set(run.clusters)
    run.commit(edit_log.make_record(action, by, stack[-1]), progress)
    text = f"{'Undone' if action == edit_log.UNDO else 'Done again'}: {edit['text']}"
    if run.left_alone:
        text += f"; {run.left_alone:,} {run.target.unit} were changed or deleted since and stay as they are"
    touched = {int(key) for key in edit["changes"].get("clusters", {})}
    return edited(run, action, text, sorted(touched & (before | set(run.clusters))))
