"""The ``compute_embeddings`` operator: vectors of images by an encoder."""

from collections.abc import Iterator
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..models.costs import duration
from ..models.encoders import default_encoder
from .clustering.estimates import IMMEDIATE_SECONDS, embedding_seconds
from .dataset.targets import resolve_target
from .embedding.embeddings import check_embedding, compute_embeddings
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.clustering import arguments
from .inputs.features import add_encoder, add_folder
from .inputs.target import add_target
from .inputs.widgets import HALF, add_heading
from .outputs.embedding import embedding_text


class ComputeEmbeddings(PythonCall, foo.Operator):
    """Fill a vector field or folder; see :func:`operators.embedding.embeddings.compute_embeddings`."""

    work = staticmethod(compute_embeddings)
    check = staticmethod(check_embedding)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="compute_embeddings",
            label="Clusters: embed images",
            description="Compute vectors of images or patches with an encoder; only what is missing",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: images or patches, encoder, vector field."""
        inputs = types.Object()
        view = types.View(label="Compute embeddings")
        target = add_target(ctx, inputs)
        if target is None:
            return types.Property(inputs, view=view)
        add_heading(inputs, "step_2", "2 · Vectors")
        encoder = add_encoder(ctx, inputs, target)
        half = types.View(space=HALF)
        why = "Images per step; fewer need less memory"
        add_folder(ctx, inputs)
        inputs.int("batch_size", min=1, default=32, required=False, label="Batch size", description=why, view=half)
        n = target.count()
        seconds = embedding_seconds(encoder, n)
        text = f"About {duration(seconds)} for {n:,} {target.unit}, less if some have vectors already"
        warning = "Longer than the App waits for an immediate run; schedule it instead"
        if seconds > IMMEDIATE_SECONDS:
            inputs.view("estimate", types.Warning(label=text, description=warning))
        else:
            inputs.view("estimate", types.Notice(label=text))
        return types.Property(inputs, view=view)

    def resolve_execution_options(self, ctx: foo.ExecutionContext) -> foo.ExecutionOptions:
        """Propose delegation where the work should not depend on the App's server."""
        try:
            long = self._seconds(*arguments(ctx, compute_embeddings)) > IMMEDIATE_SECONDS
        except ValueError:  # the form says what is wrong
            long = False
        return foo.ExecutionOptions(
            allow_immediate_execution=True, allow_delegated_execution=True, default_choice_to_delegated=long
        )

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Run with live progress, then show the numbers of computed and failed vectors."""
        try:
            samples, kwargs = arguments(ctx, compute_embeddings)
            summary = yield from stream(
                ctx,
                lambda progress: compute_embeddings(samples, progress=progress, **kwargs),
                self._seconds(samples, kwargs),
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            ctx.set_progress(progress=1, label=f"{summary['computed']:,} computed, {summary['existing']:,} were there")
            report_result(embedding_text(summary))
        else:
            yield ctx.ops.reload_dataset()
            yield show(ctx, f"Vectors in {summary['embeddings']}", embedding_text(summary))

    @staticmethod
    def _seconds(samples: fo.core.collections.SampleCollection, kwargs: dict) -> float:
        target = resolve_target(samples, kwargs.get("patches_field"))
        return embedding_seconds(kwargs.get("encoder") or default_encoder()[0], target.count())
