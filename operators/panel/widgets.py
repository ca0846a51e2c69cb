"""Widgets of the Clusters panel: text, buttons, rows and grids in one style."""

from collections.abc import Callable
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

QUIET = "text.secondary"
Event = Callable[[foo.ExecutionContext], None]
# A grid of the App shrinks to its content unless its column is as wide as the panel
_WIDE = {"gridTemplateColumns": "minmax(0, 1fr)"}
# and gives every widget the whole width unless the widget says otherwise
_AS_WIDE_AS_IT_IS = {"item": {"sx": {"width": "auto"}}}


def column(gap: float = 1, container: types.View | None = None, **sx: Any) -> types.GridView:
    """Return a view that puts widgets below one another, as wide as there is room."""
    props = {"grid": {"sx": {**_WIDE, **sx}}}
    return types.GridView(orientation="vertical", gap=gap, container=container, componentsProps=props)


def row(gap: float = 1, **sx: Any) -> types.GridView:
    """Return a view that puts widgets side by side, in several lines where the panel is narrow."""
    style = {"display": "flex", "flexWrap": "wrap", "alignItems": "center", **sx}
    return types.GridView(orientation="horizontal", gap=gap, componentsProps={"grid": {"sx": style}})


def text(
    parent: types.Object,
    name: str,
    content: str,
    size: str = "0.85rem",
    color: str = "text.primary",
    help: str | None = None,
    bold: bool = False,
    one_line: bool = False,
    **sx: Any,
) -> types.Property:
    """Add a line of plain text: markup in it is shown as it is."""
    style = {"overflowWrap": "anywhere", **({"fontWeight": 600} if bold else {}), **sx}
    if one_line:
        style |= {"whiteSpace": "nowrap", "overflow": "hidden", "textOverflow": "ellipsis"}
    props = {"text": {"title": help, "sx": style}, **_AS_WIDE_AS_IT_IS}
    return parent.view(
        name, types.TextView(title=content, padding="0", font_size=size, color=color, componentsProps=props)
    )


def dotted(color: str) -> dict:
    """Return the style of a widget that a dot of a color stands before, as of a cluster before its name."""
    dot = {"content": '""', "position": "absolute", "left": 0, "top": "0.28em", "width": "0.75em", "height": "0.75em"}
    look = {"borderRadius": "50%", "backgroundColor": color, "forcedColorAdjust": "none"}
    return {"position": "relative", "paddingLeft": "1.1em", "&::before": {**dot, **look}}


def button(
    parent: types.Object,
    name: str,
    on_click: Event,
    label: str | None = None,
    icon: str | None = None,
    help: str | None = None,
    disabled: bool = False,
    params: dict | None = None,
    strong: bool = False,
) -> types.Property:
    """Add a button, with a label or an icon or both; its help is shown where the mouse rests."""
    return parent.btn(
        name,
        label=label,
        icon=icon,
        on_click=on_click,
        title=help,
        disabled=disabled,
        params=params or {},
        variant="contained" if strong else "outlined",
        componentsProps={"button": {"aria-label": help or label}, **_AS_WIDE_AS_IT_IS},
    )


def drop_down(
    parent: types.Object,
    name: str,
    choices: dict[str, str],
    on_change: Event,
    label: str | None = None,
    width: int = 170,
) -> types.Property:
    """Add a drop-down without a heading, whose value is the panel's state of that name.

    It has no default: the App would call ``on_change`` with it, and forget it when another input changes.
    """
    props = {"container": {"sx": {"width": width}}, "select": {"aria-label": label}, **_AS_WIDE_AS_IT_IS}
    view = types.DropdownView(compact=True, description=label, componentsProps=props)
    return _enum(parent, name, choices, view, on_change)


def search_field(parent: types.Object, name: str, on_change: Event, label: str, width: int = 150) -> types.Property:
    """Add an input for words to search for."""
    props = {"container": {"sx": {"width": width}}, **_AS_WIDE_AS_IT_IS}
    view = types.TextFieldView(compact=True, placeholder=label, componentsProps=props)
    return parent.str(name, view=view, on_change=on_change)


def menu(parent: types.Object, name: str, choices: dict[str, str], on_change: Event) -> types.Property:
    """Add three dots that open a list of actions; a tooltip would cover the first of them."""
    view = types.DropdownView(icon="MoreVertIcon", addOnClickToMenuItems=True, componentsProps=_AS_WIDE_AS_IT_IS)
    return _enum(parent, name, choices, view, on_change)


def _enum(
    parent: types.Object, name: str, choices: dict[str, str], view: types.DropdownView, on_change: Event
) -> types.Property:
    for key, label in choices.items():
        view.add_choice(key, label=label)
    return parent.enum(name, view.values(), view=view, on_change=on_change)
