"""Constructor signatures as data: the one source of validation, forms, run records and documentation.

A parameter carries its own legal range and help::

    def __init__(self, n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10): ...

A subclass declares only what is its own and the defaults that it changes; the rest follows from the base class::

    def __init__(self, n_clusters: int = 3, *, ratio: Annotated[float, Field(gt=0)] = 0.5, **shared):
        super().__init__(n_clusters=n_clusters, **shared)

Without a ``Field`` of its own a parameter that the base has too, as ``n_clusters`` here, keeps the base's type, range
and help. Keyword-only parameters come last, as the finer ones. In either group those of the base keep their places, and
a new one follows the parameter declared before it, or leads.
"""

import inspect
import typing
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

# Set by the run for every estimator that has it, so it is not part of any method's own form.
RANDOM_STATE = "random_state"
SEED = 51
_LIMITS = ("ge", "gt", "le", "lt")
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def parameters(cls: type | Callable) -> dict[str, FieldInfo]:
    """Return the public constructor parameters of ``cls``, in order, each with default, range and description.

    Args:
        cls: a class whose constructor annotates its parameters with ``Annotated[type, Field(...)]``, or a function
            that does

    Returns:
        a dict of parameter name to pydantic ``FieldInfo``; ``random_state`` is left out
    """
    return {name: info for name, info in _schema(cls).model_fields.items() if name != RANDOM_STATE}


def validated(cls: type, params: dict | None) -> dict:
    """Check ``params`` against the signature of ``cls`` and fill in the defaults.

    Args:
        cls: a class as for :func:`parameters`
        params: parameter values by name, or None

    Returns:
        a dict with one value for every public parameter

    Raises:
        ValueError: if a name is unknown or a value has the wrong type or range
    """
    if params is not None and not isinstance(params, dict):
        raise ValueError(f"parameters {params!r} are not a dict; give them by name, e.g. {{'n_clusters': 10}}")
    params = plain(params or {})
    known = parameters(cls)
    title = getattr(cls, "name", None) or cls.__name__
    for key in params:
        if key not in known:
            close = get_close_matches(key, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known) or 'none'}"
            raise ValueError(f"{title} has no parameter {key!r}; {hint}")
    try:
        model = _schema(cls)(**params)
    except ValidationError as error:
        raise ValueError(_sentence(title, error)) from None
    return {name: getattr(model, name) for name in known}


def typed(function: Callable, given: dict) -> dict:
    """Check the types of arguments against the annotations of ``function``; ``random_state`` and the like included.

    Args:
        function: a function with annotated arguments
        given: values by argument name

    Returns:
        the values, NumPy scalars as plain numbers

    Raises:
        ValueError: if a value has another type
    """
    try:
        model = _schema(function, partial=True)(**plain(given))
    except ValidationError as error:
        raise ValueError(_sentence(function.__name__, error)) from None
    return {name: getattr(model, name) for name in given}


def plain(value: Any) -> Any:
    """Return ``value`` with NumPy scalars and arrays in it, however deep, as Python numbers and lists."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value.tolist() if type(value).__module__ == "numpy" else value


def choices(info: FieldInfo) -> list | None:
    """Return the values a ``Literal`` parameter accepts, or None if it is not one."""
    for annotation in _alternatives(info.annotation):
        if typing.get_origin(annotation) is typing.Literal:
            return list(typing.get_args(annotation))
    return None


def bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """Return the ``(low, high)`` range of a number; exclusive bounds are returned as they are."""
    limits = {key: getattr(rule, key) for rule in info.metadata for key in _LIMITS if hasattr(rule, key)}
    return limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))


def base_type(info: FieldInfo) -> type:
    """Return ``bool``, ``int``, ``float`` or ``str``, as an input for this parameter holds."""
    kinds = _alternatives(info.annotation)
    for kind in (bool, int, float):
        if kind in kinds:
            return kind
    return str


def is_optional(info: FieldInfo) -> bool:
    """Return whether the parameter accepts None."""
    return type(None) in typing.get_args(info.annotation)


def _alternatives(annotation: Any) -> tuple:
    if typing.get_origin(annotation) in (typing.Literal, None):
        return (annotation,)
    return tuple(a for a in typing.get_args(annotation) if a is not type(None)) or (annotation,)


@cache
def _schema(described: Callable, partial: bool = False) -> type[BaseModel]:
    """Return the model of a signature; of a ``partial`` one nothing is required, and defaults are not looked at."""
    declared = _of_constructor(described) if isinstance(described, type) else _of_function(described)
    fields: dict[str, Any] = {}
    for name, parameter in declared.items():
        default = (None if partial else ...) if parameter.default is parameter.empty else parameter.default
        annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
        fields[name] = (annotation, default)
    # strict: "10" and 2.5 are not integers, True is not 1 (an int is still a fine float)
    config = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(described.__name__, __config__=config, **fields)


def _of_function(function: Callable) -> dict[str, inspect.Parameter]:
    # not get_type_hints(), which wraps what defaults to None in another Optional on Python 3.10 and hides its range
    found = inspect.signature(function, eval_str=True).parameters
    return {name: parameter for name, parameter in found.items() if name != "self" and parameter.kind not in _VARIABLE}


def _of_constructor(cls: type) -> dict[str, inspect.Parameter]:
    """Return the constructor's parameters, and those that it passes on by ``**shared`` to the next one in the MRO."""
    constructors = []
    for constructor in (vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)):
        constructors.append(constructor)
        if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(constructor).parameters.values()):
            break
    found: dict[str, inspect.Parameter] = {}
    for constructor in reversed(constructors):
        found = _extended(found, _of_function(constructor))
    return found


def _extended(base: dict[str, inspect.Parameter], own: dict[str, inspect.Parameter]) -> dict[str, inspect.Parameter]:
    """Merge the parameters of a base class and a subclass, in the order that the module's docstring explains."""
    merged = base | {name: _inherited(parameter, base.get(name)) for name, parameter in own.items()}
    order: list[str] = []
    for late in (False, True):
        group = [name for name, found in base.items() if _is_late(found) == _is_late(merged[name]) == late]
        place = 0
        for name in (name for name in own if _is_late(merged[name]) == late):
            if name not in group:
                group.insert(place, name)
            place = group.index(name) + 1
        order += group
    return {name: merged[name] for name in order}


def _is_late(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.KEYWORD_ONLY


def _inherited(own: inspect.Parameter, base: inspect.Parameter | None) -> inspect.Parameter:
    """Return a parameter as a subclass declares it, with the base's annotation if its own has no ``Field``."""
    if base is None or typing.get_origin(own.annotation) is typing.Annotated:
        return own
    return own.replace(annotation=base.annotation)


def _sentence(title: str, error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][:1])
    if first["type"] == "missing":
        return f"{title}: {name} is missing; give it a value"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{title}: {name}={first['input']!r} is not valid, {message}"
