"""The ``load_odd_images`` operator: outliers, which a vision model found out of place in their cluster."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .naming.outliers import load_odd_images


class LoadOddImages(PythonCall, foo.Operator):
    """Show outliers; see :func:`operators.naming.outliers.load_odd_images`."""

    work = staticmethod(load_odd_images)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="load_odd_images",
            label="Clusters: load odd images",
            description="Show the images that a vision model found out of place in their cluster",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, and one cluster or all."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            why = "Id of one cluster; empty: all of them"
            inputs.int("cluster", min=0, required=False, label="Cluster", description=why)
        return types.Property(inputs, view=types.View(label="Load odd images"))

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Set the App's view."""
        ctx.ops.set_view(view=load_odd_images(ctx.dataset, chosen_run(ctx), ctx.params.get("cluster")))
