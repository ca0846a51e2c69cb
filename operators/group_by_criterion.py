"""The ``group_by_criterion`` operator: groups by action, place, mood, or whatever the user asks for."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.app import LONG, failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .grouping.job import check_criterion, group_by_criterion, group_images
from .grouping.request import plan_of, propose_key
from .inputs.grouping import criterion_arguments
from .inputs.model_server import add_consent_box, add_server, sent
from .inputs.pickers import add_run
from .inputs.widgets import HALF, add_heading, check
from .naming.server import read_secrets
from .outputs.grouping import groups_text
from .panel.opening import show_labels, tell_made
from .runs.lifecycle import check_run_key

_LETTERS = 1500  # of a question, on average


class GroupByCriterion(PythonCall, foo.Operator):
    """Group images by a criterion; see :func:`operators.grouping.job.group_by_criterion`."""

    work = staticmethod(group_by_criterion)
    check = staticmethod(check_criterion)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="group_by_criterion",
            label="Clusters: group by a criterion",
            description="Cluster by action, place, mood or whatever you say; asks about a few images of many",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="high",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: the run, the criterion, the server, and the number of questions."""
        inputs = types.Object()
        view = types.View(label="Group by criterion")
        run = add_run(ctx, inputs) if ctx.dataset is not None else None
        if run is None:
            return types.Property(inputs, view=view)
        why = "What to group by, such as: action, place, mood, weather, style"
        inputs.str("criterion", required=True, label="Criterion", description=why)
        half = types.View(space=HALF)
        why = "Empty: as many as the model thinks fit"
        inputs.int("n_groups", min=2, max=100, required=False, label="Groups", description=why, view=half)
        proposed = propose_key(run)
        prop = inputs.str("new_run_key", required=False, default=proposed, label="New run key", view=half)
        check(prop, check_run_key, ctx.dataset, ctx.params.get("new_run_key") or proposed)
        choice, agreed = add_server(ctx, inputs)
        if choice is not None:
            add_heading(inputs, "step_sending", "What is sent")
            arguments = criterion_arguments(ctx)
            steps = plan_of(run, arguments)
            text, cost = sent(choice, steps["calls"], steps["n_sent"], arguments.image_size, " " * _LETTERS)
            text += f", for {steps['n_images']:,} images in all"
            inputs.view("plan", (types.Notice if choice.local else types.Warning)(label=text, description=cost))
            add_consent_box(ctx, inputs, choice, agreed)
        return types.Property(inputs, view=view)

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Group with live progress, then show the groups."""
        try:
            arguments, secrets = criterion_arguments(ctx), read_secrets(ctx)
            summary = yield from stream(
                ctx,
                lambda progress: group_images(ctx.dataset, arguments, secrets, progress),
                seconds=0 if arguments.dry_run else LONG,
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            if report_result(groups_text(summary), summary["run_key"]):
                tell_made(ctx.dataset, summary["run_key"])
        else:
            if not (dry := summary.get("dry_run")):
                yield ctx.ops.reload_dataset()
                yield from show_labels(ctx, summary["run_key"])
            title = "Dry run: nothing was sent" if dry else f"Run {summary['run_key']}"
            yield show(ctx, title, groups_text(summary))
