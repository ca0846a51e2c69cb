"""The ``train_encoder`` operator: an encoder of the user's own, from the user's own unlabeled images."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.training import check_training, train_encoder
from .execution.app import LONG, failed, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.target import add_target, has_pictures
from .inputs.training import NEW, add_continued, add_new, trained_clusters, training_arguments
from .inputs.widgets import add_choice, add_heading
from .outputs.training import show_training, training_text


class TrainEncoder(PythonCall, foo.Operator):
    """Train an encoder; see :func:`operators.embedding.training.train_encoder`."""

    work = staticmethod(train_encoder)
    check = staticmethod(check_training)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="train_encoder",
            label="Clusters: train an encoder",
            description="Create vectors by learning from these images, for those unlike the web's photographs",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            default_choice_to_delegated=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: images, encoder, parameters of its training."""
        from ..models.training import store

        inputs = types.Object()
        view = types.View(label="Train encoder")
        target = add_target(ctx, inputs)
        if target is None or not has_pictures(inputs, target):
            return types.Property(inputs, view=view)
        add_heading(inputs, "step_encoder", "2 · Encoder")
        started = [name for name in store.names(unfinished=True) if not trained_clusters(store.path_of(name))]
        if started:
            options = {NEW: "A new encoder", **{name: f"Continue {name}" for name in started}}
            add_choice(inputs, "continue", options, NEW, "Train")
        # a Python caller that delegates sends arguments, not entries of the form
        continued = ctx.params.get("name") if ctx.params.get("resume") else ctx.params.get("continue")
        if continued in started:
            add_continued(inputs, store.path_of(continued))
        else:
            add_new(ctx, inputs, target)
        return types.Property(inputs, view=view)

    def resolve_execution_options(self, ctx: foo.ExecutionContext) -> foo.ExecutionOptions:
        """Recommend delegation: most trainings take longer than the App waits."""
        return foo.ExecutionOptions(
            allow_immediate_execution=True, allow_delegated_execution=True, default_choice_to_delegated=True
        )

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Train with live progress, then show the curve."""
        try:
            samples, kwargs = training_arguments(ctx)
            summary = yield from stream(
                ctx, lambda progress: train_encoder(samples, progress=progress, **kwargs), seconds=LONG
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            report_result(training_text(summary))
        else:
            yield show_training(ctx, summary)
