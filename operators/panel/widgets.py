"""Widgets of the Clusters panel: text, buttons, rows and grids in one style."""

from collections.abc import Callable
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

QUIET = "text.secondary"
# A warning is marked, not colored: the App's orange text has 3 : 1 on light ground
MARKED: dict[str, Any] = {"borderLeft": "3px solid", "borderColor": "warning.main", "paddingLeft": "6px"}
Event = Callable[[foo.ExecutionContext], None]
# A grid of the App shrinks to its content unless its column is as wide as the panel
_WIDE = {"gridTemplateColumns": "minmax(0, 1fr)"}
# and gives every widget the whole width unless the widget says otherwise
_AS_WIDE_AS_IT_IS = {"item": {"sx": {"width": "auto"}}}
_ONE_LINE = {"whiteSpace": "nowrap", "overflow": "hidden", "textOverflow": "ellipsis"}
# the list of a menu, over what is below it
_SHEET: dict[str, Any] = {
    "display": "none",
    "position": "absolute",
    "top": "100%",
    "zIndex": 10,
    "maxWidth": 420,
    "maxHeight": 380,
    "overflow": "auto",
    "bgcolor": "background.level2",
    "border": "1px solid",
    "borderColor": "divider",
    "borderRadius": 1,
    "boxShadow": 8,
}


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
        style |= _ONE_LINE
    props = {"text": {"title": help, "sx": style}, **_AS_WIDE_AS_IT_IS}
    return parent.view(
        name, types.TextView(title=content, padding="0", font_size=size, color=color, componentsProps=props)
    )


def markdown(parent: types.Object, name: str, content: str) -> types.Property:
    """Add a text with markup, in which code has the color of the text: the App's orange has 2.5 : 1 on light ground."""
    return parent.md(content, name=name, componentsProps={"container": {"sx": {"& span": {"color": "text.primary"}}}})


def dotted(color: str) -> dict:
    """Return the style of a widget that a dot of a color stands before, as of a cluster before its name."""
    dot = {"content": '""', "position": "absolute", "left": 0, "top": "0.28em", "width": "0.75em", "height": "0.75em"}
    look = {"borderRadius": "50%", "backgroundColor": color, "forcedColorAdjust": "none"}
    return {"position": "relative", "paddingLeft": "1.1em", "&::before": {**dot, **look}}


# White on the App's orange has a contrast of 2.9 : 1; for small text 4.5 : 1 are needed (WCAG 2.1, 1.4.3)
# and the App darkens the orange under the mouse, where dark text has 3.3 : 1
_ON_STRONG = {"&, & p, & svg": {"color": "#1a1a1a"}, "&:hover": {"backgroundColor": "primary.main"}}


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
    short: int | None = None,
) -> types.Property:
    """Add a button, with a label or an icon or both; its help is shown where the mouse rests.

    Who hears the panel hears the label that others see, or the help of a button without one.

    Args:
        parent: the object to add to
        name: its name in that
        on_click: what it calls
        label (None): its text
        icon (None): its icon
        help (None): what it does, for the tooltip and for who hears it
        disabled (False): whether it cannot be pressed
        params (None): what ``on_click`` is called with
        strong (False): whether it stands out
        short (None): the greatest width of its text in pixels, which is cut there
    """
    cut = {"container": {"sx": {"& p": {**_ONE_LINE, "maxWidth": short}}}} if short else {}
    look = {"sx": _ON_STRONG} if strong and not disabled else {}
    return parent.btn(
        name,
        label=label,
        icon=icon,
        on_click=on_click,
        title=help,
        disabled=disabled,
        params=params or {},
        variant="contained" if strong else "outlined",
        componentsProps={"button": {"aria-label": label or help, **look}, **cut, **_AS_WIDE_AS_IT_IS},
    )


def drop_down(
    parent: types.Object,
    name: str,
    choices: dict[str, str],
    on_choice: Event,
    label: str,
    chosen: str | None = None,
    width: int = 170,
    params: dict | None = None,
) -> None:
    """Add a button that says what is chosen, and opens the list of choices.

    Args:
        parent: the object to add to
        name: its name in that
        choices: what can be chosen, and how it is called
        on_choice: called with the choice in ``value``
        label: what is chosen here, for the tooltip of a long choice and for who hears it
        chosen (None): the choice as it is now; none says the label
        width (170): in pixels
        params (None): what else it is called with
    """
    said = choices.get(chosen or "", label)
    look = {"width": width, "justifyContent": "space-between", "& p": _ONE_LINE}
    shown = {"label": said, "icon": "expand_more", "icon_position": "right", "variant": "outlined"}
    opener = {**shown, "componentsProps": {"button": {"aria-label": f"{label}: {said}", "title": said, "sx": look}}}
    turn = list(choices).index(chosen) if chosen in choices else -1
    _add_menu(parent, name, opener, choices, on_choice, params or {}, chosen, turn)


