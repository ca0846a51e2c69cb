"""The ``sample_clusters`` operator: as many images of every cluster, a balanced subset to annotate."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..models.parameters import SEED
from .evaluation.sampling import N_PER_CLUSTER, STRATEGIES, check_delegated, sample_clusters
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import HALF, add_choice, check
from .runs.saved_views import check_selection

KEPT = {"tag": "tagged", "view_name": "saved as view"}


class SampleClusters(PythonCall, foo.Operator):
    """Choose a balanced subset; see :func:`operators.evaluation.sampling.sample_clusters`."""

    work = staticmethod(sample_clusters)
    check = staticmethod(check_delegated)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="sample_clusters",
            label="Clusters: sample clusters",
            description="As many images of every cluster, tagged or as a saved view: a balanced subset to annotate",
            icon="/assets/icon.svg",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, how many, sampling strategy, tag and saved view."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            add_samples(ctx, inputs, "Sample")
            half = types.View(space=HALF)
            limits = {"min": 1, "required": False, "default": N_PER_CLUSTER}
            inputs.int("n_per_cluster", label="Samples per cluster", view=half, **limits)
            add_choice(inputs, "strategy", STRATEGIES, "mixed", "Sampling strategy", space=HALF)
            inputs.str("tag", required=False, label="Tag", description="Empty: none", view=half)
            why = "Empty: the grid shows them, nothing is saved. A scheduled choice needs a tag or a view"
            prop = inputs.str("view_name", required=False, label="Saved view", description=why, view=half)
            check(prop, check_selection, ctx.dataset, None, ctx.params.get("view_name") or None)
            inputs.int("seed", min=0, required=False, default=SEED, label="Seed", view=half)
        return types.Property(inputs, view=types.View(label="Sample clusters"))

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Choose, and show the choice in the grid."""
        known = ("n_per_cluster", "tag", "view_name", "strategy", "seed")
        given = {key: ctx.params[key] for key in known if ctx.params.get(key) not in (None, "")}
        key = chosen_run(ctx)
        samples = run_samples(ctx, key)
        if ctx.delegated:
            check_delegated(samples, key, **given)
        done = sample_clusters(samples, key, **given)
        kept = "".join(f", {what} {done[name]}" for name, what in KEPT.items() if done[name])
        short = f"; {len(done['short'])} clusters have fewer" if done["short"] else ""
        text = f"{done['n']:,} {done['unit']} of {len(done['sizes'])} clusters{kept}{short}"
        if ctx.delegated:
            ctx.set_progress(progress=1, label=text)
            return
        ctx.ops.set_view(view=done["view"])
        if kept:
            ctx.ops.reload_dataset()
        ctx.ops.notify(text, variant="success")
