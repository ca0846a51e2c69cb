"""The ``find_cluster_duplicates`` operator: near-duplicates inside clusters."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .evaluation.duplicates import MIN_SIMILARITY, check_delegated, find_cluster_duplicates
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import HALF
from .outputs.markdown import escape


class FindClusterDuplicates(PythonCall, foo.Operator):
    """Find near-duplicates; see :func:`operators.evaluation.duplicates.find_cluster_duplicates`."""

    work = staticmethod(find_cluster_duplicates)
    check = staticmethod(check_delegated)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="find_cluster_duplicates",
            label="Clusters: find cluster duplicates",
            description="Near-duplicates inside clusters, group by group",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, minimum similarity, tag."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            add_samples(ctx, inputs, "Search")
            half = types.View(space=HALF)
            why = "Of two near-duplicates"
            slider = {"min": 0.5, "max": 1.0, "required": False, "default": MIN_SIMILARITY}
            inputs.float("min_similarity", label="Minimum cosine similarity", description=why, view=half, **slider)
            why = "For all but the most confident of each group; empty: none. A scheduled search needs one"
            inputs.str("tag", required=False, label="Tag", description=why, view=half)
        return types.Property(inputs, view=types.View(label="Find near-duplicates"))

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Search with live progress, then show the groups in the grid."""
        try:
            key, tag = chosen_run(ctx), ctx.params.get("tag") or None
            min_similarity = float(ctx.params.get("min_similarity") or MIN_SIMILARITY)
            samples, work = run_samples(ctx, key), find_cluster_duplicates
            if ctx.delegated:
                check_delegated(samples, key, min_similarity, tag)
            done = yield from stream(ctx, lambda progress: work(samples, key, min_similarity, tag, progress=progress))
        except Exception as error:
            yield from failed(ctx, error)
            return
        text = f"{done['n_groups']:,} groups of near-duplicates, {done['n_extra']:,} {done['unit']} too many"
        text += f", tagged {tag}" if tag else ""
        if ctx.delegated:
            ctx.set_progress(progress=1, label=text)
            report_result(escape(text))
            return
        if not done["n_groups"]:
            text = f"No two {done['unit']} of a cluster are that near; lower the minimum similarity"
            yield ctx.ops.notify(text)
        else:
            yield ctx.ops.set_view(view=done["view"])
            if done["n_shown"] < done["n_groups"]:
                text += f"; the grid shows the {done['n_shown']:,} largest groups"
            if tag:
                yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(text, variant="success")
        yield show(ctx, f"Near-duplicates in {key}", escape(text))
