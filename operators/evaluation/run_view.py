"""Views of a whole run or of some of its clusters."""

import fiftyone as fo

from ..runs.clusters import cluster_id
from ..runs.run import Run
from .views import borderline_view, check_order, cluster_view, members_view

ALL = "all"


def load_clustering_view(
    samples: fo.core.collections.SampleCollection, run_key: str, cluster: int | None = None, order: str = "confidence"
) -> fo.DatasetView:
    """Load all members of a run, or those of one of its clusters.

    Args:
        samples: the dataset, or a view into it; only the members that are in it are shown
        run_key: the run's key
        cluster (None): a cluster id, -1 for noise
        order ("confidence"): ``"confidence"``, the most confident first; ``"typical"``, the nearest to the cluster's
            center first; ``"atypical"``, the farthest; ``"borderline"``, the few that are nearest to another cluster,
            with ``cluster`` or, without it, of the whole run. The typical and atypical ones are at most 2,000

    Returns:
        a view; of patches if the run is of patches

    Raises:
        ValueError: if there is no such run, cluster or order, or the labels are gone
    """
    run = Run.open(samples, run_key)
    run.check_members()
    check_order(order)
    if cluster is not None:
        return cluster_view(run, samples, cluster_id(cluster), order)
    if order == "borderline":
        return borderline_view(run, samples)
    if order != "confidence":
        raise ValueError(f"order={order!r} is an order within a cluster; name one with cluster=")
    return members_view(run, samples)
