"""The ``delete_clustering_run`` operator."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .runs.lifecycle import delete_clustering_run


class DeleteClusteringRun(PythonCall, foo.Operator):
    """Delete a run; see :func:`operators.runs.lifecycle.delete_clustering_run`."""

    work = staticmethod(delete_clustering_run)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="delete_clustering_run",
            label="Clusters: delete clustering run",
            description="Delete a run with its label field and its map; vectors stay",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="high",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, and what is deleted with it."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            text = f"Deletes run {run.key!r} with its label field {run.field!r}"
            inputs.view("what", types.Warning(label=text, description="The vectors stay. This cannot be undone."))
        return types.Property(inputs, view=types.View(label="Delete clustering run"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Delete and refresh the App."""
        key = chosen_run(ctx, required=True)
        done = delete_clustering_run(ctx.dataset, key)
        ctx.ops.reload_dataset()
        ctx.ops.notify(f"Run {key} is deleted", variant="success")
        return done
