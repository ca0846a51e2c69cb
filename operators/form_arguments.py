"""What was entered in the ``compute_clusters`` form, as arguments of a plain function, and what they will cost."""

import inspect

from .clustering.constraints import METHODS
from .clustering.estimates import Estimate, estimate_run, image_estimate
from .clustering.job import compute_clusters
from .dataset.targets import resolve_target
from .embedding.embeddings import choose_features, split_fields
from .forms import add_choice, form_values
from .image_form import image_arguments, trains_on_images

NEW = "compute new vectors"
WHOLE = "whole images"
NONE = "none"
ALL_SLICES = "all image slices"


def chosen_samples(ctx, inputs=None):
    """The collection the user targets; for a grouped dataset also which of its slices."""
    samples = ctx.target_view()
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


def estimate(ctx, target=None) -> Estimate:
    """What a run of the form as it stands would cost."""
    if target is None and ctx.dataset is None:
        raise ValueError("no dataset is open; open one first")
    samples, kwargs = arguments(ctx)
    target = target or resolve_target(samples, kwargs.get("patches_field"))
    if trains_on_images(kwargs):
        return image_estimate(target, kwargs)
    first, more = split_fields(kwargs.get("embeddings"))
    field, encoder = choose_features(target, first, kwargs.get("encoder"))
    return estimate_run(target, field, encoder, kwargs, more)


def arguments(ctx, work=compute_clusters) -> tuple[object, dict]:
    """What was entered, as arguments of the plain function ``work``.

    Python callers that delegate send those arguments themselves; they pass through.

    Returns:
        a tuple of the samples and a dict of keyword arguments
    """
    from ..models.clusterers import get_clusterer
    from ..models.encoders import default_encoder, encoder_class
    from ..models.vectors.reduction import get_reduction

    params = ctx.params
    known = set(inspect.signature(work).parameters) - {"samples", "progress"}
    kwargs = {key: value for key, value in params.items() if key in known and value not in (None, "", NONE)}
    if params.get("reduce") == NONE:
        kwargs["reduce"] = NONE
    if field := chosen_patches_field(params):
        kwargs["patches_field"] = field
    if trains_on_images(params):
        return chosen_samples(ctx), image_arguments(params, kwargs)
    for key in ("train", "name"):  # left behind in the form by another method
        kwargs.pop(key, None)
    if kwargs.get("method", "kmeans") not in METHODS:
        kwargs.pop("constraints_from", None)
    if params.get("source") not in (None, NEW):
        kwargs["embeddings"] = _fields(params)
        kwargs.pop("encoder", None)
    elif params.get("source") == NEW:
        kwargs.setdefault("encoder", default_encoder()[0])
    for kind, argument, get_class, default in (
        ("method", "params", get_clusterer, "kmeans"),
        ("reduce", "reduce_params", get_reduction, None),
        ("encoder", "encoder_params", encoder_class, None),
    ):
        chosen = kwargs.get(kind, default)
        if argument in known and (entered := params.get(f"{kind}_{chosen}")) is not None:
            cls = get_class(chosen)
            values = form_values(cls, entered)
            shown = cls.relevant(values) if hasattr(cls, "relevant") else values
            kwargs[argument] = {key: value for key, value in values.items() if key in shown}
    return chosen_samples(ctx), kwargs


def chosen_patches_field(params) -> str | None:
    """The label field whose patches were chosen, None for whole images."""
    unit = params.get("unit")
    return None if unit in (None, WHOLE) else unit


def _fields(params) -> str | list[str]:
    """The chosen vector field, or those chosen if the method takes several."""
    from ..models.clusterers import get_clusterer

    chosen = [name for name, ticked in (params.get("spaces") or {}).items() if ticked and name != params["source"]]
    several = chosen and get_clusterer(params.get("method") or "kmeans").several_spaces
    return [params["source"], *chosen] if several else params["source"]
