"""Pictures of the Clusters panel that can be clicked, with the mouse and with the keys alike.

The App's images know the mouse only. A button without a look lies over each: it has a name, the tab key stops at it,
and it lets the mouse through.
"""

import re
from collections.abc import Iterable
from typing import Any

import fiftyone.operators.types as types

from .widgets import Event

_OVER: dict[str, Any] = {"position": "absolute", "inset": "0 0 auto", "aspectRatio": "1", "pointerEvents": "none"}
_LOOK: dict[str, Any] = {"width": "100%", "height": "100%", "minWidth": 0, "border": "none", "borderRadius": "4px"}
_FOCUS = {"outline": "3px solid", "outlineColor": "primary.main", "outlineOffset": "-3px"}
_MARK = "data-picture"


def picture_button(
    parent: types.Object,
    name: str,
    on_click: Event,
    label: str,
    alt: str,
    params: dict,
    style: dict,
) -> None:
    """Add a square picture that does something when it is clicked; it comes first in its parent, which is positioned.

    Args:
        parent: the object to add to
        name: its name in that, under which the picture's address is sent
        on_click: what it calls
        label: what a click does, for the tooltip and for who hears it
        alt: what the picture shows, for who hears it
        params: what ``on_click`` is called with
        style: the picture's style
    """
    image = {"style": {**style, "cursor": "pointer"}, "title": label}
    view = types.ImageView(alt=alt, operator=on_click, params=params, componentsProps={"image": image})
    parent.str(name, view=view)
    button = {"aria-label": label, _MARK: "", "sx": {**_LOOK, "&:focus-visible": _FOCUS}}
    parent.btn(
        f"{name}_button",
        label=None,
        on_click=on_click,
        params=params,
        variant="outlined",
        componentsProps={"button": button, "container": {"sx": {"height": "100%"}}, "item": {"sx": _OVER}},
    )


def skipped_while_typing(names: Iterable[str]) -> dict:
    """Return the style of what holds pictures and fields with these names: who types a name tabs to the next field.

    As long as a field that has the focus says something else than it did, its neighbors' pictures are no stop.
    """
    typing = [f"&:has(input[title={_quoted(n)}]:focus:not([value={_quoted(n)}])) [{_MARK}]" for n in names]
    return {", ".join(typing): {"visibility": "hidden"}} if typing else {}


def _quoted(text: str) -> str:
    """Return a text as a string of CSS."""
    return '"' + re.sub(r"[^a-zA-Z0-9 ]", lambda found: f"\\{ord(found[0]):x} ", text) + '"'
