"""Clustering runs: made, read, renamed and deleted here; their labels are in the fields of ``label_fields.py``.

A run is plain data. Its configuration holds what a person asks about, its results hold the arrays that place new
samples; neither holds vectors.
"""

import fiftyone as fo

from ..dataset.owned_fields import drop_field, is_ours, mark_of, move_field, set_mark
from ..dataset.private import root_dataset
from ..execution.locks import schema_lock, write_lock
from .clusters import COARSE
from .maps import clean_maps, touch_maps
from .store import KIND, MAX_CONFIG_CLUSTERS, get_config, list_clustering_runs, look_at


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


def check_cluster_field(target, name: str):
    """Raises ValueError, in one sentence, if labels of ``target`` must not be written to a field of this name."""
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ValueError(
            f"cluster field {name!r} is not valid; use letters, digits and underscores, starting with a letter"
        )
    _check_free(target.dataset, target.storage_path(name))


def _check_free(dataset, path):
    """A field is free if there is none, or a dead run left it."""
    owner = next((key for key in list_clustering_runs(dataset) if look_at(dataset, key).label_path == path), None)
    if owner:
        raise ValueError(f"field {path!r} holds the clusters of run {owner!r}; choose another name")
    field = dataset.get_field(path)
    mark = mark_of(field)
    if field is not None and (mark is None or mark["run_key"] in list_clustering_runs(dataset)):
        raise ValueError(f"field {path!r} exists and is not the leftover of a dead run; choose another name")


def register(target, run_key, config: dict, clusters: list[dict], arrays: dict, **parts):
    """Registers a finished run; its labels are already written.

    Args:
        target: a :class:`operators.targets.Target`; the stages of its samples are kept
        run_key: the run's key
        config: plain data
        clusters: per cluster its id, label, size, mean confidence and prototypes
        arrays: numpy arrays by name, which place new samples later
        **parts: what else is kept with the run from the start, see :mod:`operators.run_parts`
    """
    samples, dataset = target.samples, target.dataset
    brief = clusters if len(clusters) <= MAX_CONFIG_CLUSTERS else None
    run = samples.init_run(kind=KIND, clusters=brief, **config)
    samples.register_run(run_key, run)
    try:
        packed = {name: fo.core.utils.serialize_numpy_array(a, ascii=True) for name, a in arrays.items()}
        results = samples.init_run_results(run_key, clusters=clusters, arrays=packed, **parts)
        samples.save_run_results(run_key, results)
    except BaseException:
        dataset.delete_run(run_key)
        raise
    set_mark(dataset, config["label_path"], run_key, "done")


def rename_run(dataset, run_key: str, new_run_key: str) -> dict:
    """Renames a run; its field moves along if it had the key's name.

    Returns:
        ``{"run_key", "cluster_field"}`` as they are now

    Raises:
        ValueError: in one sentence, if a name is refused
    """
    config = get_config(dataset, run_key)
    check_run_key(dataset, new_run_key)
    path, new_path = config.label_path, moved_path(dataset, run_key, new_run_key)
    ours = [path] * (mark_of(dataset.get_field(path)) is not None)
    ours += [f"{path}{COARSE}"] * is_ours(dataset, f"{path}{COARSE}", run_key)
    moves = {p: p.replace(path, new_path, 1) for p in ours} if new_path != path else {}
    for goal in moves.values():
        _check_free(dataset, goal)
        drop_field(dataset, goal)
    dataset.rename_run(run_key, new_run_key)
    try:
        for place, goal in moves.items():
            move_field(dataset, place, goal)
    except BaseException:
        dataset.rename_run(new_run_key, run_key)
        raise
    if moves:
        config.cluster_field, config.label_path = new_run_key, new_path
        dataset.update_run_config(new_run_key, config)
        dataset.reload()  # the renamed field still carries its old name in memory
    for place in ours:
        set_mark(dataset, moves.get(place, place), new_run_key, "done")
    return {"run_key": new_run_key, "cluster_field": config.cluster_field}


def moved_path(dataset, run_key: str, new_run_key: str) -> str:
    """Where a run's labels go when it is renamed: along with it if their field had the key's name."""
    config = get_config(dataset, run_key)
    if config.cluster_field != run_key or dataset.get_field(config.label_path) is None:
        return config.label_path
    return f"{config.label_path.removesuffix(run_key)}{new_run_key}"


def delete_run(dataset, run_key: str) -> dict:
    """Deletes a run, its label field and its coarse one.

    Returns:
        ``{"run_key", "deleted_field"}``, None where there was no field of ours

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    path = get_config(dataset, run_key).label_path
    deleted_field = path if mark_of(dataset.get_field(path)) else None
    if deleted_field:
        drop_field(dataset, path)
    if is_ours(dataset, f"{path}{COARSE}", run_key):
        drop_field(dataset, f"{path}{COARSE}")
    dataset.delete_run(run_key)
    return {"run_key": run_key, "deleted_field": deleted_field}


def delete_clustering_run(samples, run_key: str) -> dict:
    """Deletes a run, its label field, and its 2-D map if no other run uses it; vectors stay.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        ``{"run_key", "deleted_field", "deleted_map"}``, None where there was nothing to delete

    Raises:
        ValueError: in one sentence, if there is no such run; nothing is changed then
    """
    dataset = root_dataset(samples)
    dataset.reload()
    visualization = get_config(dataset, run_key).visualization
    path = get_config(dataset, run_key).label_path
    with write_lock(dataset, f"run key {run_key!r}", f"field {path!r}"), schema_lock(dataset):
        done = delete_run(dataset, run_key)
        deleted = clean_maps(dataset, except_key=run_key)
        touch_maps(dataset)  # the next run of this name has other clusters
    return {**done, "deleted_map": visualization if visualization in deleted else None}


def rename_clustering_run(samples, run_key: str, new_run_key: str) -> dict:
    """Renames a run; its label field moves along if it had the key's name.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        new_run_key: a free key

    Returns:
        ``{"run_key", "cluster_field"}`` as they are now

    Raises:
        ValueError: in one sentence, if a key is refused; nothing is changed then
    """
    dataset = root_dataset(samples)
    dataset.reload()
    if run_key == new_run_key:
        raise ValueError(f"the new run key {new_run_key!r} is the old one; choose another")
    paths = {get_config(dataset, run_key).label_path, moved_path(dataset, run_key, new_run_key)}
    names = [f"run key {run_key!r}", f"run key {new_run_key!r}", *(f"field {path!r}" for path in paths)]
    with write_lock(dataset, *names), schema_lock(dataset):
        done = rename_run(dataset, run_key, new_run_key)
        touch_maps(dataset)  # the next run of the old name has other clusters
    return done
