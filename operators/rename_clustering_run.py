"""The ``rename_clustering_run`` operator."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .inputs.widgets import check
from .runs.lifecycle import check_run_key, rename_clustering_run


class RenameClusteringRun(PythonCall, foo.Operator):
    """Rename a run; see :func:`operators.runs.lifecycle.rename_clustering_run`."""

    work = staticmethod(rename_clustering_run)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="rename_clustering_run",
            label="Clusters: rename clustering run",
            description="Give a run, and the field that carries its name, a new name",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run and its new key, which is checked while typing."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            prop = inputs.str("new_run_key", required=True, label="New run key")
            if new := ctx.params.get("new_run_key"):
                check(prop, check_run_key, ctx.dataset, new)
        return types.Property(inputs, view=types.View(label="Rename clustering run"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Rename and show the new name in the App."""
        key = chosen_run(ctx)
        done = rename_clustering_run(ctx.dataset, key, ctx.params["new_run_key"])
        ctx.ops.reload_dataset()
        ctx.ops.notify(f"Run {key} is now {done['run_key']}", variant="success")
        return done
