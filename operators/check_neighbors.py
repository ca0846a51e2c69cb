"""The ``check_neighbors`` operator: the neighbors that deep methods will take for one kind, seen before they learn."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..models.parameters import SEED
from .dataset.ground_truth import truth_fields
from .evaluation.neighbor_purity import check_neighbors
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.features import vector_options
from .inputs.neighbor_purity import neighbor_arguments
from .inputs.target import NONE, add_target
from .inputs.widgets import HALF, add_choice, add_heading, add_problem
from .outputs.neighbor_purity import neighbors_text


class CheckNeighbors(PythonCall, foo.Operator):
    """Show mined neighbors; see :func:`operators.evaluation.neighbor_purity.check_neighbors`."""

    work = staticmethod(check_neighbors)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="check_neighbors",
            label="Clusters: check neighbors",
            description="Check before a deep method which images it will take for one kind, and how often it is right",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: images, vectors, how many."""
        inputs = types.Object()
        view = types.View(label="Check neighbors")
        target = add_target(ctx, inputs)
        if target is None:
            return types.Property(inputs, view=view)
        add_heading(inputs, "step_neighbors", "2 · Neighbors")
        options = vector_options(target, ctx.params.get("embeddings"))
        if not options:
            add_problem(inputs, "There is no vector field; compute one with compute_embeddings")
            return types.Property(inputs, view=view)
        add_choice(inputs, "embeddings", options, next(iter(options)), "Vectors")
        half = types.View(space=HALF)
        for name, default, most, label, why in (
            ("sample_size", 5, 100, "Images shown", "Drawn at random, by the seed"),
            ("n_neighbors", 20, 500, "Neighbors", "Of each, as the deep methods' parameter n_neighbors"),
        ):
            inputs.int(name, min=1, max=most, required=False, default=default, label=label, description=why, view=half)
        inputs.int("seed", min=0, required=False, default=SEED, label="Seed", view=half)
        if classes := truth_fields(target):
            options = {NONE: "None", **{name: name for name in classes}}
            why = "How many neighbors are of one class; reported, nothing else"
            add_choice(inputs, "ground_truth", options, NONE, "Ground truth", why, space=HALF)
        return types.Property(inputs, view=view)

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Mine, then show the view."""
        try:
            samples, kwargs = neighbor_arguments(ctx)
            found = yield from stream(ctx, lambda progress: check_neighbors(samples, progress=progress, **kwargs))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            report_result(neighbors_text(found))
            return
        yield ctx.ops.set_view(view=found["view"])
        yield show(ctx, "Neighbors", neighbors_text(found))
