"""Form inputs for the samples that are meant: whole dataset, view, selection, slice, patches."""

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..dataset.files import picture_field
from ..dataset.repeats import each_once
from ..dataset.shapes import field_of_labels, flat, has_labels_as_samples, picked_slice, unit_of
from ..dataset.targets import Target, patch_fields, resolve_target
from ..execution.grid import default_target, target_view
from .widgets import add_choice, add_heading, add_problem

NEW = "compute new vectors"
WHOLE = "whole images"
NONE = "none"
ALL_SLICES = "all image slices"


def add_target(ctx: foo.ExecutionContext, inputs: types.Object) -> Target | None:
    """Add step 1, what to cluster, and return it; None if there is nothing to cluster."""
    if ctx.dataset is None:
        add_problem(inputs, "No dataset is open; open one first")
        return None
    add_heading(inputs, "step_1", "1 · What", _summary(ctx))
    inputs.view_target(ctx, action_description="Use", default_target=default_target(ctx))
    samples = chosen_samples(ctx, inputs)
    patches_field = None
    if not has_labels_as_samples(samples) and (fields := patch_fields(samples)):
        units = {name: unit_of(samples, name).capitalize() for name in fields}
        options = {WHOLE: f"Whole {unit_of(samples)}", **{name: f"{units[name]} of {name}" for name in fields}}
        add_choice(inputs, "unit", options, WHOLE, "Unit", "The whole, or each labeled part of it")
        patches_field = chosen_patches_field(ctx.params)
    try:
        return resolve_target(samples, patches_field)
    except ValueError as error:
        add_problem(inputs, str(error))
        return None


def _summary(ctx: foo.ExecutionContext) -> str:
    samples = target_view(ctx)
    if picked_slice(samples):
        return f"{len(samples):,} groups of dataset {ctx.dataset.name}"
    samples = each_once(flat(samples))
    unit = unit_of(samples, field_of_labels(samples))
    unit = unit if len(samples) != 1 else "patch" if unit == "patches" else unit.removesuffix("s")
    return f"{len(samples):,} {unit} of dataset {ctx.dataset.name}"


def chosen_samples(
    ctx: foo.ExecutionContext, inputs: types.Object | None = None
) -> fo.core.collections.SampleCollection:
    """Return the samples that the user targets, of a grouped dataset those of the chosen slice.

    Args:
        ctx: the execution context
        inputs (None): the form to add the choice of a slice to
    """
    samples = target_view(ctx)
    if picked_slice(samples) is None:
        return flat(samples)
    media = samples.group_media_types
    chosen = ctx.params.get("group_slice") or ctx.group_slice or samples.default_group_slice
    images = [name for name in media if media[name] == fo.core.media.IMAGE]
    if inputs is not None:
        options = {name: f"Slice {name}" + (f" ({media[name]})" if name not in images else "") for name in media}
        options |= {ALL_SLICES: "All image slices"} if images else {}
        add_choice(inputs, "group_slice", options, chosen, "Slice", "This dataset is grouped: which samples to cluster")
    return flat(samples, images if chosen == ALL_SLICES else [chosen])


def has_pictures(inputs: types.Object, target: Target) -> bool:
    """Return whether a target has pictures; if not, say so in the form."""
    try:
        picture_field(target.source, target.patches_field)
    except ValueError as error:
        add_problem(inputs, str(error))
        return False
    return True


def chosen_patches_field(params: dict) -> str | None:
    """Return the label field whose patches were chosen, None for whole images."""
    unit = params.get("unit")
    return None if unit in (None, WHOLE) else unit
