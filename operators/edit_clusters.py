"""The ``edit_clusters`` operator: rename, merge, split, move, dissolve, absorb noise, undo and redo."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.edit import edit_clusters
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .inputs.editing import add_edit, edit_arguments
from .inputs.pickers import add_run, chosen_run
from .outputs.edits import edit_text
from .runs.run import Run


class EditClusters(PythonCall, foo.Operator):
    """Edits clusters; see :func:`edit_clusters`."""

    work = staticmethod(edit_clusters)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="edit_clusters",
            label="Clusters: edit clusters",
            description="Rename, merge, split, move, dissolve, absorb noise, undo and redo",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: which run, what to do, and what that needs."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            add_edit(ctx, inputs, run)
        return types.Property(inputs, view=types.View(label="Edit clusters"))

    def execute(self, ctx):
        """Edits with live progress and says what was done."""
        try:
            key = chosen_run(ctx, required=True)
            arguments = edit_arguments(ctx, Run.cached(ctx.dataset, key))
            done = yield from stream(
                ctx, lambda progress: edit_clusters(ctx.dataset, key, **arguments, progress=progress)
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if not ctx.delegated:
            yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(done["text"], variant="success" if done["n_changed"] else "info")
            yield show(ctx, f"Run {key}", edit_text(done))
