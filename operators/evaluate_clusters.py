"""The ``evaluate_clusters`` operator: scores of a run, per cluster and overall, kept with it."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .dataset.ground_truth import truth_fields
from .dataset.targets import resolve_target
from .evaluation.scores import evaluate_clusters
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .inputs.target import NONE
from .inputs.widgets import add_choice
from .outputs.markdown import escape
from .outputs.summary import MAIN_SCORES, score_table
from .runs.store import get_config

LISTED = 50
COLUMNS = ("cohesion", "separation", "silhouette", "purity")


class EvaluateClusters(PythonCall, foo.Operator):
    """Scores a run; see :func:`evaluate_clusters`."""

    work = staticmethod(evaluate_clusters)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="evaluate_clusters",
            label="Clusters: evaluate clusters",
            description="Score a run, with and without classes, per cluster and overall",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which run, and against which classes."""
        inputs = types.Object()
        if key := add_run(ctx, inputs):
            add_truth_choice(ctx, inputs, get_config(ctx.dataset, key))
        return types.Property(inputs, view=types.View(label="Evaluate clusters"))

    def execute(self, ctx):
        """Scores with live progress, then shows the scores."""
        truth = ctx.params.get("ground_truth")
        truth = None if truth in (None, NONE) else truth
        try:
            key = chosen_run(ctx)
            found = yield from stream(ctx, lambda progress: evaluate_clusters(ctx.dataset, key, truth, progress))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if not ctx.delegated:
            yield show(ctx, f"Run {key}", scores_text(found))


def add_truth_choice(ctx, inputs, config):
    """Adds a drop-down of the fields that can hold classes for a run."""
    try:
        fields = truth_fields(resolve_target(ctx.dataset, config.patches_field))
    except ValueError:  # videos and groups: their frames and slices are resolved by the run itself
        fields = []
    options = {NONE: "None", **{name: name for name in fields}}
    known = config.ground_truth if config.ground_truth in options else NONE
    add_choice(inputs, "ground_truth", options, known, "Ground truth", "Classes to score against")


def scores_text(found: dict) -> str:
    """Scores as Markdown: overall, then the largest clusters."""
    lines = [f"**{found['n']:,} members**, {len(found['clusters'])} clusters", ""]
    lines += score_table(found["scores"], MAIN_SCORES)
    rows = sorted(found["clusters"], key=lambda row: -row["size"])
    shown = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
    lines += ["", f"| cluster | size | share | {' | '.join(['confidence', *shown])} |"]
    lines += [f"| {' | '.join(['---'] * (4 + len(shown)))} |"]
    for row in rows[:LISTED]:
        cells = [f"{row[name]:.2f}" if row.get(name) is not None else "" for name in ("confidence", *shown)]
        name = escape(row["label"])
        lines += [f"| {name} | {row['size']:,} | {100 * row['share']:.1f} % | {' | '.join(cells)} |"]
    if len(rows) > LISTED:
        lines += ["", f"and {len(rows) - LISTED:,} smaller ones"]
    return "\n".join([*lines, *(part for note in found["notes"] for part in ("", f"Note: {note}"))])
