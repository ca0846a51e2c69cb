"""The ``compare_clusterings`` operator: two runs, or a run and a label field, side by side."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .evaluation.comparison import compare_clusterings
from .execution.python_call import PythonCall
from .inputs.comparison import comparable
from .inputs.pickers import WHOLE, add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import add_choice, add_problem
from .outputs.comparison import comparison_plot, comparison_text
from .runs.run import Run

SHOW = "show"
MOVED = "moved"


class CompareClusterings(PythonCall, foo.Operator):
    """Compare two clusterings; see :func:`operators.evaluation.comparison.compare_clusterings`."""

    work = staticmethod(compare_clusterings)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="compare_clusterings",
            label="Clusters: compare clusterings",
            description="Which clusters of two runs match, split or merged, and which samples moved",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, and the run or field to compare it with."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            add_samples(ctx, inputs, "Compare")
            options = comparable(run)
            if options:
                add_choice(inputs, "other_run_key", options, next(iter(options)), "Compare with")
            else:
                add_problem(inputs, "There is no other run and no label field to compare with; compute another run")
        return types.Property(inputs, view=types.View(label="Compare clusterings"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Compare, or show the samples that moved."""
        key = chosen_run(ctx)
        run = Run.cached(ctx.dataset, key)
        other = ctx.params.get("other_run_key") or next(iter(comparable(run)), None)
        if other is None:
            raise ValueError(f"there is nothing to compare run {key!r} with; compute another run")
        done = compare_clusterings(run_samples(ctx, key), key, other)
        view = done.pop("view")
        if ctx.params.get(SHOW) == MOVED:
            ctx.ops.set_view(view=view)
        del done["moved"]
        done["view_target"] = ctx.request_params.get("view_target") or WHOLE
        return {**done, "text": comparison_text(done), "heat_map": comparison_plot(done)[0]}

    def resolve_output(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return scores, the fate of each cluster, the heat map, and a button for the samples that moved."""
        outputs = types.Object()
        outputs.str("text", view=types.MarkdownView())
        done = ctx.results
        label = f"Rows: clusters of {done['run_key']}; columns: those of {done['other_run_key']}"
        outputs.plot("heat_map", label=label, layout=comparison_plot(done)[1], config={"displaylogo": False})
        if done["n_moved"]:
            outputs.btn(
                "show_moved",
                label=f"Show the {done['n_moved']:,} {done['unit']} that moved",
                on_click=self.uri,
                params={**{key: done[key] for key in ("run_key", "other_run_key", "view_target")}, SHOW: MOVED},
                variant="contained",
            )
        return types.Property(outputs, view=types.View(label=f"{done['run_key']} and {done['other_run_key']}"))
