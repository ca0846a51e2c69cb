"""The ``load_odd_images`` operator: what a vision model found out of place in its cluster."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .naming.outliers import load_odd_images


class LoadOddImages(PythonCall, foo.Operator):
    """Shows odd images; see :func:`load_odd_images`."""

    work = staticmethod(load_odd_images)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="load_odd_images",
            label="Clusters: load odd images",
            description="Show the images that a vision model found out of place in their cluster",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which run and, if not all, which cluster."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            why = "Id of one cluster; empty: all of them"
            inputs.int("cluster", min=0, required=False, label="Cluster", description=why)
        return types.Property(inputs, view=types.View(label="Load odd images"))

    def execute(self, ctx):
        """Sets the App's view."""
        ctx.ops.set_view(view=load_odd_images(ctx.dataset, chosen_run(ctx), ctx.params.get("cluster")))
