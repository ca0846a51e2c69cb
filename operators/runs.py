"""Clustering runs and their label fields: the only file that touches ``dataset.*_run`` and cluster fields.

A run is plain data. Its configuration holds what a person asks about, its results hold the arrays that place new
samples; neither holds vectors. Labels live in one field per run, one ``Classification`` per image or patch.
The field is marked in its ``info`` while it is written, so what a killed run left behind is known to be ours.
"""

import fiftyone as fo
import numpy as np

from .locks import is_held

KIND = "clustering"
MARK = "constellation"
NOISE = -1
MAX_CONFIG_CLUSTERS = 2000  # at about 350 bytes a cluster this keeps the configuration under 1 MB


def propose_run_key(dataset, method: str) -> str:
    """The first free key of the form ``kmeans_1``."""
    taken = set(dataset.list_runs()) | set(dataset.get_field_schema())
    return next(key for i in range(1, len(taken) + 2) if (key := f"{method}_{i}") not in taken)


def check_run_key(dataset, run_key: str):
    """Raises ValueError, in one sentence, if ``run_key`` cannot name a new run."""
    if not isinstance(run_key, str) or not run_key.isidentifier() or run_key.startswith("_"):
        raise ValueError(
            f"run key {run_key!r} is not valid; use letters, digits and underscores, starting with a letter"
        )
    if run_key in dataset.list_runs():
        raise ValueError(f"run key {run_key!r} is taken; choose another or delete that run first")


def check_cluster_field(dataset, name: str, patches_field: str | None = None):
    """Raises ValueError, in one sentence, if labels must not be written to a field of this name."""
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ValueError(
            f"cluster field {name!r} is not valid; use letters, digits and underscores, starting with a letter"
        )
    path = label_path(dataset, name, patches_field)
    owner = next((key for key in list_clustering_runs(dataset) if _paths(dataset, key)[0] == path), None)
    if owner:
        raise ValueError(f"field {path!r} holds the clusters of run {owner!r}; choose another name")
    field = dataset.get_field(path)
    if field is not None and not _mark(field):
        raise ValueError(f"field {path!r} exists and is not a clustering of ours; choose another name")


def label_path(dataset, name: str, patches_field: str | None = None) -> str:
    """Where the clusters live: ``km10`` for images, ``ground_truth.detections.km10`` for patches."""
    return f"{label_root(dataset, patches_field)}.{name}" if patches_field else name


def label_root(dataset, patches_field: str) -> str:
    """The path of the labels in a field: ``ground_truth.detections``, or the field itself for single labels."""
    return dataset._get_label_field_root(patches_field)[0]


def list_clustering_runs(dataset) -> list[str]:
    """The keys of all clustering runs of a dataset."""
    return dataset.list_runs(kind=KIND)


def get_config(dataset, run_key: str):
    """The configuration of a clustering run.

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    known = list_clustering_runs(dataset)
    if run_key not in known:
        some = f"the runs here are {', '.join(known[:10])}" if known else "this dataset has none"
        raise ValueError(f"there is no clustering run {run_key!r}; {some}")
    return dataset.get_run_info(run_key).config


def create_label_field(dataset, path: str, run_key: str):
    """Makes an empty cluster field, marked as being written, in place of a dead run's leftover if there is one."""
    if dataset.get_field(path) is not None:
        dataset.delete_sample_field(path)
    info = {MARK: {"role": "clusters", "run_key": run_key, "status": "writing"}}
    dataset.add_sample_field(
        path,
        fo.EmbeddedDocumentField,
        embedded_doc_type=fo.Classification,
        description=f"Clusters of run {run_key}",
        info=info,
    )
    dataset.add_sample_field(f"{path}.cluster", fo.IntField, description="Cluster id, -1 for noise")


def write_labels(dataset, path, table, labels, confidence, progress=None, slice_size=5000):
    """Writes one ``Classification`` per image or patch, joined by id.

    Args:
        dataset: the dataset that holds the samples
        path: the cluster field, made by :func:`create_label_field`
        table: the vectors' table, with ``ids``, ``sample_ids`` and, for patches, label ids in ``ids``
        labels: the clusters ``(n,)``, -1 is noise
        confidence: how sure each is, ``(n,)`` in [0, 1]
        progress (None): a callable ``(fraction, message)``
        slice_size (5000): how many are written at once
    """
    width = label_width(labels)
    for start in range(0, len(labels), slice_size):
        if progress:
            progress(start / len(labels))
        part = slice(start, start + slice_size)
        values = [
            fo.Classification(label=cluster_label(c, width), confidence=p, cluster=c)
            for c, p in zip(labels[part].tolist(), confidence[part].tolist(), strict=True)
        ]
        if "." in path:
            keys = zip(table.sample_ids[part], table.ids[part], values, strict=True)
            dataset.set_label_values(
                path, [{"sample_id": s, "label_id": i, "value": v} for s, i, v in keys], validate=False
            )
        else:
            dataset.set_values(path, dict(zip(table.ids[part], values, strict=True)), key_field="id")


def label_width(labels) -> int:
    """How many digits the cluster ids among ``labels`` ``(n,)`` need, at least two."""
    return max(2, len(str(int(labels.max(initial=0)))))


def cluster_label(cluster: int, width: int = 2) -> str:
    """``cluster 07`` or ``noise``: zero-padded, so that names sort as numbers do."""
    return "noise" if cluster == NOISE else f"cluster {cluster:0{width}d}"


