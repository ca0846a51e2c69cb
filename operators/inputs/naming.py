"""Form of ``label_clusters``, and its values as arguments."""

import inspect
from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE
from ...models.naming.prompt import Instructions, system_text
from ..dataset.ground_truth import truth_fields
from ..execution.app import LONG, failed, stream
from ..execution.python_call import PythonCall
from ..execution.worker import report_result
from ..naming.job import check_naming, label_clusters, name_clusters
from ..naming.request import CLASSIFIER, FIELD, LLM, VOCABULARY, NamingArguments, read_words
from ..naming.server import ServerChoice, read_secrets
from ..outputs.naming import naming_text, show_naming
from ..runs.run import Run
from .model_server import add_consent_box, add_server, consented, sent
from .parameters import add_parameters, form_values
from .pickers import add_run, chosen_run
from .widgets import HALF, add_choice, add_heading, add_problem, refuse

SOURCES = {
    LLM: ("Vision model (LLM)", "Sees a few images of each cluster; at OpenAI, or at a server of your own"),
    VOCABULARY: ("Vocabulary, by CLIP", "Offline: the words of a list that fit a cluster better than the others"),
    CLASSIFIER: ("ImageNet classes", "Offline: what the bundled classifier sees in a cluster more than in others"),
    FIELD: ("A label field", "Offline: the most frequent label of each cluster"),
}


def add_naming(ctx: foo.ExecutionContext, inputs: types.Object) -> None:
    """Add the whole form."""
    if ctx.dataset is None:
        add_problem(inputs, "No dataset is open; open one first")
        return
    run = add_run(ctx, inputs)
    if run is None:
        return
    source = _source(ctx)
    hints = {key: hint for key, (_, hint) in SOURCES.items()}
    add_choice(
        inputs, "source", {k: title for k, (title, _) in SOURCES.items()}, LLM, "Names from", hints[source], hints
    )
    if source == LLM:
        _add_llm(ctx, inputs, run)
    elif source == VOCABULARY:
        _add_vocabulary(ctx, inputs)
    elif source == FIELD:
        _add_field(inputs, run)


def naming_arguments(ctx: foo.ExecutionContext) -> NamingArguments:
    """Return the entered values as arguments of :func:`operators.naming.job.label_clusters`.

    Python callers that delegate send those arguments themselves; they pass through.
    """
    params = ctx.params
    known = inspect.signature(label_clusters).parameters
    given = {k: p.default for k, p in known.items() if k not in ("samples", "progress")}
    given["run_key"] = chosen_run(ctx)
    entered = form_values(Instructions, params.get("instructions"))
    for key in given:
        value = entered.get(key, params.get(key))
        if value not in (None, ""):
            given[key] = value
    if given["source"] == FIELD and not given["label_field"]:
        run = Run.cached(ctx.dataset, given["run_key"])
        given["label_field"] = next(iter(truth_fields(run.target)), None)
    return NamingArguments(**(consented(ctx, given) if given["source"] == LLM else given))


def _source(ctx: foo.ExecutionContext) -> str:
    chosen = ctx.params.get("source")
    return chosen if chosen in SOURCES else LLM


def _add_llm(ctx: foo.ExecutionContext, inputs: types.Object, run: Run) -> None:
    choice, agreed = add_server(ctx, inputs)
    if choice is None:
        return
    cap = types.View(space=HALF)
    inputs.int("max_clusters", min=1, required=False, default=200, label="Max clusters", view=cap)
    add_heading(inputs, "step_instructions", "Instructions")
    valid = add_parameters(inputs, "instructions", Instructions, ctx.params.get("instructions"), shown=5)
    add_heading(inputs, "step_sending", "What is sent")
    text, cost = sending_text(ctx, run, choice, Instructions(**valid))
    inputs.view("sending", (types.Notice if choice.local else types.Warning)(label=text, description=cost))
    add_consent_box(ctx, inputs, choice, agreed)
    why = "Also clusters that have a name from an earlier call"
    inputs.bool("overwrite", required=False, default=False, label="Rename all", description=why)


def sending_text(
    ctx: foo.ExecutionContext, run: Run, choice: ServerChoice, instructions: Instructions
) -> tuple[str, str]:
    """Return what would be sent and what it would cost, each in one sentence."""
    clusters = [c for c in run.clusters if c["id"] != NOISE]
    clusters = sorted(clusters, key=lambda c: -c["size"])[: ctx.params.get("max_clusters") or 200]
    shown = sum(min(c["size"], instructions.n_exemplars) for c in clusters)
    shown += min(3, len(clusters) - 1) * len(clusters) if instructions.contrast == "images" else 0
    question = system_text({"properties": {}}, instructions) + " " * 1200
    return sent(choice, len(clusters), shown, instructions.image_size, question, instructions.layout == "sheet")


def _add_vocabulary(ctx: foo.ExecutionContext, inputs: types.Object) -> None:
    from ...models.encoders import encoder_class

    why = "One a line or separated by commas, or the path of a .txt file; empty: the class names of ImageNet"
    view = types.TextFieldView(multiline=True, rows=3)
    prop = inputs.str("vocabulary", required=False, label="Vocabulary", description=why, view=view)
    try:
        read_words(ctx.params.get("vocabulary"))
    except ValueError as error:
        refuse(prop, str(error))
    why = "clip, or clip:<architecture>/<weights>"
    inputs.str("encoder", required=False, default="clip", label="CLIP encoder", description=why)
    chosen = ctx.params.get("encoder") or "clip"
    if chosen == "clip" and encoder_class("clip")().is_cached() is False:
        inputs.view("weights", types.Warning(label="The weights will be downloaded when naming starts"))


def _add_field(inputs: types.Object, run: Run) -> None:
    fields = truth_fields(run.target)
    if not fields:
        add_problem(inputs, "There is no label field to take names from; add one or choose another source")
        return
    add_choice(inputs, "label_field", {name: name for name in fields}, fields[0], "Label field")


class NamingOperator(PythonCall):
    """Form and answer of the operators that name clusters; each has a ``config`` of its own."""

    work = staticmethod(label_clusters)
    check = staticmethod(check_naming)

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, source of names, what is sent where, and its cost."""
        inputs = types.Object()
        add_naming(ctx, inputs)
        return types.Property(inputs, view=types.View(label="Label clusters"))

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Name with live progress, then show the names."""
        try:
            arguments = naming_arguments(ctx)
            secrets = read_secrets(ctx)
            summary = yield from stream(
                ctx,
                lambda progress: name_clusters(ctx.dataset, arguments, secrets, progress),
                seconds=0 if arguments.dry_run else LONG,
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            ctx.set_progress(progress=1, label=summary.get("text") or "")
            report_result(naming_text(summary))
        else:
            if not summary.get("dry_run"):
                yield ctx.ops.reload_dataset()
                yield ctx.ops.reload_samples()
            yield show_naming(ctx, summary)
