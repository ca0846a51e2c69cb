"""The ``compute_embeddings`` operator: fills a vector field with an encoder."""

from typing import Annotated

import fiftyone.operators as foo
import fiftyone.operators.types as types
from pydantic import Field

from ..models.costs import duration
from ..models.encoders import default_encoder
from ..models.parameters import typed
from .dataset.targets import resolve_target
from .dataset.vector_fields import check_vector_field
from .embeddings import compute_embeddings
from .estimates import IMMEDIATE_SECONDS, embedding_seconds
from .execution.app import failed, show, stream
from .execution.locks import writing
from .execution.python_call import PythonCall
from .form_arguments import arguments
from .form_steps import add_encoder, add_target
from .forms import HALF, add_heading
from .request import choose_features


def fill_vectors(
    samples,
    encoder=None,
    embeddings: str | None = None,
    patches_field: str | None = None,
    encoder_params: dict | None = None,
    batch_size: Annotated[int, Field(ge=1)] = 32,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    progress=None,
) -> dict:
    """Computes the vectors that are missing in a field, as its only writer.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        encoder (None): an encoder such as ``"efficientnet_lite0"``, by default the default encoder
        embeddings (None): the field to fill, by default named after the encoder
        patches_field (None): embed the patches of this label field
        encoder_params (None): the encoder's parameters by name
        batch_size (32): images per batch
        num_workers (None): threads that read images, by default one per core
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        the summary of :func:`operators.embeddings.compute_embeddings`

    Raises:
        ValueError: in one sentence, if an argument is refused; nothing is changed then
    """
    batches = typed(fill_vectors, {"batch_size": batch_size, "num_workers": num_workers, "embeddings": embeddings})
    target = resolve_target(samples, patches_field)
    if encoder is None:
        encoder = default_encoder()[0]
    field, encoder = choose_features(target, batches.pop("embeddings"), encoder, encoder_params)
    check_vector_field(target.source, field, target.labels)
    with writing(target.dataset, f"field {target.home_path(field)!r}"):
        target.dataset.reload()  # another process may have come first since it was loaded here
        return compute_embeddings(samples, encoder, field, patches_field, encoder_params, **batches, progress=progress)


class ComputeEmbeddings(PythonCall, foo.Operator):
    """Fills a vector field; see :func:`fill_vectors`."""

    work = staticmethod(fill_vectors)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="compute_embeddings",
            label="Clusters: compute embeddings",
            description="Turn images or patches into vectors; computes only what is missing",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: what to embed, with which encoder, into which field."""
        inputs = types.Object()
        view = types.View(label="Compute embeddings")
        target = add_target(ctx, inputs)
        if target is None:
            return types.Property(inputs, view=view)
        add_heading(inputs, "step_2", "2 · Vectors")
        encoder = add_encoder(ctx, inputs, target)
        half = types.View(space=HALF)
        why = "Images per step; fewer need less memory"
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

    def resolve_execution_options(self, ctx):
        """Delegation is the default where the work would pass the App's limit for immediate runs."""
        try:
            samples, kwargs = arguments(ctx, fill_vectors)
            target = resolve_target(samples, kwargs.get("patches_field"))
            encoder = kwargs.get("encoder") or default_encoder()[0]
            long = embedding_seconds(encoder, target.count()) > IMMEDIATE_SECONDS
        except ValueError:  # the form says what is wrong
            long = False
        return foo.ExecutionOptions(
            allow_immediate_execution=True, allow_delegated_execution=True, default_choice_to_delegated=long
        )

    def execute(self, ctx):
        """Runs with live progress, then shows what was computed and what failed."""
        try:
            samples, kwargs = arguments(ctx, fill_vectors)
            summary = yield from stream(ctx, lambda progress: fill_vectors(samples, progress=progress, **kwargs))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            ctx.set_progress(progress=1, label=f"{summary['computed']:,} computed, {summary['existing']:,} were there")
        else:
            yield ctx.ops.reload_dataset()
            yield show(ctx, f"Vectors in {summary['embeddings']}", embedding_text(summary))


def embedding_text(summary: dict) -> str:
    """A summary of computed embeddings as Markdown."""
    lines = [
        f"**{summary['computed']:,} computed**, {summary['existing']:,} were there, "
        f"{summary['images_per_second']:.0f} per second"
    ]
    for reason, count_failed in summary["failed"].items():
        some = ", ".join(str(i) for i in summary["failed_ids"][reason][:5])
        lines += ["", f"Failed: {count_failed:,} {reason} (tagged `embedding_failed`; {some})"]
    return "\n".join(lines)
