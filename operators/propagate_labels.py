"""The ``propagate_labels`` operator: the class of a cluster's labeled members, proposed for its unlabeled ones."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .dataset.ground_truth import truth_fields
from .editing.propagation import MIN_LABELED, MIN_PURITY, check_propagation, propagate_labels
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import HALF, add_choice, add_problem, check
from .outputs.propagation import proposal_text
from .runs.lifecycle import check_cluster_field
from .runs.run import Run


class PropagateLabels(PythonCall, foo.Operator):
    """Propose labels; see :func:`operators.editing.propagation.propagate_labels`."""

    work = staticmethod(propagate_labels)
    check = staticmethod(check_propagation)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="propagate_labels",
            label="Clusters: propagate labels",
            description="Propose the class of a cluster's labeled images for its unlabeled ones, in a new field",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, classes, new field, minimum purity."""
        inputs = types.Object()
        view = types.View(label="Propagate labels")
        run = add_run(ctx, inputs)
        if not run:
            return types.Property(inputs, view=view)
        key, target = run.key, run.target
        fields = truth_fields(target)
        if not fields:
            add_problem(inputs, "There is no field of classes; label some images first")
            return types.Property(inputs, view=view)
        add_samples(ctx, inputs, "Propose labels for")
        half = types.View(space=HALF)
        add_choice(inputs, "ground_truth", {name: name for name in fields}, fields[0], "Classes", space=HALF)
        proposed = ctx.params.get("output_field") or f"{key}_proposal"
        prop = inputs.str("output_field", required=False, default=f"{key}_proposal", label="New field", view=half)
        check(prop, check_cluster_field, target, proposed)
        why = "The least share of a cluster's labeled members in its majority class"
        limits = {"min": 0.0, "max": 1.0, "required": False, "default": MIN_PURITY}
        inputs.float("min_purity", label="Min. purity", description=why, view=half, **limits)
        why = "The least labeled members of a cluster"
        limits = {"min": 1, "required": False, "default": MIN_LABELED}
        inputs.int("min_labeled", label="Min. labeled members", description=why, view=half, **limits)
        return types.Property(inputs, view=view)

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Write the proposals with live progress and say how many."""
        try:
            key = chosen_run(ctx)
            target = Run.cached(ctx.dataset, key).target
            ground_truth = ctx.params.get("ground_truth") or next(iter(truth_fields(target)), None)
            if ground_truth is None:
                raise ValueError("there is no field of classes; label some images first")
            field, samples = ctx.params.get("output_field") or f"{key}_proposal", run_samples(ctx, key)
            names = ("min_purity", "min_labeled")
            given = {name: ctx.params[name] for name in names if ctx.params.get(name) is not None}
            done = yield from stream(
                ctx,
                lambda progress: propagate_labels(samples, key, ground_truth, field, **given, progress=progress),
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        text = f"{done['n_proposed']:,} proposals in {field}; {done['n_left']:,} {done['unit']} are left without"
        if ctx.delegated:
            ctx.set_progress(progress=1, label=text)
            report_result(proposal_text(done))
            return
        yield ctx.ops.reload_dataset()
        yield show(ctx, f"Field {field}", proposal_text(done))
