"""The ``evaluate_clusters`` operator: scores of a run, per cluster and overall, kept with it."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .evaluation.scores import check_evaluation, evaluate_clusters
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.pickers import add_run, add_truth_choice, chosen_run
from .inputs.target import NONE
from .outputs.scores import scores_text


class EvaluateClusters(PythonCall, foo.Operator):
    """Score a run; see :func:`operators.evaluation.scores.evaluate_clusters`."""

    work = staticmethod(evaluate_clusters)
    check = staticmethod(check_evaluation)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="evaluate_clusters",
            label="Clusters: evaluate clusters",
            description="Score a run, with and without classes, per cluster and overall",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, and classes to score against."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            add_truth_choice(inputs, run)
        return types.Property(inputs, view=types.View(label="Evaluate clusters"))

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Score with live progress, then show the scores."""
        truth = ctx.params.get("ground_truth")
        truth = None if truth in (None, NONE) else truth
        try:
            key = chosen_run(ctx)
            found = yield from stream(ctx, lambda progress: evaluate_clusters(ctx.dataset, key, truth, progress))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            report_result(scores_text(found))
        else:
            yield show(ctx, f"Run {key}", scores_text(found))