def register(samples, dataset, run_key, config: dict, clusters: list[dict], arrays: dict):
    """Registers a finished run; its labels are already written.

    Args:
        samples: the collection that was clustered, whose stages are kept
        dataset: its dataset
        run_key: the run's key
        config: plain data
        clusters: per cluster its id, label, size, mean confidence and prototypes
        arrays: numpy arrays by name, which place new samples later
    """
    brief = clusters if len(clusters) <= MAX_CONFIG_CLUSTERS else None
    run = samples.init_run(kind=KIND, clusters=brief, **config)
    samples.register_run(run_key, run)
    try:
        packed = {name: fo.core.utils.serialize_numpy_array(a, ascii=True) for name, a in arrays.items()}
        results = samples.init_run_results(run_key, clusters=clusters, arrays=packed)
        samples.save_run_results(run_key, results)
    except BaseException:
        dataset.delete_run(run_key)
        raise
    _set_mark(dataset, _paths(dataset, run_key)[0], run_key, "done")


def has_labels(dataset, run_key: str) -> bool:
    """Whether a run's label field still exists under the name it was given."""
    path = _paths(dataset, run_key)[0]
    return path is not None and dataset.has_field(path)


def read_clusters(dataset, run_key: str) -> list[dict]:
    """Per cluster: id, label, size, mean confidence and prototypes (sample ids, or label ids of patches)."""
    brief = get_config(dataset, run_key).clusters
    return brief if brief is not None else dataset.load_run_results(run_key).clusters


def read_arrays(dataset, run_key: str) -> dict[str, np.ndarray]:
    """The arrays that place new samples into a run's clusters."""
    packed = dataset.load_run_results(run_key).arrays
    return {name: fo.core.utils.deserialize_numpy_array(text, ascii=True) for name, text in packed.items()}


def rename_run(dataset, run_key: str, new_run_key: str) -> dict:
    """Renames a run; its field moves along if it had the key's name.

    Returns:
        ``{"run_key", "cluster_field"}`` as they are now

    Raises:
        ValueError: in one sentence, if a name is refused
    """
    config = get_config(dataset, run_key)
    check_run_key(dataset, new_run_key)
    old_path, old_name = _paths(dataset, run_key)
    moves = old_name == run_key and dataset.get_field(old_path) is not None
    if moves:
        check_cluster_field(dataset, new_run_key, config.patches_field)
        config.cluster_field = new_run_key
    dataset.rename_run(run_key, new_run_key)
    if moves:
        new_path = label_path(dataset, new_run_key, config.patches_field)
        try:
            dataset.rename_sample_field(old_path, new_path)
        except BaseException:
            dataset.rename_run(new_run_key, run_key)
            raise
        dataset.update_run_config(new_run_key, config)
        dataset.reload()  # the renamed field still carries its old name in memory
        _set_mark(dataset, new_path, new_run_key, "done")
    return {"run_key": new_run_key, "cluster_field": config.cluster_field}


def delete_run(dataset, run_key: str) -> dict:
    """Deletes a run, its label field, and its 2-D map if no other run uses that.

    Returns:
        ``{"run_key", "deleted_field", "deleted_map"}``, None where there was nothing to delete

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    config = get_config(dataset, run_key)
    path = _paths(dataset, run_key)[0]
    field = dataset.get_field(path) if path else None
    deleted_field = path if field is not None and _mark(field) else None
    if deleted_field:
        dataset.delete_sample_field(path)
    others = (get_config(dataset, key).visualization for key in list_clustering_runs(dataset) if key != run_key)
    deleted_map = config.visualization if config.visualization not in set(others) else None
    if deleted_map in dataset.list_brain_runs():
        dataset.delete_brain_run(deleted_map)
    else:
        deleted_map = None
    dataset.delete_run(run_key)
    return {"run_key": run_key, "deleted_field": deleted_field, "deleted_map": deleted_map}


def clean_leftovers(dataset, except_key: str | None = None) -> list[str]:
    """Deletes the half-written fields of runs that died.

    Args:
        dataset: the dataset
        except_key (None): a run key whose writer is the caller

    Returns:
        the paths of the deleted fields
    """
    dead = []
    for path in list(dataset.get_field_schema(flat=True)):
        mark = _mark(dataset.get_field(path)) or {}
        if mark.get("role") == "clusters" and mark.get("status") == "writing":
            key = mark["run_key"]
            if key == except_key or not is_held(dataset, f"run key {key!r}"):
                dataset.delete_sample_field(path)
                dead.append(path)
    return dead


def _paths(dataset, run_key) -> tuple[str | None, str]:
    """A run's label path, or None if its patches field is gone, and its cluster field's name."""
    config = dataset.get_run_info(run_key).config
    if config.patches_field and not dataset.has_field(config.patches_field):
        return None, config.cluster_field
    return label_path(dataset, config.cluster_field, config.patches_field), config.cluster_field


def _mark(field) -> dict | None:
    return ((getattr(field, "info", None) or {}).get(MARK) or None) if field is not None else None


def _set_mark(dataset, path, run_key, status):
    field = dataset.get_field(path)
    field.info = {**(field.info or {}), MARK: {"role": "clusters", "run_key": run_key, "status": status}}
    field.save()
