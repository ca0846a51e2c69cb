"""The ``load_clustering_view`` operator: the samples or patches that a run clustered, or one of its clusters."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .evaluation.views import ORDERS, check_order, cluster_view, doubtful_view
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .inputs.widgets import HALF, add_choice
from .runs.clusters import cluster_id
from .runs.store import clusters_of, get_config

ALL = "all"


def load_clustering_view(samples, run_key: str, cluster: int | None = None, order: str = "confidence"):
    """The view that a run was computed on, or the members of one of its clusters.

    Args:
        samples: the dataset; of a view into it, only the members of ``cluster`` that are in the view are shown
        run_key: the run's key
        cluster (None): a cluster id, -1 for noise
        order ("confidence"): ``"confidence"``, the most confident first; ``"typical"``, the nearest to the cluster's
            center first; ``"atypical"``, the farthest; ``"borderline"``, the few that are nearest to another cluster,
            with ``cluster`` or, without it, of the whole run. The typical and atypical ones are at most 2,000

    Returns:
        a :class:`fiftyone.core.view.DatasetView`; of patches if the run is of patches

    Raises:
        ValueError: in one sentence, if there is no such run, cluster or order, or the labels are gone
    """
    dataset = samples._root_dataset
    dataset.reload()
    get_config(dataset, run_key)
    check_order(order)
    if cluster is not None:
        return cluster_view(samples, run_key, cluster_id(cluster), order)
    if order == "borderline":
        return doubtful_view(samples, run_key)
    if order != "confidence":
        raise ValueError(f"order={order!r} is an order within a cluster; name one with cluster=")
    return dataset.load_run_view(run_key)


class LoadClusteringView(PythonCall, foo.Operator):
    """Shows the samples of a run; see :func:`load_clustering_view`."""

    work = staticmethod(load_clustering_view)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="load_clustering_view",
            label="Clusters: load clustering view",
            description="Show the samples that a run clustered, or one of its clusters",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which run, and all of it or a cluster in some order."""
        inputs = types.Object()
        if key := add_run(ctx, inputs):
            known = {str(c["id"]): f"{c['label']} ({c['size']:,})" for c in clusters_of(ctx.dataset, key)}
            add_choice(inputs, "cluster", {ALL: "All", **known}, ALL, "Cluster", space=HALF)
            if ctx.params.get("cluster") in known:
                orders = {name: text.capitalize() for name, text in ORDERS.items()}
                add_choice(inputs, "order", orders, "confidence", "Order", space=HALF)
        return types.Property(inputs, view=types.View(label="Load clustering view"))

    def execute(self, ctx):
        """Sets the App's view."""
        cluster = ctx.params.get("cluster")
        if cluster in (None, ALL):
            view = load_clustering_view(ctx.dataset, chosen_run(ctx))
        else:
            order = ctx.params.get("order") or "confidence"
            view = load_clustering_view(ctx.dataset, chosen_run(ctx), int(cluster), order)
        ctx.ops.set_view(view=view)
