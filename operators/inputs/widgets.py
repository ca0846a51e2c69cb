"""Widgets of forms: headings, drop-downs, and inputs that are marked as invalid."""

from collections.abc import Callable
from typing import Any

import fiftyone.operators.types as types

from ..execution.refusals import readable

FULL, HALF = 12, 6  # columns of the App's grid
# The App draws a header like the label of an input; a heading has to stand out
HEADING = {
    "container": {"sx": {"borderBottom": "1px solid", "borderColor": "divider", "mt": 2, "pb": 0.5}},
    "label": {"sx": {"& p": {"fontSize": "1.15rem", "fontWeight": 600}}},
}


def add_heading(inputs: types.Object, name: str, label: str, description: str | None = None) -> None:
    """Add the heading of a step."""
    inputs.view(name, types.HeaderView(label=label, description=description, componentsProps=HEADING))


def add_form_button(inputs: types.Object, operator: str, label: str, params: dict) -> None:
    """Add a button that opens the form of another operator instead, with what is filled in there."""
    uri = f"@constellation/clusters/{operator}"
    inputs.btn(operator, label=label, on_click=uri, prompt=True, params=params, variant="outlined")


def add_choice(
    inputs: types.Object,
    name: str,
    options: dict[str, str],
    default: str | None,
    label: str,
    description: str | None = None,
    hints: dict[str, str] | None = None,
    space: int = FULL,
    groups: dict[str, str] | None = None,
) -> types.Property:
    """Add a drop-down.

    Args:
        inputs: the object to add to
        name: the property's name
        options: a dict of value to label, in order
        default: the preselected value
        label: the input's label
        description (None): a line below it
        hints (None): a dict of value to a line about that choice
        space (12): its width, of 12 columns
        groups (None): a dict of value to the caption of its group; the choices of a group come together
    """
    view = types.DropdownView(space=space)
    captions = list(dict.fromkeys((groups or {}).get(value) for value in options))
    for caption in captions:
        if caption is not None:
            # The App's drop-down has no captions of its own: choices that are no values take their place
            view.add_choice(f"group {caption}", label=f"— {caption} —")
        for value, text in options.items():
            if (groups or {}).get(value) == caption:
                view.add_choice(value, label=text, description=(hints or {}).get(value))
    return inputs.enum(
        name, list(options), default=default, required=False, label=label, description=description, view=view
    )


def refuse(prop: types.Property, sentence: str) -> None:
    """Mark a property as invalid: Execute is disabled and the sentence is shown."""
    prop.invalid = True
    prop.error_message = readable(sentence)


def check(prop: types.Property, function: Callable, *args: Any) -> None:
    """Mark a property as invalid if ``function(*args)`` raises a ValueError, with its sentence."""
    try:
        function(*args)
    except ValueError as error:
        refuse(prop, str(error))


def add_problem(inputs: types.Object, sentence: str, name: str = "problem") -> None:
    """Add the reason why Execute is disabled."""
    refuse(inputs.str(name, required=False, view=types.Error(label=readable(sentence))), sentence)
