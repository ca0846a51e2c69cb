"""The ``assign_clusters`` operator: new samples into the clusters of a stored run."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.assignment import assign_clusters, check_assignment
from .execution.app import failed, show, stream
from .execution.grid import default_target, target_view
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.assignment import PASSED, add_run_anywhere, chosen_dataset, picked_run
from .inputs.widgets import add_problem, check
from .outputs.edits import assignment_text
from .panel.opening import show_labels
from .runs.lifecycle import check_name
from .runs.run import Run


class AssignClusters(PythonCall, foo.Operator):
    """Assign new samples; see :func:`operators.editing.assignment.assign_clusters`."""

    work = staticmethod(assign_clusters)
    check = staticmethod(check_assignment)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="assign_clusters",
            label="Clusters: assign new samples",
            description="Clusters of a stored run for new samples, of this dataset or another one",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: samples, run and its dataset, minimum confidence."""
        inputs = types.Object()
        view = types.View(label="Assign clusters")
        if ctx.dataset is None:
            add_problem(inputs, "No dataset is open; open one first")
            return types.Property(inputs, view=view)
        inputs.view_target(ctx, action_description="Assign", default_target=default_target(ctx))
        if add_run_anywhere(ctx, inputs):
            limits = {"default": 0.0, "min": 0, "max": 1, "required": False}
            text = "What has less confidence stays unassigned; 0 assigns everything"
            inputs.float("min_confidence", label="Minimum confidence", description=text, **limits)
            text = "By default the run's own field in its dataset, and the run key elsewhere"
            prop = inputs.str("cluster_field", required=False, label="Cluster field", description=text)
            if name := ctx.params.get("cluster_field"):
                check(prop, check_name, name, "cluster field")
            text = "Also place what an earlier call has assigned"
            inputs.bool("overwrite", default=False, required=False, label="Reassign existing", description=text)
            text = "Images that the encoder takes at once, for those that have no vector yet"
            inputs.int("batch_size", default=32, min=1, required=False, label="Batch size", description=text)
        return types.Property(inputs, view=view)

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Assign with live progress and say how many went where."""
        try:
            given = {key: ctx.params[key] for key in PASSED if ctx.params.get(key) not in (None, "")}
            run_dataset = chosen_dataset(ctx)
            if run_dataset is not ctx.dataset:
                given["run_dataset"] = run_dataset.name
            key = picked_run(ctx, run_dataset)
            elsewhere = given.get("cluster_field") not in (None, Run.cached(run_dataset, key).field)
            samples = target_view(ctx)
            done = yield from stream(ctx, lambda progress: assign_clusters(samples, key, **given, progress=progress))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            ctx.set_progress(progress=1, label=done["text"])
            report_result(assignment_text(done))
            return
        yield ctx.ops.reload_dataset()
        yield from show_labels(ctx, key if run_dataset is ctx.dataset and not elsewhere else done["cluster_field"])
        yield show(ctx, f"Field {done['cluster_field']}", assignment_text(done))
