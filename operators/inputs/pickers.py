"""Form inputs that pick a run, a trained encoder, or samples."""

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..dataset.ground_truth import truth_fields
from ..dataset.shapes import field_of_labels, has_labels_as_samples
from ..execution.grid import WHOLE
from ..runs.run import Run
from ..runs.store import list_clustering_runs
from .target import NONE
from .widgets import add_choice, add_problem, refuse


def add_run(ctx: foo.ExecutionContext, inputs: types.Object) -> Run | None:
    """Add a drop-down of the dataset's clustering runs, newest first.

    Returns:
        the chosen run, or None if there is none
    """
    keys = list_clustering_runs(ctx.dataset) if ctx.dataset is not None else []
    if not keys:
        add_problem(inputs, "This dataset has no clustering run; start one with compute_clusters")
        return None
    labels = {key: f"{key} ({Run.cached(ctx.dataset, key).config.method})" for key in reversed(keys)}
    add_choice(inputs, "run_key", labels, keys[-1], "Run")
    chosen = ctx.params.get("run_key")
    return Run.cached(ctx.dataset, chosen if chosen in keys else keys[-1])


def chosen_run(ctx: foo.ExecutionContext, required: bool = False) -> str:
    """Return the run key that was chosen.

    Args:
        ctx: the execution context
        required (False): whether to refuse a form without a run rather than take the newest

    Raises:
        ValueError: if no run can be meant
    """
    keys = list_clustering_runs(ctx.dataset)
    if key := ctx.params.get("run_key"):
        return key
    if required or not keys:
        raise ValueError(f"no run was named; set run_key to one of {', '.join(keys) or 'none, there are no runs'}")
    return keys[-1]


def add_trained(ctx: foo.ExecutionContext, inputs: types.Object, preselect: bool = True) -> str | None:
    """Add a drop-down of the model store.

    Args:
        ctx: the execution context
        inputs: the object to add to
        preselect (True): whether the first encoder is chosen at once

    Returns:
        the chosen name, or None if there is none
    """
    from ...models.training import store

    names = store.names(unfinished=True)
    if not names:
        prop = inputs.str("problem", required=False, view=types.Warning(label="No encoder has been trained here yet"))
        prop.invalid = True
        return None
    prop = add_choice(inputs, "name", {name: name for name in names}, names[0] if preselect else None, "Encoder")
    if preselect:
        return chosen_name(ctx)
    if not ctx.params.get("name"):
        refuse(prop, "choose an encoder")
    return ctx.params.get("name")


def chosen_name(ctx: foo.ExecutionContext) -> str | None:
    """Return the name in the form, by default the first of the store."""
    from ...models.training import store

    names = store.names(unfinished=True)
    chosen = ctx.params.get("name")
    return chosen if chosen or not names else names[0]


def add_samples(ctx: foo.ExecutionContext, inputs: types.Object, action: str) -> None:
    """Add the choice between the whole dataset, which is the default, the current view and the selection.

    A view that shows one cluster is rarely what is meant.

    Args:
        ctx: the execution context
        inputs: the object to add to
        action: a verb, such as "Export"
    """
    inputs.view_target(ctx, action_description=action, default_target=WHOLE)


def run_samples(ctx: foo.ExecutionContext, run_key: str) -> fo.core.collections.SampleCollection:
    """Return the chosen samples; the dataset if the view is one of patches and the run is not of those."""
    samples = ctx.target_view()
    patches_field = Run.cached(ctx.dataset, run_key).config.patches_field
    if has_labels_as_samples(samples) and field_of_labels(samples) != patches_field:
        return ctx.dataset
    return samples


def add_truth_choice(inputs: types.Object, run: Run) -> None:
    """Add a drop-down of the fields that can hold classes for a run."""
    try:
        fields = truth_fields(run.target)
    except ValueError:  # its labels are gone
        fields = []
    options = {NONE: "None", **{name: name for name in fields}}
    known = run.config.ground_truth if run.config.ground_truth in options else NONE
    add_choice(inputs, "ground_truth", options, known, "Ground truth", "Classes to score against")