def menu(
    parent: types.Object,
    name: str,
    choices: dict[str, str],
    on_choice: Event,
    label: str,
    params: dict | None = None,
    turn: int = 0,
    fit: bool = False,
    keys: bool = True,
) -> None:
    """Add three dots that open a list of actions.

    Args:
        parent: the object to add to
        name: its name in that
        choices: the actions, and how they are called
        on_choice: called with the action in ``value``
        label: whose actions they are, for who hears it
        params (None): what else it is called with
        turn (0): another number closes the list
        fit (False): whether the list is as wide as what the dots are in, which has to be positioned
        keys (True): whether the tab key stops at the dots
    """
    props = {"aria-label": label, "tabIndex": 0 if keys else -1, "sx": {"border": "none"}}
    opener = {"label": None, "icon": "more_vert", "variant": "outlined", "componentsProps": {"button": props}}
    _add_menu(parent, name, opener, choices, on_choice, params or {}, turn=turn, fit=fit)


def search_field(parent: types.Object, name: str, on_change: Event, label: str, width: int = 150) -> types.Property:
    """Add an input for words to search for."""
    props = {"container": {"sx": {"width": width}}, **_AS_WIDE_AS_IT_IS}
    view = types.TextFieldView(compact=True, placeholder=label, componentsProps=props)
    return parent.str(name, view=view, on_change=on_change)


def _add_menu(
    parent: types.Object,
    name: str,
    opener: dict,
    choices: dict[str, str],
    on_choice: Event,
    params: dict,
    chosen: str | None = None,
    turn: int = 0,
    fit: bool = False,
) -> None:
    """Add a button that opens a list of buttons as long as one of them has the focus.

    The App's own drop-down is a value: the App copies it to every tab that has the dataset open, where it acts again.
    The list has another name after a choice, so that the App draws a new one, which has no focus and is closed.
    """
    box, items = types.Object(), types.Object()
    opener["componentsProps"]["button"] |= {"aria-haspopup": "true"}
    box.btn("open", **opener)
    for place, (key, label) in enumerate(choices.items()):
        is_chosen = key == chosen
        look: dict[str, Any] = {
            "border": "none",
            "justifyContent": "flex-start",
            "width": "100%",
            "color": "text.primary",
        }
        look |= {"py": 0.25, "px": 1.25, "textAlign": "left", "&.Mui-disabled": {"border": "none"}}
        look |= {"opacity": 1, "bgcolor": "action.selected !important"} if is_chosen else {}
        items.btn(
            f"item_{place}",
            label=label,
            on_click=on_choice,
            params={**params, "value": key},
            variant="outlined",
            disabled=is_chosen,
            componentsProps={
                "button": {"aria-current": "true" if is_chosen else None, "sx": look},
                "container": {"sx": {"& p": {"fontSize": "0.9rem"}}},
            },
        )
    place_of: dict[str, Any] = {"left": 0, "right": 0} if fit else {"left": 0, "width": "max-content"}
    props: dict[str, Any] = {"grid": {"sx": _WIDE, "role": "group"}, "item": {"sx": {**_SHEET, **place_of}}}
    box.define_property(
        f"items_{turn}", items, view=types.GridView(orientation="vertical", gap=0, componentsProps=props)
    )
    # a second click on the opener falls through it, so that the focus is lost and the list closes
    style: dict[str, Any] = {"display": "block", "&:focus-within > :last-child": {"display": "block"}}
    style |= {"&:focus-within > :first-of-type": {"pointerEvents": "none"}}
    around: dict[str, Any] = {"width": "auto"}
    if fit:
        around |= {"position": "static", "& > div": {"position": "static"}}
    else:
        style |= {"position": "relative"}
    props = {"grid": {"sx": style}, "item": {"sx": around}}
    parent.define_property(name, box, view=types.GridView(gap=0, componentsProps=props))
