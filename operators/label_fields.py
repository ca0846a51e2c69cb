"""The fields that hold the labels of clustering runs: how they are made, filled, marked, moved and deleted.

One ``Classification`` per image or patch. A field is marked in its ``info`` while it is written, so what a killed run
left behind is known to be ours.
"""

import fiftyone as fo

from .dataset.owned_fields import MARK, drop_field, set_mark

NOISE = -1
COARSE = "_coarse"  # ends the name of the field of a run's coarse level


def create_label_field(target, name: str, run_key: str):
    """Makes an empty cluster field, marked as being written, in place of a dead run's leftover if there is one."""
    dataset, path = target.dataset, target.home_path(name)
    drop_field(dataset, path)
    if target.source._is_frames:  # a frames view keeps a copy of the schema of its videos' frames
        _add_field(target.source._dataset.add_sample_field, target.local_path(name), run_key)
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


def label_width(labels) -> int:
    """How many digits the cluster ids among ``labels`` ``(n,)`` need, at least two."""
    return max(2, len(str(int(labels.max(initial=0)))))


def cluster_label(cluster: int, width: int = 2) -> str:
    """``cluster 07`` or ``noise``: zero-padded, so that names sort as numbers do."""
    return "noise" if cluster == NOISE else f"cluster {cluster:0{width}d}"
