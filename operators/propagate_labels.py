"""The ``propagate_labels`` operator: the class of a cluster's labelled members, proposed for its unlabelled ones."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .dataset.ground_truth import truth_fields
from .dataset.targets import resolve_target
from .editing.propagation import KNOWN, PURITY, check_propagation, propagate_labels
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import HALF, add_choice, add_problem, check
from .outputs.propagation import proposal_text
from .runs.lifecycle import check_cluster_field
from .runs.store import get_config


class PropagateLabels(PythonCall, foo.Operator):
    """Proposes labels; see :func:`propagate_labels`."""

    work = staticmethod(propagate_labels)
    check = staticmethod(check_propagation)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="propagate_labels",
            label="Clusters: propagate labels",
            description="Propose the class of a cluster's labelled images for its unlabelled ones, in a new field",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: which run, which classes, where to, and how sure."""
        inputs = types.Object()
        view = types.View(label="Propagate labels")
        key = add_run(ctx, inputs)
        if not key:
            return types.Property(inputs, view=view)
        target = resolve_target(ctx.dataset.load_run_view(key), get_config(ctx.dataset, key).patches_field)
        fields = truth_fields(target)
        if not fields:
            add_problem(inputs, "There is no field of classes; label some images first")
            return types.Property(inputs, view=view)
        add_samples(ctx, inputs, "Propose labels for")
        half = types.View(space=HALF)
        add_choice(inputs, "ground_truth", {name: name for name in fields}, fields[0], "Classes", space=HALF)
        proposed = ctx.params.get("field") or f"{key}_proposal"
        prop = inputs.str("field", required=False, default=f"{key}_proposal", label="New field", view=half)
        check(prop, check_cluster_field, target, proposed)
        why = "The least share of a cluster's known members in its majority class"
        limits = {"min": 0.0, "max": 1.0, "required": False, "default": PURITY}
        inputs.float("min_purity", label="Purity", description=why, view=half, **limits)
        why = "The least known members of a cluster"
        inputs.int("min_known", min=1, required=False, default=KNOWN, label="Known", description=why, view=half)
        return types.Property(inputs, view=view)

    def execute(self, ctx):
        """Writes the proposals with live progress and says how many."""
        try:
            key = chosen_run(ctx)
            target = resolve_target(ctx.dataset.load_run_view(key), get_config(ctx.dataset, key).patches_field)
            ground_truth = ctx.params.get("ground_truth") or next(iter(truth_fields(target)), None)
            if ground_truth is None:
                raise ValueError("there is no field of classes; label some images first")
            field, samples = ctx.params.get("field") or f"{key}_proposal", run_samples(ctx, key)
            given = {name: ctx.params[name] for name in ("min_purity", "min_known") if ctx.params.get(name) is not None}
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
            return
        yield ctx.ops.reload_dataset()
        yield show(ctx, f"Field {field}", proposal_text(done))
