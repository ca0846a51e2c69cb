"""Runs as FiftyOne keeps them in memory, to look at without a copy.

``dataset.get_run_info()`` copies a configuration at every look. That of 500 clusters takes tens of milliseconds, and a
click in the Clusters panel looks a dozen times.
"""

from datetime import datetime

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE
from ..dataset.owned_fields import all_paths, is_ours
from ..dataset.private import run_documents, stored_config
from ..execution.locks import schema_lock
from .clusters import COARSE

_KEPT = 32  # configurations
_kept: dict[tuple, tuple] = {}
KIND = "clustering"
MAX_CONFIG_CLUSTERS = 2000  # at about 350 bytes a cluster this keeps the configuration under 1 MB


def shared_config(dataset, run_key: str):
    """The configuration of a run, one object for all who look at it and do not change it; None if there is no run."""
    document = run_documents(dataset).get(run_key)
    if document is None:
        return None
    place, kept = (dataset.name, run_key), _kept.get((dataset.name, run_key))
    # whoever changes a run, or reloads it, leaves another dictionary in the document
    if kept is None or kept[0] is not stored_config(document):
        config = dataset.get_run_info(run_key).config
        kept = stored_config(document), config
        if len(_kept) >= _KEPT:
            _kept.clear()
        _kept[place] = kept
    return kept[1]


def clusters_of(dataset, run_key: str, level: str = "fine") -> list[dict]:
    """The clusters of a run as they are now, after all edits.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`; reload it first if another process may have written
        run_key: the run's key
        level ("fine"): "fine", or "coarse" for the clusters of clusters that ``build_cluster_hierarchy`` made

    Returns:
        a list of dicts with id, label, size, mean confidence and prototypes, by id; coarse ones also have the ids of
        their ``clusters``

    Raises:
        ValueError: in one sentence, if there is no such run or level
    """
    if level == "fine":
        return read_clusters(dataset, run_key)
    if level != "coarse":
        raise ValueError(f"there is no level {level!r}; choose 'fine' or 'coarse'")
    clusters = (read_result(dataset, run_key, "coarse") or {}).get("clusters")
    if not clusters:
        raise ValueError(f"run {run_key!r} has no coarse level; make one with build_cluster_hierarchy")
    return clusters


def version_of(dataset, run_key: str) -> int:
    """A number that changes with every change of a run's labels: edits, undo, redo, assignment of new samples.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`; reload it first if another process may have written
        run_key: the run's key

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    return getattr(look_at(dataset, run_key), "version", 0)


def fields_of(config) -> list[str]:
    """The vector fields that a run was made of, from its configuration."""
    return [space["embeddings"] for space in getattr(config, "spaces", None) or []] or [config.embeddings]


def state_of(config) -> int:
    """The state of a run's labels, see :attr:`EditedRun.state`, from its configuration."""
    return getattr(config, "state", getattr(config, "version", 0))


def when(timestamp: datetime | None) -> str:
    """A run's time: ``2026-11-22 14:05`` UTC."""
    return timestamp.strftime("%Y-%m-%d %H:%M UTC") if timestamp else "unknown"


def list_clustering_runs(dataset) -> list[str]:
    """The keys of a dataset's clustering runs, the newest last; those of other plugins are not ours to read."""
    documents = run_documents(dataset)
    ours = [key for key, document in documents.items() if _is_clustering(stored_config(document))]
    return sorted(ours, key=lambda key: documents[key].timestamp)


def _is_clustering(config: dict) -> bool:
    return config.get("kind") == KIND and "label_path" in config


