"""Life of a run: the choice of its key, registration, renaming, deletion.

A run is plain data. Its configuration holds what people ask about, its results hold the arrays that place new samples;
neither holds vectors.
"""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import fiftyone as fo
import numpy as np

from ...models.progress import Progress
from ..dataset.owned_fields import drop_field, mark_of, move_field, remove_field, set_mark
from ..dataset.run_documents import insert_run, remove_run, rename_run, run_keys
from ..dataset.targets import Target
from ..dataset.vectors import VectorTable
from ..execution.locks import schema_lock, write_lock
from ..execution.stages import Stages
from .colors import follow_colors, forget_colors
from .config import MAX_CONFIG_CLUSTERS, RunConfig
from .labels import create_label_field, index_labels, write_labels
from .map_clusters import clusters_at, drop_clusters, keep_clusters
from .map_places import holds_places, index_places, places_for
from .map_points import drop_points, keep_points, points_of_map
from .maps import clean_maps, touch_maps
from .run import Run
from .store import is_clustering_run, read_value, update_config
from .stored_run import StoredRun

MANY = 50_000  # images, of which the index takes so long to make that who opens the run must not wait for it


def propose_run_key(dataset: fo.Dataset, method: str) -> str:
    """Return the first free key of the form ``kmeans_1``."""
    taken = set(run_keys(dataset)) | set(dataset.get_field_schema())
    return next(key for i in range(1, len(taken) + 2) if (key := f"{method}_{i}") not in taken)


def check_name(name: str, what: str) -> None:
    """Raise ValueError if ``name`` can be no run key and no field; ``what`` says which of them is meant."""
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ValueError(f"{what} {name!r} is not valid; use letters, digits and underscores, starting with a letter")


def check_run_key(dataset: fo.Dataset, run_key: str) -> None:
    """Raise ValueError if ``run_key`` cannot name a new run."""
    check_name(run_key, "run key")
    if run_key in run_keys(dataset):
        raise ValueError(f"run key {run_key!r} is taken; choose another or delete that run first")


def check_cluster_field(target: Target, name: str) -> None:
    """Raise ValueError if labels of ``target`` must not be written to a field of this name."""
    check_name(name, "cluster field")
    _check_free(target.dataset, target.storage_path(name))


def _check_free(dataset: fo.Dataset, path: str) -> None:
    """Raise ValueError unless there is no field at a path, or an orphaned writer left it."""
    owner = next(iter(read_value(dataset, "label_path", among=[path])), None)
    if owner:
        raise ValueError(f"field {path!r} holds the clusters of run {owner!r}; choose another name")
    field = dataset.get_field(path)
    if field is None:
        return
    mark = mark_of(field)
    if mark is None or is_clustering_run(dataset, mark["run_key"]):
        raise ValueError(f"field {path!r} exists and is not of an orphaned run; choose another name")
    if mark["status"] != "writing":
        raise ValueError(
            f"field {path!r} holds the clusters of run {mark['run_key']!r}, which this dataset does not have; "
            "choose another name or delete the field"
        )


def register(
    target: Target, run_key: str, config: RunConfig, clusters: list[dict], arrays: dict[str, np.ndarray], **results: Any
) -> None:
    """Register a finished run whose labels are already written; the caller holds the schema lock.

    Args:
        target: what was clustered; the stages of its samples are kept
        run_key: the run's key
        config: its configuration, without cluster records
        clusters: its cluster records
        arrays: numpy arrays by name, which place new samples later
        **results: what else is kept with the run from the start, see :class:`operators.runs.store.Results`
    """
    brief = clusters if len(clusters) <= MAX_CONFIG_CLUSTERS else None
    packed = {name: fo.core.utils.serialize_numpy_array(a, ascii=True) for name, a in arrays.items()}
    results = {"clusters": clusters, "arrays": packed, **results}
    insert_run(target.samples, target.dataset, run_key, replace(config, clusters=brief).to_dict(), results)
    try:
        set_mark(target.dataset, config.label_path, run_key, "done")
    except BaseException:
        remove_run(target.dataset, run_key)
        raise


def delete_clustering_run(samples: fo.core.collections.SampleCollection, run_key: str) -> dict:
    """Delete a run, its label field, and its 2-D map if no other run uses it; vectors stay.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        ``{"run_key", "deleted_field", "deleted_map"}``, None where there was nothing to delete

    Raises:
        ValueError: if there is no such run; nothing is changed then
    """
    run = Run.open(samples, run_key)
    run = run.settled() if run.has_labels else run
    dataset, path = run.dataset, run.config.label_path
    with write_lock(dataset, f"run key {run_key!r}", f"field {path!r}"), schema_lock(dataset):
        deleted_field = path if mark_of(dataset.get_field(path)) else None
        for field in filter(None, (deleted_field, run.coarse_path)):
            drop_field(dataset, field)
        remove_run(dataset, run_key)
        forget_colors(dataset, run_key)
        drop_points(run)
        drop_clusters(run)
        deleted = clean_maps(dataset, run_key, run.config.visualization)
        touch_maps(dataset)  # the next run of this name has other clusters
    drawn = run.config.visualization
    return {"run_key": run_key, "deleted_field": deleted_field, "deleted_map": drawn if drawn in deleted else None}


