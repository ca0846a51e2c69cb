"""The ``build_cluster_hierarchy`` operator: a tree over the clusters of a run, and a coarse level in a second field."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.hierarchy import build_cluster_hierarchy, check_hierarchy, check_n_coarse
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.pickers import add_run, chosen_run
from .inputs.widgets import add_choice, add_problem, refuse
from .outputs.edits import hierarchy_text
from .runs.maps import PANEL_COLORS

LINKAGES = {"ward": "Ward: tight groups", "average": "Average: mean distance of centers"}


class BuildClusterHierarchy(PythonCall, foo.Operator):
    """Group clusters; see :func:`operators.editing.hierarchy.build_cluster_hierarchy`."""

    work = staticmethod(build_cluster_hierarchy)
    check = staticmethod(check_hierarchy)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="build_cluster_hierarchy",
            label="Clusters: build cluster hierarchy",
            description="Group the clusters of a run into a few coarse ones, in a second field",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, number of groups, linkage."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            n_clusters = run.config.n_clusters
            try:
                default = check_n_coarse(n_clusters, None)
            except ValueError as error:
                add_problem(inputs, str(error), "n_coarse")
                return types.Property(inputs, view=types.View(label="Build cluster hierarchy"))
            text = f"Groups of the {n_clusters} clusters; the Embeddings panel shows up to {PANEL_COLORS} colors"
            prop = inputs.int("n_coarse", default=default, required=False, label="Coarse clusters", description=text)
            if (given := ctx.params.get("n_coarse")) is not None:
                try:
                    check_n_coarse(n_clusters, given)
                except ValueError as error:
                    refuse(prop, str(error))
            add_choice(inputs, "linkage", LINKAGES, "ward", "Linkage")
        return types.Property(inputs, view=types.View(label="Build cluster hierarchy"))

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Build with live progress, then show the new field."""
        try:
            key = chosen_run(ctx)
            given = {name: ctx.params[name] for name in ("n_coarse", "linkage") if ctx.params.get(name) is not None}
            done = yield from stream(
                ctx, lambda progress: build_cluster_hierarchy(ctx.dataset, key, **given, progress=progress)
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            report_result(hierarchy_text(done))
            return
        yield ctx.ops.reload_dataset()
        yield show(ctx, f"Hierarchy of {key}", hierarchy_text(done))
