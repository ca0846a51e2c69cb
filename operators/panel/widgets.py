"""Small parts that the Clusters panel is built of: text, buttons, rows and grids that look alike everywhere."""

import fiftyone.operators.types as types

QUIET = "text.secondary"
# A grid of the App shrinks to its content unless its column is told to be as wide as the panel
_WIDE = {"gridTemplateColumns": "minmax(0, 1fr)"}
# and gives every part the whole width unless the part says otherwise
_AS_WIDE_AS_IT_IS = {"item": {"sx": {"width": "auto"}}}


def column(gap: float = 1, container=None, **sx):
    """A view that puts parts below one another, as wide as there is room."""
    props = {"grid": {"sx": {**_WIDE, **sx}}}
    return types.GridView(orientation="vertical", gap=gap, container=container, componentsProps=props)


def row(gap: float = 1, **sx):
    """A view that puts parts side by side, in several lines where the panel is narrow."""
    style = {"display": "flex", "flexWrap": "wrap", "alignItems": "center", **sx}
    return types.GridView(orientation="horizontal", gap=gap, componentsProps={"grid": {"sx": style}})


def text(parent, name, words, size="0.85rem", color="text.primary", help=None, bold=False, one_line=False, **sx):
    """Adds a line of plain text: markup in it is shown as it is."""
    style = {"overflowWrap": "anywhere", **({"fontWeight": 600} if bold else {}), **sx}
    if one_line:
        style |= {"whiteSpace": "nowrap", "overflow": "hidden", "textOverflow": "ellipsis"}
    props = {"text": {"title": help, "sx": style}, **_AS_WIDE_AS_IT_IS}
    return parent.view(
        name, types.TextView(title=words, padding="0", font_size=size, color=color, componentsProps=props)
    )


def button(parent, name, on_click, label=None, icon=None, help=None, disabled=False, params=None, strong=False):
    """Adds a button, with a word or an icon or both; its help is shown where the mouse rests."""
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


def drop_down(parent, name: str, choices: dict, on_change, label=None, width: int = 170):
    """Adds a drop-down without a heading, whose value is the panel's state of that name.

    It has no default: the App would tell ``on_change`` of it, and forget it when another input changes.
    """
    props = {"container": {"sx": {"width": width}}, "select": {"aria-label": label}, **_AS_WIDE_AS_IT_IS}
    view = types.DropdownView(compact=True, description=label, componentsProps=props)
    for key, words in choices.items():
        view.add_choice(key, label=words)
    return parent.enum(name, view.values(), view=view, on_change=on_change)


def search_field(parent, name: str, on_change, label: str, width: int = 150):
    """Adds an input for words to look for."""
    props = {"container": {"sx": {"width": width}}, **_AS_WIDE_AS_IT_IS}
    view = types.TextFieldView(compact=True, placeholder=label, componentsProps=props)
    return parent.str(name, view=view, on_change=on_change)


def menu(parent, name: str, choices: dict, on_change):
    """Adds three dots that open a list of things to do; a tooltip would cover the first of them."""
    view = types.DropdownView(icon="MoreVertIcon", addOnClickToMenuItems=True, componentsProps=_AS_WIDE_AS_IT_IS)
    for key, words in choices.items():
        view.add_choice(key, label=words)
    return parent.enum(name, view.values(), view=view, on_change=on_change)
