"""The cluster labels of a run's images or patches: read, and changed where they are, joined by id.

A change writes the parts of a label and not the label, which keeps its id and whatever else somebody put on it.
"""

from dataclasses import dataclass

import fiftyone as fo
import numpy as np

from ...models.labels import UNASSIGNED
from ..dataset.owned_fields import MARK, drop_field, set_mark
from ..dataset.private import is_frames, schema_dataset
from ..dataset.rows import label_path
from .clusters import cluster_label, label_width

_SLICE = 10_000  # ids per query


@dataclass
class Labels:
    """Who is in which cluster.

    Args:
        ids: sample ids, or label ids of patches
        sample_ids: the samples they belong to, the same as ``ids`` for images
        clusters: ``(n,)`` int64 cluster ids, -1 for noise, -2 without a label
        confidence: ``(n,)`` float64, NaN without a label
    """

    ids: list[str]
    sample_ids: list[str]
    clusters: np.ndarray
    confidence: np.ndarray

    def where(self, mask) -> "Labels":
        """The rows that ``mask`` ``(n,)`` keeps."""
        return self.take(np.flatnonzero(mask))

    def take(self, rows) -> "Labels":
        """The rows at some positions, in their order."""
        ids, sample_ids = ([values[row] for row in rows] for values in (self.ids, self.sample_ids))
        return Labels(ids, sample_ids, self.clusters[rows], self.confidence[rows])


def read_labels(target, name: str, clusters=None, ids=None) -> Labels:
    """The labels in a cluster field.

    Args:
        target: a :class:`operators.targets.Target`
        name: the cluster field
        clusters (None): read the members of these clusters
        ids (None): read these images or patches, with or without a label
            with neither, everything is read, what has no label included

    Returns:
        a :class:`Labels`; ids that do not exist any more are left out
    """
    path, source = target.local_path(name), target.source
    if clusters is not None:
        clusters = [int(cluster) for cluster in clusters]
        source = source.mongo([{"$match": {f"{path}.cluster": {"$in": clusters}}}])
    found = _read(target, source, path, None if target.patches_field else ids)
    if clusters is not None:
        found = found.where(np.isin(found.clusters, clusters))
    if ids is not None and target.patches_field:
        wanted = set(ids)
        found = found.where([row_id in wanted for row_id in found.ids])
    return found


def _read(target, source, path, ids):
    paths = [f"{path}.cluster", f"{path}.confidence"]
    columns = [[], [], [], []]
    if target.patches_field:
        root, listed = label_path(target.source, target.patches_field)
        for sample_id, *row in zip(*source.values(["id", f"{root}.id", *paths]), strict=True):
            row = row if listed else [[value] for value in row]
            if row[0] and row[0][0]:
                empty = [None] * len(row[0])
                row = [row[0], [sample_id] * len(row[0]), *(values or empty for values in row[1:])]
                for column, values in zip(columns, row, strict=True):
                    column.extend(values)
    else:
        parts = [ids[i : i + _SLICE] for i in range(0, len(ids), _SLICE)] if ids is not None else [None]
        for part in parts:
            found = source if part is None else source.select(part)
            row_ids, *values = found.values(["id", *paths])
            for column, more in zip(columns, (row_ids, row_ids, *values), strict=True):
                column.extend(more)
    ids, sample_ids, clusters, confidence = columns
    clusters = np.array([UNASSIGNED if cluster is None else cluster for cluster in clusters], np.int64)
    return Labels(ids, sample_ids, clusters, np.array(confidence, np.float64))


def change_labels(target, name: str, there: Labels, clusters, confidence, names: dict[int, str], progress=None):
    """Puts images or patches into clusters.

    Args:
        target: a :class:`operators.targets.Target`
        name: the cluster field
        there: whom to change, with the labels they have
        clusters: ``(n,)`` where they go; -2 takes their label away
        confidence: ``(n,)`` how sure that is
        names: the name of every cluster that they go to
        progress (None): a callable ``(fraction, message)``
    """
    path = target.local_path(name)
    had, keeps = there.clusters != UNASSIGNED, clusters != UNASSIGNED
    values = [
        None if c == UNASSIGNED else fo.Classification(label=names[c], cluster=c, confidence=p)
        for c, p in zip(clusters.tolist(), confidence.tolist(), strict=True)
    ]
    whole = had != keeps
    write_values(target, path, there.where(whole), [v for v, w in zip(values, whole, strict=True) if w])
    inside = had & keeps
    kept, values = there.where(inside), [v for v, i in zip(values, inside, strict=True) if i]
    parts = ("label", "cluster", "confidence")
    for i, part in enumerate(parts):
        if progress:
            progress(i / len(parts), f"writing {len(values):,} labels")
        write_values(target, f"{path}.{part}", kept, [value[part] for value in values])


