"""Encoders by name. An encoder is one file in this folder; nothing else needs to know of it."""

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ..parameters import validated
from .base import Encoder, same_encoder

__all__ = ["Encoder", "default_encoder", "encoder_class", "get_encoder", "list_encoders", "same_encoder"]

OFFLINE = "efficientnet_lite0"


def list_encoders() -> list[str]:
    """List the names of all encoders, sorted, then ``trained:<name>`` for trained ones; imports no model library."""
    from .trained import trained_encoders

    return sorted(_encoders()) + trained_encoders()


def encoder_class(name: str) -> type[Encoder]:
    """Return the class behind ``"name"`` or ``"name:argument"``, whose signature is its form.

    Raises:
        ValueError: if there is no such encoder
    """
    kind, _, argument = name.partition(":")
    if kind == "trained":
        from .trained import trained_class

        return trained_class(argument)
    known = _encoders()
    if kind not in known:
        close = get_close_matches(kind, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(sorted(known))}"
        raise ValueError(f"there is no encoder {kind!r}; {hint}")
    return known[kind]


def get_encoder(name: str, params: dict | None = None) -> Encoder:
    """Make an encoder, without loading it.

    Args:
        name: a name from :func:`list_encoders`, which may carry its main argument: ``"clip:ViT-B-32/openai"``,
            ``"timm:vit_small_patch14_dinov2"``, ``"zoo:resnet50-imagenet-torch"``, ``"trained:wafer-simclr"``
        params: values for its constructor; they win over the argument in the name

    Returns:
        an :class:`Encoder`

    Raises:
        ValueError: if the name or a parameter is unknown or out of range
    """
    cls = encoder_class(name)
    argument = name.partition(":")[2]
    given = cls.from_argument(argument) if argument else {}
    return cls(**validated(cls, {**given, **(params or {})}))


def default_encoder() -> tuple[str, str]:
    """Return the encoder to propose and why: CLIP if its default weights are on this disk, else the offline one.

    Looks at files only: neither the network nor torch is touched.
    """
    known = _encoders()
    if "clip" in known and known["clip"]().is_cached():
        return "clip", "CLIP's weights are on this disk"
    return OFFLINE, "it needs no download; CLIP's weights are not on this disk"


@cache
def _encoders() -> dict[str, type[Encoder]]:
    found: dict[str, type[Encoder]] = {}
    for module in iter_modules(__path__):
        for value in vars(import_module(f".{module.name}", __name__)).values():
            if isinstance(value, type) and issubclass(value, Encoder) and value.name:
                found[value.name] = value
    return found
