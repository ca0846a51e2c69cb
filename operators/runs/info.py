"""Information about a run, as plain data."""

from ..dataset.private import root_dataset
from .edit_log import history
from .store import get_config, has_labels, read_clusters, read_result, when


def get_clustering_run_info(samples, run_key: str) -> dict:
    """Everything that is kept about a run, as plain data.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        a dict with ``run_key``, ``created_at``, ``field_exists``, the ``edits`` and the run's configuration

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    dataset = root_dataset(samples)
    config = get_config(dataset, run_key).serialize()
    plain = {key: value for key, value in config.items() if key not in ("cls", "type")}
    return {
        "run_key": run_key,
        "created_at": when(dataset.get_run_info(run_key).timestamp),
        "field_exists": has_labels(dataset, run_key),
        **plain,
        "clusters": read_clusters(dataset, run_key),
        "edits": history(read_result(dataset, run_key, "edits") or []),
    }
