"""Ways of training an encoder, and of clustering by training on images, by name.

Each is one file, here or in ``clustering``; nothing else needs to know of it.
"""

import re
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from .recipe import KINDS, Recipe

__all__ = ["clustering_class", "list_clusterings", "list_recipes", "recipe_class"]


def list_recipes() -> list[str]:
    """The names of all ways of training an encoder, the most general first."""
    return [kind for kind, cls in _known().items() if not cls.clusters]


def list_clusterings() -> list[str]:
    """The names of the clustering methods that can train on images."""
    return [kind for kind, cls in _known().items() if cls.clusters]


def clustering_class(method: str) -> type[Any]:
    """The :class:`models.training.clustering.base.ClusteringRecipe` of a clustering method; loads no torch.

    Raises:
        ValueError: if the method does not train on images
    """
    known = list_clusterings()
    if method not in known:
        raise ValueError(
            f"method {method!r} does not train on images; choose {', '.join(known)}, or train='embeddings'"
        )
    return _known()[method]


def recipe_class(kind: str) -> type[Recipe]:
    """The :class:`models.training.recipe.Recipe` called ``kind``, whose signature is its form; loads no torch.

    Raises:
        ValueError: if there is none
    """
    known = _known()
    if kind not in known:
        close = get_close_matches(str(kind), known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
        raise ValueError(f"there is no kind of training {kind!r}; {hint}")
    return known[kind]


def _known() -> dict[str, type[Recipe]]:
    """Every recipe by kind, those that train an encoder first."""
    _import_recipes()
    return dict(sorted(KINDS.items(), key=lambda item: (item[1].clusters, item[1].order, item[0])))


@cache
def _import_recipes() -> None:
    for module in walk_packages(__path__, f"{__name__}."):
        if _has_recipe(module.name):
            import_module(module.name)


def _has_recipe(module: str) -> bool:
    """Tell if a file has a recipe of its own name; it is read, not imported, since the other files here load torch."""
    spec, kind = find_spec(module), module.rpartition(".")[2]
    if spec is None or spec.origin is None:
        return False
    return re.search(rf"^ +kind = [\"']{kind}[\"']$", Path(spec.origin).read_text(), re.MULTILINE) is not None
