"""Outliers that a naming model pointed out."""

import fiftyone as fo

from ..runs.run import Run
from .store import read_names


def load_odd_images(
    samples: fo.core.collections.SampleCollection, run_key: str, cluster: int | None = None
) -> fo.DatasetView:
    """Return the outliers of clusters that the model of ``label_clusters`` pointed out.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        cluster (None): the id of one cluster, by default of all

    Returns:
        a view, of patches if the run is of patches

    Raises:
        ValueError: if there is no such run, or none of its outliers is known
    """
    run = Run.open(samples, run_key)
    names = read_names(run)
    chosen = names if cluster is None else {cluster: names.get(cluster, {})}
    ids = [row_id for about in chosen.values() for row_id in about.get("odd") or []]
    if not ids:
        where = f"run {run_key!r}" if cluster is None else f"cluster {cluster} of run {run_key!r}"
        raise ValueError(f"no odd images are known of {where}; a vision model finds them in label_clusters")
    return run.members().view(list(dict.fromkeys(ids)))
