"""Information about a run, as plain data."""

import fiftyone as fo

from .edit_log import history
from .run import Run
from .store import when


def get_clustering_run_info(samples: fo.core.collections.SampleCollection, run_key: str) -> dict:
    """Return everything that is kept about a run, as plain data.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        a dict with ``run_key``, ``created_at``, ``field_exists``, the ``unit`` that was clustered, its ``edits`` and
        the run's configuration

    Raises:
        ValueError: if there is no such run
    """
    return run_info(Run.open(samples, run_key))


def run_info(run: Run) -> dict:
    """Return what :func:`get_clustering_run_info` does, of a run that is open."""
    return {
        "run_key": run.key,
        "created_at": when(run.made_at),
        "field_exists": run.has_labels,
        **run.config.to_dict(),
        "unit": run.unit,
        "clusters": run.clusters,
        "edits": history(run.log),
    }
