"""Form inputs for the samples that are meant: whole dataset, view, selection, slice, patches."""

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..dataset.private import is_patches
from ..dataset.shapes import flat
from ..dataset.targets import Target, patch_fields, resolve_target
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
    inputs.view_target(ctx, action_description="Use")
    samples = chosen_samples(ctx, inputs)
    patches_field = None
    if not is_patches(samples) and (fields := patch_fields(samples)):
        options = {WHOLE: "Whole images", **{name: f"Patches of {name}" for name in fields}}
        add_choice(inputs, "unit", options, WHOLE, "Unit", "Whole images, or each labeled patch in them")
        patches_field = chosen_patches_field(ctx.params)
    try:
        return resolve_target(samples, patches_field)
    except ValueError as error:
        add_problem(inputs, str(error))
        return None


def _summary(ctx: foo.ExecutionContext) -> str:
    samples = flat(ctx.target_view())
    if samples.media_type == "group":
        return f"{len(samples):,} groups of dataset {ctx.dataset.name}"
    unit = "patches" if is_patches(samples) else "images"
    unit = unit if len(samples) != 1 else "patch" if unit == "patches" else "image"
    return f"{len(samples):,} {unit} of dataset {ctx.dataset.name}"


def chosen_samples(
    ctx: foo.ExecutionContext, inputs: types.Object | None = None
) -> fo.core.collections.SampleCollection:
    """Return the samples that the user targets, of a grouped dataset those of the chosen slice.

    Args:
        ctx: the execution context
        inputs (None): the form to add the choice of a slice to
    """
    samples = flat(ctx.target_view())
    if samples.media_type != "group":
        return samples
    slices = [name for name, media in samples.group_media_types.items() if media == "image"]
    chosen = ctx.params.get("group_slice") or ctx.group_slice or samples.default_group_slice
    if inputs is not None:
        options = {**{name: f"Slice {name}" for name in slices}, ALL_SLICES: "All image slices"}
        add_choice(inputs, "group_slice", options, chosen, "Slice", "This dataset is grouped: which images to cluster")
    if chosen == ALL_SLICES:
        return samples.select_group_slices(slices)
    return samples.select_group_slices(chosen)


def chosen_patches_field(params: dict) -> str | None:
    """Return the label field whose patches were chosen, None for whole images."""
    unit = params.get("unit")
    return None if unit in (None, WHOLE) else unit
