"""Form inputs from a constructor's signature, and the entered values."""

from collections.abc import Iterable
from typing import Any

import fiftyone.operators.types as types
from pydantic.fields import FieldInfo

from ...models.parameters import base_type, bounds, choices, is_optional, parameters, validated
from .widgets import FULL, HALF, refuse

UNFOLD = "all_parameters"
WORDS = {"n_clusters": "Number of clusters"}  # labels in plain words


def add_parameters(
    inputs: types.Object,
    name: str,
    cls: type,
    values: dict | None,
    relevant: Iterable[str] | None = None,
    offered: dict[str, list] | None = None,
    shown: int = 4,
    defaults: dict | None = None,
) -> dict:
    """Add an object property with one input per parameter of ``cls``, two in a row.

    Constructors list what matters first, so the first ``shown`` parameters are there at once, with those that were
    changed; a check box brings the others.

    Args:
        inputs: the object to add to
        name: the property's name
        cls: a class for :func:`models.parameters.parameters`
        values: what the user has entered so far
        relevant (None): the parameters to show, by default all
        offered (None): a dict of parameter to the choices that remain valid
        shown (4): how many parameters are shown at once
        defaults (None): those that are not the constructor's, by parameter

    Returns:
        the valid entries among ``values``
    """
    entered = form_values(cls, values)
    names = [key for key in (relevant if relevant is not None else parameters(cls)) if key in parameters(cls)]
    if not names:
        return {}
    box = types.Object()
    valid = {}
    folded = _folded(cls, names[shown:], entered)
    unfold = (values or {}).get(UNFOLD)
    for key in names:
        if key in folded and not unfold:
            continue
        prop = add_parameter(box, key, parameters(cls)[key], (offered or {}).get(key), defaults)
        if key not in entered:
            continue
        try:
            validated(cls, {key: entered[key]})
            valid[key] = entered[key]
        except ValueError as error:
            refuse(prop, str(error))
    if len(folded) > 1 or unfold:
        label = "All parameters" if unfold else f"All parameters ({len(folded)} more)"
        box.bool(UNFOLD, default=False, required=False, label=label, view=types.CheckboxView(space=FULL))
    inputs.define_property(name, box, view=types.View(space=FULL))
    return valid


def _folded(cls: type, names: list[str], entered: dict) -> list[str]:
    """Return those of ``names`` that still have their default; a single one is not worth a check box."""
    known = parameters(cls)
    folded = [key for key in names if entered.get(key, known[key].default) == known[key].default]
    return folded if len(folded) > 1 else []


def add_parameter(
    box: types.Object, key: str, info: FieldInfo, offered: list | None = None, defaults: dict | None = None
) -> types.Property:
    """Add the input for one parameter; ``defaults`` has the values that are not the signature's."""
    common: dict[str, Any] = {
        "required": False,
        "label": info.title or WORDS.get(key, key),
        "description": info.description,
        "default": (defaults or {}).get(key, None if info.is_required() else info.default),
    }
    half = types.View(space=HALF)
    options = offered or choices(info)
    if options:
        view = types.DropdownView(space=HALF)
        for option in options:
            view.add_choice(option, label=str(option))
        if common["default"] not in options:
            common["default"] = options[0]
        return box.enum(key, view.values(), view=view, **common)
    kind = base_type(info)
    if kind is bool:
        return box.bool(key, view=types.CheckboxView(space=HALF), **common)
    if kind is str:
        return box.str(key, view=half, **common)
    low, high = bounds(info)
    limits = {key: limit for key, limit in (("min", low), ("max", high)) if limit is not None}
    return (box.int if kind is int else box.float)(key, view=half, **limits, **common)


def form_values(cls: type, values: dict | None) -> dict:
    """Return entered values in the signature's types: empty inputs are left out, 5.0 is the integer 5.

    Args:
        cls: the class whose parameters were asked for
        values: what the App sent, possibly with entries that another method left behind

    Returns:
        the entries that are parameters of ``cls``
    """
    known = parameters(cls)
    found = {}
    for key, value in (values or {}).items():
        if key not in known or value == "" or (value is None and not is_optional(known[key])):
            continue
        if base_type(known[key]) is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        found[key] = value
    return found