def get_config(dataset, run_key: str):
    """The configuration of a clustering run.

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    document = run_documents(dataset).get(run_key)
    if document is not None and _is_clustering(stored_config(document)):
        return dataset.get_run_info(run_key).config
    known = list_clustering_runs(dataset)
    some = f"the runs here are {', '.join(known[:10])}" if known else "this dataset has none"
    raise ValueError(f"there is no clustering run {run_key!r}; {some}")


def made_at(dataset, run_key: str):
    """When a run was made, in UTC."""
    return run_documents(dataset)[run_key].timestamp


def look_at(dataset, run_key: str):
    """As :func:`get_config`, but quick: shared with others who look, so not to be changed."""
    document = run_documents(dataset).get(run_key)
    if document is not None and _is_clustering(stored_config(document)):
        return shared_config(dataset, run_key)
    return get_config(dataset, run_key)


def has_labels(dataset, run_key: str) -> bool:
    """Whether a run's label field still exists under the name it was given."""
    return dataset.has_field(look_at(dataset, run_key).label_path)


def check_labels(dataset, run_key: str):
    """Raises ValueError, in one sentence, if a run's label field is gone."""
    path = look_at(dataset, run_key).label_path
    if dataset.get_field(path) is None:
        moved = [p for p in all_paths(dataset) if is_ours(dataset, p, run_key) and p != f"{path}{COARSE}"]
        remedy = f"it seems to be {moved[0]!r} now, rename that back" if moved else "delete the run or compute it again"
        raise ValueError(f"the label field {path!r} of run {run_key!r} was deleted or renamed; {remedy}")


def read_clusters(dataset, run_key: str) -> list[dict]:
    """Per cluster: id, label, size, mean confidence and prototypes (sample ids, or label ids of patches)."""
    brief = get_config(dataset, run_key).clusters
    return brief if brief is not None else dataset.load_run_results(run_key).clusters


def read_arrays(dataset, run_key: str) -> dict[str, np.ndarray]:
    """The arrays that place new samples into a run's clusters."""
    packed = dataset.load_run_results(run_key).arrays
    return {name: fo.core.utils.deserialize_numpy_array(text, ascii=True) for name, text in packed.items()}


def read_result(dataset, run_key: str, name: str, default=None):
    """One part of a run.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`; reload it first if another process may have written
        run_key: the run's key
        name: the part's name
        default (None): what to return if the run has no such part

    Returns:
        plain data

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    return getattr(_results(dataset, run_key), name, default)


def read_results(dataset, run_key: str, *names: str) -> dict:
    """Several parts of a run by name, None where it has no such part; see :func:`read_result`."""
    results = _results(dataset, run_key)
    return {name: getattr(results, name, None) for name in names}


def write_results(dataset, run_key: str, **parts):
    """Writes parts of a run and keeps its other ones; waits until nobody else is changing the dataset's runs.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        **parts: plain data by name; lists, dicts with string keys, numbers and text

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    with schema_lock(dataset):
        _write(dataset, run_key, parts)


def change_run(dataset, run_key: str, clusters: list[dict], facts: dict, **parts):
    """Writes what an edit made of a run's clusters, in its configuration and its parts.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        clusters: see :func:`operators.runs.read_clusters`
        facts: what else the configuration says now, by name
        **parts: as for :func:`write_results`
    """
    with schema_lock(dataset):
        config = get_config(dataset, run_key)
        config.clusters = clusters if len(clusters) <= MAX_CONFIG_CLUSTERS else None
        config.n_used = sum(entry["size"] for entry in clusters)
        config.n_noise = sum(entry["size"] for entry in clusters if entry["id"] == NOISE)
        config.n_clusters = sum(entry["id"] != NOISE for entry in clusters)
        for name, value in facts.items():
            setattr(config, name, value)
        dataset.update_run_config(run_key, config)
        _write(dataset, run_key, {"clusters": clusters, **parts})


def _write(dataset, run_key, parts):
    results = _results(dataset, run_key)
    for name, value in parts.items():
        setattr(results, name, value)
    dataset.save_run_results(run_key, results, overwrite=True)


def _results(dataset, run_key):
    look_at(dataset, run_key)  # raises if there is no such run
    # FiftyOne keeps results per process, but another process may have written since
    return dataset.load_run_results(run_key, cache=False, load_view=False)
