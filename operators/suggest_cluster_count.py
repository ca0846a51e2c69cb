"""The ``suggest_cluster_count`` operator: numbers of clusters to ask for, with the reasons and the curves."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..models.parameters import SEED
from ..models.progress import Progress
from .clustering.count import MAX_CLUSTERS, METHODS, REDUCTIONS, SAMPLE_SIZE, check_suggestion, suggest_cluster_count
from .execution.app import OPEN_PANEL, failed, stream
from .execution.jobs import keep_result
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.clustering import arguments
from .inputs.features import vector_options
from .inputs.target import add_target
from .inputs.widgets import HALF, add_choice, add_heading, add_problem
from .outputs.suggestion import count_shown, numbers_text


class SuggestClusterCount(PythonCall, foo.Operator):
    """Suggest a number of clusters; see :func:`operators.clustering.count.suggest_cluster_count`."""

    work = staticmethod(suggest_cluster_count)
    check = staticmethod(check_suggestion)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="suggest_cluster_count",
            label="Clusters: suggest a number",
            description="Coarse, natural and fine numbers of clusters for these images, with the reasons",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: target, vectors, method."""
        inputs = types.Object()
        view = types.View(label="Suggest a number of clusters")
        target = add_target(ctx, inputs)
        if target is None:
            return types.Property(inputs, view=view)
        add_heading(inputs, "step_2", "2 · How")
        options = vector_options(target, ctx.params.get("embeddings"))
        if not options:
            add_problem(inputs, "There is no vector field; compute one with compute_embeddings first")
            return types.Property(inputs, view=view)
        names = {name: name for name in options}
        add_choice(inputs, "embeddings", names, next(iter(names)), "Vectors", space=HALF)
        add_choice(inputs, "method", METHODS, "kmeans", "Method", space=HALF)
        why = "UMAP if the run will reduce too; it takes some 20 seconds longer"
        add_choice(inputs, "reduce", REDUCTIONS, "none", "Reduction", why, space=HALF)
        half = types.View(space=HALF)
        for name, least, default, label, why in (
            ("max_clusters", 2, MAX_CLUSTERS, "Max. clusters", "The largest number tried"),
            ("sample_size", 8, SAMPLE_SIZE, "Sample size", "How many vectors are used, drawn at random"),
        ):
            inputs.int(name, min=least, default=default, required=False, label=label, description=why, view=half)
        inputs.int("seed", min=0, default=SEED, required=False, label="Seed", view=half)
        return types.Property(inputs, view=view)

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Sweep; the Clusters panel shows the result, and opens ``compute_clusters`` on request.

        A dialog with such buttons would stay over the form that they open: only the user can close one.
        """
        try:
            samples, kwargs = arguments(ctx, suggest_cluster_count)

            def sweep(progress: Progress) -> dict:
                return suggest_cluster_count(samples, progress=progress, **kwargs)

            done = yield from stream(ctx, sweep, quiet=True)
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            ctx.set_progress(progress=1, label=numbers_text(done))
            shown = count_shown(done)
            report_result(shown.pop("result"), **shown)
            return
        keep_result(ctx.dataset, self.uri, "Suggest a number of clusters", numbers_text(done), **count_shown(done))
        yield ctx.ops.notify(f"Suggested: {numbers_text(done)}", variant="success")
        yield ctx.trigger(OPEN_PANEL)
