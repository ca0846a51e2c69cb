"""The grid beside the Clusters panel: the user's own view, and the panel's stages after it.

The panel works inside the view that the user has, and takes only its own stages away again. They are known by their
ids, which the App keeps, whatever the user adds before or after them.
"""

import hashlib

import fiftyone as fo
import fiftyone.operators as foo

from ..dataset.private import stages_of, view_of_app

WHOLE = "DATASET"  # FiftyOne's name of that target
_OURS = "constellation-clusters-"  # starts the ids of the panel's stages


def users_view(ctx: foo.ExecutionContext) -> fo.core.collections.SampleCollection:
    """Return the user's view without the panel's stages, or the dataset if there is nothing else.

    The sidebar's filters are its last stages, for the App drops them when the view changes. A view that cannot be made
    any more, for a field of it was deleted, is none.
    """
    name = ctx.request_params.get("view_name")
    stages = ctx.request_params.get("view") or (stages_of(ctx.dataset.load_saved_view(name)) if name else [])
    own = [stage for stage in stages if not _is_ours(stage)]
    try:
        return view_of_app(ctx.dataset, own, ctx.request_params.get("filters"))
    except ValueError:
        return ctx.dataset


def view_name(ctx: foo.ExecutionContext) -> str:
    """Return a short name that the user's view has for itself, empty if that is the whole dataset."""
    stages = [_content(stage) for stage in stages_of(users_view(ctx))]
    return hashlib.sha256(repr(stages).encode()).hexdigest()[:16] if stages else ""


def shows_ours(ctx: foo.ExecutionContext) -> bool:
    """Return whether the grid's view has stages of the panel."""
    return any(_is_ours(stage) for stage in ctx.request_params.get("view") or [])


def saved_view(ctx: foo.ExecutionContext) -> str | None:
    """Return the name of the saved view that the grid shows, None of any other view."""
    return ctx.request_params.get("view_name")


def set_grid(ctx: foo.ExecutionContext, view: fo.DatasetView) -> None:
    """Show a view that was made from :func:`users_view`; what is selected stays so."""
    users = [_content(stage) for stage in stages_of(users_view(ctx))]
    stages = stages_of(view)
    for place, stage in enumerate(stages):
        if _content(stage) in users:
            users.remove(_content(stage))
        else:
            stage["_uuid"] = f"{_OURS}{place}"
    _set(ctx, stages)


def reset_grid(ctx: foo.ExecutionContext, saved: str | None = None) -> None:
    """Show the user's view again.

    Args:
        ctx: the execution context
        saved (None): a saved view that was shown before; it is chosen again if this is still its content
    """
    if not shows_ours(ctx):
        return
    own = stages_of(users_view(ctx))
    if saved is not None and ctx.dataset.has_saved_view(saved):
        before = stages_of(ctx.dataset.load_saved_view(saved))
        if [_content(stage) for stage in before] == [_content(stage) for stage in own]:
            ctx.ops.set_view(name=saved)
            return
    if own:
        _set(ctx, own)
    else:
        ctx.ops.clear_view()


def _set(ctx: foo.ExecutionContext, stages: list[dict]) -> None:
    ctx.trigger("set_view", params={"view": stages})
    if ctx.selected:
        ctx.ops.set_selected_samples(ctx.selected)


def _is_ours(stage: dict) -> bool:
    return str(stage.get("_uuid")).startswith(_OURS)


def _content(stage: dict) -> str:
    """Return what a stage does: without its id, and without the state that FiftyOne adds to some when they are used."""
    return repr((stage["_cls"], [(name, value) for name, value in stage["kwargs"] if name != "_state"]))


def target_view(ctx: foo.ExecutionContext) -> fo.core.collections.SampleCollection:
    """Return what a form's target means; by default not the cluster that the panel shows, but the user's own view."""
    return ctx.dataset if default_target(ctx) and not _named_target(ctx) else ctx.target_view()


def default_target(ctx: foo.ExecutionContext) -> str | None:
    """Return the target that a form starts with where the grid shows a part of the dataset for the panel alone."""
    return WHOLE if shows_ours(ctx) and users_view(ctx) is ctx.dataset else None


def _named_target(ctx: foo.ExecutionContext) -> str | None:
    return ctx.params.get("view_target") or ctx.request_params.get("view_target")
