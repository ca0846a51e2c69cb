"""What is kept beside a run after it was registered: scores, figures, names, edits. Plain data, one part per name.

Parts live in the run's results, so they are cloned, exported and deleted with it.
"""

from .execution.locks import turn
from .label_fields import NOISE
from .runs import MAX_CONFIG_CLUSTERS, get_config, look_at


def read_part(dataset, run_key: str, name: str, default=None):
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


def read_parts(dataset, run_key: str, *names: str) -> dict:
    """Several parts of a run by name, None where it has no such part; see :func:`read_part`."""
    results = _results(dataset, run_key)
    return {name: getattr(results, name, None) for name in names}


def write_parts(dataset, run_key: str, **parts):
    """Writes parts of a run and keeps its other ones; waits until nobody else is changing the dataset's runs.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        **parts: plain data by name; lists, dicts with string keys, numbers and text

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    with turn(dataset):
        _write(dataset, run_key, parts)


def change_run(dataset, run_key: str, clusters: list[dict], facts: dict, **parts):
    """Writes what an edit made of a run's clusters, in its configuration and its parts.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        clusters: see :func:`operators.runs.read_clusters`
        facts: what else the configuration says now, by name
        **parts: as for :func:`write_parts`
    """
    with turn(dataset):
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
