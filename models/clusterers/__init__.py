"""Clustering methods, one file each. A file dropped in this folder is offered in the menu."""

import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from ..costs import Cost
from .base import Clusterer

__all__ = ["Clusterer", "Cost", "all_clusterers", "get_clusterer", "list_clusterers"]


def list_clusterers() -> list[str]:
    """Return the names of the methods that can run here, in the order of the menu.

    A method whose packages are not installed is left out; those packages are looked for, not imported.
    """
    return [cls.name for cls in all_clusterers() if not _missing(cls)]


def all_clusterers() -> list[type[Clusterer]]:
    """Return every method's class in the order of the menu, installed or not."""
    return sorted(_found().values(), key=lambda cls: (cls.order, cls.name))


def get_clusterer(name: str) -> type[Clusterer]:
    """Return the class of a method.

    Args:
        name: a name as in :func:`list_clusterers`

    Raises:
        ValueError: if there is no such method, or its packages are not installed
    """
    found = _found()
    if name not in found:
        close = get_close_matches(str(name), found, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(list_clusterers())}"
        raise ValueError(f"there is no clustering method {name!r}; {hint}")
    missing = _missing(found[name])
    if missing:
        packages = " ".join(missing)
        raise ValueError(f"method {name!r} needs {packages}, not installed here; run pip install {packages}")
    return found[name]


@cache
def _found() -> dict[str, type[Clusterer]]:
    classes = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        method = module.name.rpartition(".")[2]
        for member in vars(import_module(module.name)).values():
            if isinstance(member, type) and issubclass(member, Clusterer) and member.name == method:
                classes[member.name] = member
    return classes


def _missing(cls: type[Clusterer]) -> list[str]:
    return [package for package in cls.requires if find_spec(package) is None]
