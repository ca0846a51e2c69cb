"""The ``load_clustering_view`` operator: the samples or patches that a run clustered, or one of its clusters."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .evaluation.run_view import ALL, load_clustering_view
from .evaluation.views import ORDERS
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .inputs.widgets import HALF, add_choice


class LoadClusteringView(PythonCall, foo.Operator):
    """Show the samples of a run; see :func:`operators.evaluation.run_view.load_clustering_view`."""

    work = staticmethod(load_clustering_view)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="load_clustering_view",
            label="Clusters: load clustering view",
            description="Show the samples that a run clustered, or one of its clusters",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, and all of it or a cluster in some order."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            known = {str(c["id"]): f"{c['label']} ({c['size']:,})" for c in run.clusters}
            add_choice(inputs, "cluster", {ALL: "All", **known}, ALL, "Cluster", space=HALF)
            if ctx.params.get("cluster") in known:
                orders = {name: text.capitalize() for name, text in ORDERS.items()}
                add_choice(inputs, "order", orders, "confidence", "Order", space=HALF)
        return types.Property(inputs, view=types.View(label="Load clustering view"))

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Set the App's view."""
        cluster = ctx.params.get("cluster")
        if cluster in (None, ALL):
            view = load_clustering_view(ctx.dataset, chosen_run(ctx))
        else:
            order = ctx.params.get("order") or "confidence"
            view = load_clustering_view(ctx.dataset, chosen_run(ctx), int(cluster), order)
        ctx.ops.set_view(view=view)