def rename_labels(target, name: str, names: dict[int, str], progress=None) -> int:
    """Writes the names of clusters to all of their members.

    Args:
        target: a :class:`operators.targets.Target`
        name: the cluster field
        names: new names by cluster id
        progress (None): a callable ``(fraction, message)``

    Returns:
        how many there are
    """
    members = read_labels(target, name, clusters=names)
    values = [names[cluster] for cluster in members.clusters.tolist()]
    write_values(target, f"{target.local_path(name)}.label", members, values, progress)
    return len(values)


def write_values(target, path: str, rows: Labels, values: list, progress=None):
    """Writes one value per image or patch to a path of the samples, joined by id.

    Args:
        target: a :class:`operators.targets.Target`
        path: the path, as :meth:`operators.targets.Target.local_path` gives it
        rows: whom to write to
        values: one value per row
        progress (None): a callable ``(fraction, message)``
    """
    for start in range(0, len(values), _SLICE):
        if progress:
            progress(start / len(values), f"writing {len(values):,} labels")
        part = slice(start, start + _SLICE)
        if target.patches_field:
            keys = zip(rows.sample_ids[part], rows.ids[part], values[part], strict=True)
            entries = [{"sample_id": s, "label_id": i, "value": v} for s, i, v in keys]
            target.source.set_label_values(path, entries, validate=False)
        else:
            target.source.set_values(
                path, dict(zip(rows.ids[part], values[part], strict=True)), key_field="id", validate=False
            )


def create_label_field(target, name: str, run_key: str):
    """Makes an empty cluster field, marked as being written, in place of a dead run's leftover if there is one."""
    dataset, path = target.dataset, target.storage_path(name)
    drop_field(dataset, path)
    if is_frames(target.source):  # a frames view keeps a copy of the schema of its videos' frames
        _add_field(schema_dataset(target.source).add_sample_field, target.local_path(name), run_key)
        if dataset.get_field(path) is None:
            _add_field(dataset.add_frame_field, target.local_path(name), run_key)
        set_mark(dataset, path, run_key, "writing")
    else:
        _add_field(dataset.add_sample_field, path, run_key)


def _add_field(add, path, run_key):
    # marked from its first moment, so that a kill at any time leaves nothing that is not known to be ours
    info = {MARK: {"role": "clusters", "run_key": run_key, "status": "writing"}}
    text = f"Clusters of run {run_key}"
    add(path, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification, description=text, info=info)
    add(f"{path}.cluster", fo.IntField, description="Cluster id, -1 for noise")


def write_labels(target, name, table, labels, confidence, progress=None, slice_size=5000):
    """Writes one ``Classification`` per image or patch, joined by id.

    Args:
        target: a :class:`operators.targets.Target`
        name: the cluster field, made by :func:`create_label_field`
        table: the vectors' table, with ``ids``, ``sample_ids`` and, for patches, label ids in ``ids``
        labels: the clusters ``(n,)``, -1 is noise
        confidence: how sure each is, ``(n,)`` in [0, 1]
        progress (None): a callable ``(fraction, message)``
        slice_size (5000): how many are written at once
    """
    width, path = label_width(labels), target.local_path(name)
    for start in range(0, len(labels), slice_size):
        if progress:
            progress(start / len(labels))
        part = slice(start, start + slice_size)
        values = [
            fo.Classification(label=cluster_label(c, width), confidence=p, cluster=c)
            for c, p in zip(labels[part].tolist(), confidence[part].tolist(), strict=True)
        ]
        if target.patches_field:
            keys = zip(table.sample_ids[part], table.ids[part], values, strict=True)
            target.source.set_label_values(
                path, [{"sample_id": s, "label_id": i, "value": v} for s, i, v in keys], validate=False
            )
        else:
            target.source.set_values(path, dict(zip(table.ids[part], values, strict=True)), key_field="id")
