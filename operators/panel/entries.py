"""Fields for text and boxes to tick in the Clusters panel, which act in the tab where they are used only."""

from typing import Any

import fiftyone.operators.types as types

from .widgets import Event

# a field over a text; one that was changed stays until the App draws the text anew
_OVER: dict[str, Any] = {
    "position": "absolute",
    "inset": "-4px 0 auto -7px",
    "opacity": 0,
    "borderRadius": 1,
    "bgcolor": "background.level1",
    "&:focus-within, &:has(:user-valid)": {"opacity": 1},
}


def text_field(
    parent: types.Object,
    name: str,
    content: str,
    on_change: Event,
    label: str,
    placeholder: str | None = None,
    width: int | None = None,
) -> types.Property:
    """Add a field whose text is sent when it is left.

    Args:
        parent: the object to add to
        name: its name in that; under another name the App draws it anew, with ``content`` in it
        content: the text that is in it at first
        on_change: called with the text in ``value``, also if it is the old one
        label: what it is, for who hears it
        placeholder (None): what an empty one says
        width (None): in pixels; without one it lies over what is before it, and is seen when it has the focus
    """
    # the App adds buttons that save and reset, at which the tab key would stop
    look: dict[str, Any] = {"& button, & .MuiBox-root": {"display": "none"}, "& .MuiInputBase-root": {"p": 0}}
    props = {"aria-label": label, "title": content, "maxLength": 300, "dir": "auto", "style": {"padding": "5px 6px"}}
    view = types.LazyFieldView(
        composite_view=True,  # else the App sends the text when it draws the field, and what other tabs have typed
        compact=True,
        placeholder=placeholder,
        componentsProps={
            "field": {"sx": look, "inputProps": props},
            "item": {"sx": {"width": width} if width else _OVER},
        },
    )
    return parent.str(name, default=content, view=view, on_change=on_change)


def tick_box(
    parent: types.Object, on_click: Event, label: str, ticked: bool, params: dict, keys: bool = True
) -> types.Property:
    """Add a box to tick, over the upper left corner of what it is in; an action, for a value goes to every tab."""
    corner = {
        "position": "absolute",
        "top": 3,
        "left": 3,
        "zIndex": 1,
        "width": "auto",
        "opacity": 1 if ticked else 0.75,
    }
    look = {"bgcolor": "background.level1", "border": "none", "p": "1px", "&:hover": {"bgcolor": "background.level2"}}
    box = {"role": "checkbox", "aria-checked": ticked, "aria-label": label, "tabIndex": 0 if keys else -1}
    return parent.btn(
        "tick",
        label=None,
        icon="check_box" if ticked else "check_box_outline_blank",
        on_click=on_click,
        params={**params, "on": not ticked},
        variant="outlined",
        componentsProps={"button": {**box, "sx": look}, "item": {"sx": corner}},
    )
