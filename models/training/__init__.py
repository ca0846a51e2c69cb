"""Ways of training an encoder, and of clustering by training on images, by name."""

from difflib import get_close_matches
from functools import cache

__all__ = ["clustering_class", "list_clusterings", "list_recipes", "recipe_class"]


def list_recipes() -> list[str]:
    """The names of all ways of training an encoder, the most general first."""
    return list(_recipes())


def list_clusterings() -> list[str]:
    """The names of the clustering methods that can train on images."""
    return list(_clusterings())


def clustering_class(method: str) -> type:
    """The :class:`models.training.clustering.ClusteringRecipe` of a clustering method; loads no torch.

    Raises:
        ValueError: if the method does not train on images
    """
    known = _clusterings()
    if method not in known:
        raise ValueError(
            f"method {method!r} does not train on images; choose {', '.join(known)}, or train='embeddings'"
        )
    return known[method]


def recipe_class(kind: str) -> type:
    """The :class:`models.training.recipe.Recipe` called ``kind``, whose signature is its form; loads no torch.

    Raises:
        ValueError: if there is none
    """
    known = _recipes() | _clusterings()
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


@cache
def _clusterings() -> dict[str, type]:
    from .clustering.cc import ImageCC
    from .clustering.dec import ImageDEC
    from .clustering.idec import ImageIDEC
    from .clustering.pica import ImagePICA
    from .clustering.scan import ImageSCAN
    from .clustering.spice import ImageSPICE

    return {cls.kind: cls for cls in (ImageSCAN, ImageCC, ImagePICA, ImageSPICE, ImageDEC, ImageIDEC)}
