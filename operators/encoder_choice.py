"""What the small operators on trained encoders share: the form that picks one."""

import fiftyone.operators.types as types

from .forms import add_choice, refuse


def add_trained(ctx, inputs, preselect: bool = True) -> str | None:
    """Adds a drop-down of the model store.

    Args:
        ctx: the :class:`fiftyone.operators.ExecutionContext`
        inputs: the :class:`fiftyone.operators.types.Object` to add to
        preselect (True): whether the first encoder is chosen at once

    Returns:
        the chosen name, or None if there is none
    """
    from ..models.training import store

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


def chosen_name(ctx) -> str | None:
    """The name in the form, by default the first of the store."""
    from ..models.training import store

    names = store.names(unfinished=True)
    chosen = ctx.params.get("name")
    return chosen if chosen or not names else names[0]
