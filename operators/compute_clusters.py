"""The ``compute_clusters`` operator: a short form, the rest folded, and the run it starts."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .clustering.job import check_clustering, compute_clusters
from .execution.app import failed, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.clustering import add_estimate, add_method, add_names, add_options, add_truth, arguments, estimate
from .inputs.features import add_features, add_reduction
from .inputs.short_form import add_count, add_more, is_unfolded
from .inputs.target import add_target
from .outputs.summary import as_text
from .panel.opening import show_labels, show_panels, tell_made


class ComputeClusters(PythonCall, foo.Operator):
    """Cluster images or patches and keep a run; see :func:`operators.clustering.job.compute_clusters`."""

    work = staticmethod(compute_clusters)
    check = staticmethod(check_clustering)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="compute_clusters",
            label="Clusters: find clusters",
            description="Cluster images or patches by what they show, with vectors that are there or new ones",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_placement(self, ctx: foo.ExecutionContext) -> types.Placement:
        """Place an icon in the grid's action bar."""
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label="Compute clusters", icon="/assets/icon.svg", prompt=True),
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: a short one, for every step has a default, or the whole one behind "More"."""
        inputs, view = types.Object(), types.View(label="Compute clusters")
        target = add_target(ctx, inputs)
        if target is None:
            return types.Property(inputs, view=view)
        unfolded = is_unfolded(ctx, target)
        if not unfolded:
            add_count(ctx, inputs, target)
        add_truth(inputs, target)
        add_more(ctx, inputs, target, unfolded)
        if unfolded:
            add_names(ctx, inputs, target)
            add_features(ctx, inputs, target)
            add_reduction(ctx, inputs)
            add_method(ctx, inputs, target)
            add_options(ctx, inputs)
        add_estimate(ctx, inputs, target)
        return types.Property(inputs, view=view)

    def resolve_execution_options(self, ctx: foo.ExecutionContext) -> foo.ExecutionOptions:
        """Propose delegation where the run should not depend on the App's server."""
        try:
            long = estimate(ctx).long
        except ValueError:  # the form says what is wrong
            long = False
        return foo.ExecutionOptions(
            allow_immediate_execution=True, allow_delegated_execution=True, default_choice_to_delegated=long
        )

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Run, in the background if that takes long, then show the Clusters panel on the run, the map behind it."""
        try:
            samples, kwargs = arguments(ctx)
            seconds = 0 if ctx.delegated else estimate(ctx).seconds
            summary = yield from stream(
                ctx, lambda progress: compute_clusters(samples, progress=progress, **kwargs), seconds, quiet=True
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        found = f"{summary['n_clusters']} clusters of {summary['n_used']:,} {summary['unit']}"
        if ctx.delegated:
            ctx.set_progress(progress=1, label=f"{found} in {summary['cluster_field']}")
            if report_result(as_text(summary), summary["run_key"]):
                tell_made(ctx.dataset, summary["run_key"])
            return
        yield ctx.ops.reload_dataset()
        yield from show_labels(ctx, summary["run_key"])
        yield from show_panels(ctx, summary["run_key"], with_map=bool(summary["visualization"]))
        yield ctx.ops.notify(f"{found} in run {summary['run_key']}", variant="success")
