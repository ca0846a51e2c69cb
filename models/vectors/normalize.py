"""Vectors at length 1, of one embedding space or of several side by side."""

from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike


def l2_normalize(X: np.ndarray, widths: list[int] | None = None, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Scale vectors to length 1.

    Args:
        X: ``(n, d)`` vectors
        widths (None): dimensions of the embedding spaces side by side in ``X``, by default one; each gets length 1
        dtype (float32): the type of the result

    Returns:
        ``(n, d)`` scaled vectors; zero vectors stay zero
    """
    found = np.empty(X.shape, dtype)
    borders = np.cumsum([0, *(widths or [X.shape[1]])])
    for start, stop in pairwise(borders):
        space = X[:, start:stop]
        # float64, because the squares of very small or large float32 values vanish or overflow
        lengths = np.sqrt(np.einsum("ij,ij->i", space, space, dtype=np.float64))
        # divided into the result: a quotient of its own would be float64, and twice as large
        np.divide(space, np.where(lengths > 0, lengths, 1)[:, None], out=found[:, start:stop], casting="same_kind")
    return found
