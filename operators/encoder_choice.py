"""What the small operators on trained encoders share: the form that picks one."""

import fiftyone.operators.types as types

from .forms import add_choice


def add_trained(ctx, inputs) -> str | None:
    """Adds a drop-down of the model store.

    Returns:
        the chosen name, or None if there is no trained encoder
    """
    from ..models.training import store

    names = store.names(unfinished=True)
    if not names:
        prop = inputs.str("problem", required=False, view=types.Warning(label="No encoder has been trained here yet"))
        prop.invalid = True
        return None
    add_choice(inputs, "name", {name: name for name in names}, names[0], "Encoder")
    return chosen_name(ctx)


def chosen_name(ctx) -> str | None:
    """The name in the form, by default the first of the store."""
    from ..models.training import store

    names = store.names(unfinished=True)
    chosen = ctx.params.get("name")
    return chosen if chosen or not names else names[0]
