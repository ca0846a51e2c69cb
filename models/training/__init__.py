"""Ways of training an encoder, by name."""

from difflib import get_close_matches
from functools import cache

__all__ = ["list_recipes", "recipe_class"]


def list_recipes() -> list[str]:
    """The names of all ways of training, the most general first."""
    return list(_recipes())


def recipe_class(kind: str) -> type:
    """The :class:`models.training.recipe.Recipe` called ``kind``, whose signature is its form; loads no torch.

    Raises:
        ValueError: if there is none
    """
    known = _recipes()
    if kind not in known:
        close = get_close_matches(str(kind), known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
        raise ValueError(f"there is no kind of training {kind!r}; {hint}")
    return known[kind]


@cache
def _recipes() -> dict[str, type]:
    from .autoencoder import Autoencoder
    from .conv_autoencoder import ConvAutoencoder
    from .simclr import SimCLR

    return {cls.kind: cls for cls in (SimCLR, Autoencoder, ConvAutoencoder)}