def rename_clustering_run(samples: fo.core.collections.SampleCollection, run_key: str, new_run_key: str) -> dict:
    """Rename a run; its label field moves along if it had the key's name.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        new_run_key: a free key

    Returns:
        ``{"run_key", "cluster_field"}`` as they are now

    Raises:
        ValueError: if a key is refused; nothing is changed then
    """
    run = Run.open(samples, run_key)
    if run_key == new_run_key:
        raise ValueError(f"the new run key {new_run_key!r} is the old one; choose another")
    run = run.settled() if run.has_labels else run
    paths = {run.config.label_path, moved_path(run, new_run_key)}
    names = [f"run key {run_key!r}", f"run key {new_run_key!r}", *(f"field {path!r}" for path in paths)]
    with write_lock(run.dataset, *names), schema_lock(run.dataset):
        field = _rename(Run.cached(run.dataset, run_key), new_run_key)
        follow_colors(Run.cached(run.dataset, new_run_key), was=run_key)
        touch_maps(run.dataset)  # the next run of the old name has other clusters
    return {"run_key": new_run_key, "cluster_field": field}


def _rename(run: Run, new_run_key: str) -> str:
    """Rename a run whose locks are held; return its cluster field."""
    dataset, run_key, path = run.dataset, run.key, run.config.label_path
    check_run_key(dataset, new_run_key)
    new_path = moved_path(run, new_run_key)
    ours = [path] * (mark_of(dataset.get_field(path)) is not None)
    ours += [run.coarse_path] if run.coarse_path else []
    moves = {p: p.replace(path, new_path, 1) for p in ours} if new_path != path else {}
    for goal in moves.values():
        _check_free(dataset, goal)
        drop_field(dataset, goal)
    rename_run(dataset, run_key, new_run_key)
    try:
        for place, goal in moves.items():
            move_field(dataset, place, goal)
    except BaseException:
        rename_run(dataset, new_run_key, run_key)
        raise
    if moves:
        update_config(dataset, new_run_key, cluster_field=new_run_key, label_path=new_path)
        dataset.reload()  # the renamed field still carries its old name in memory
    for place in ours:
        set_mark(dataset, moves.get(place, place), new_run_key, "done")
    return new_run_key if moves else run.field


def moved_path(run: Run, new_run_key: str) -> str:
    """Return the path of a run's labels after it is renamed: it changes if their field had the key's name."""
    path = run.config.label_path
    if run.field != run.key or run.dataset.get_field(path) is None:
        return path
    return f"{path.removesuffix(run.key)}{new_run_key}"


def keep_run(
    target: Target,
    run_key: str,
    config: RunConfig,
    clusters: list[dict],
    table: VectorTable,
    labels: np.ndarray,
    confidence: np.ndarray,
    stages: Stages,
    report: Progress,
    arrays: dict[str, np.ndarray] | None = None,
    **results: Any,
) -> RunConfig:
    """Write the labels of a new run, then register it: a run that is listed is complete.

    If anything goes wrong, the label field is taken away again.

    Args:
        target: what was clustered
        run_key: the run's key, whose lock the caller holds, as it holds that of the label field
        config: its configuration, without cluster records and seconds
        clusters: its cluster records
        table: ids of the images or patches
        labels: ``(n,)`` their clusters, -1 for noise
        confidence: ``(n,)`` in [0, 1]
        stages: the stages of the work; the one of writing is left, and the seconds of all are recorded
        report: progress of the writing
        arrays (None): numpy arrays by name, which place new samples later
        **results: what else is kept with the run from the start

    Returns:
        the configuration with the seconds and the identity of the run
    """
    created, config = False, replace(config, uid=uuid4().hex[:12])
    try:
        with schema_lock(target.dataset):
            create_label_field(target, config.cluster_field, run_key)
            created = True
        points = points_of_map(target.dataset, config.visualization)
        places = places_for(table.ids, points) if points and holds_places(target, len(table.ids)) else None
        write_labels(target, config.cluster_field, table, labels, confidence, config.uid, report, places)
        if len(table.ids) > MANY:
            index_labels(target.dataset, config.label_path)
        stages.leave()
        config = replace(config, seconds=stages.seconds)
        with schema_lock(target.dataset):
            register(target, run_key, config, clusters, arrays or {}, **results)
    except BaseException:
        if created:
            remove_field(target.source, target.local_path(config.cluster_field))
        raise
    if points:  # they can be read from the App's map as well: a run without them is whole
        run = StoredRun(target.dataset, run_key, config)
        keep_points(run, points)
        keep_clusters(run, points.digest, clusters_at(points, table.ids, labels))
        if places:
            index_places(run)
    return config
