"""The ``edit_clusters`` operator: rename, merge, split, move, dissolve, absorb noise, undo and redo."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.edit import check_edit, edit_clusters
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.editing import add_edit, edit_arguments
from .inputs.pickers import add_run, chosen_run
from .outputs.edits import edit_text
from .runs.run import Run


class EditClusters(PythonCall, foo.Operator):
    """Edit clusters; see :func:`operators.editing.edit.edit_clusters`."""

    work = staticmethod(edit_clusters)
    check = staticmethod(check_edit)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="edit_clusters",
            label="Clusters: edit clusters",
            description="Rename, merge, split, move, dissolve, absorb noise, undo and redo",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, edit, and what that takes."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            add_edit(ctx, inputs, run)
        return types.Property(inputs, view=types.View(label="Edit clusters"))

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Edit with live progress and say what was done."""
        try:
            key = chosen_run(ctx, required=True)
            arguments = edit_arguments(ctx, Run.cached(ctx.dataset, key))
            done = yield from stream(
                ctx, lambda progress: edit_clusters(ctx.dataset, key, **arguments, progress=progress)
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            report_result(edit_text(done))
        else:
            yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(done["text"], variant="success" if done["n_changed"] else "info")
            yield show(ctx, f"Run {key}", edit_text(done))
