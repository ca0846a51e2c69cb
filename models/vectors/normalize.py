"""Vectors at length 1, of one embedding space or of several side by side."""

from itertools import pairwise

import numpy as np


def l2_normalize(X, widths: list[int] | None = None):
    """Vectors scaled to length 1.

    Args:
        X: ``(n, d)`` vectors
        widths (None): dimensions of the embedding spaces side by side in ``X``, by default one; each gets length 1

    Returns:
        ``(n, d)`` float32; zero vectors stay zero
    """
    found = np.empty(X.shape, np.float32)
    borders = np.cumsum([0, *(widths or [X.shape[1]])])
    for start, stop in pairwise(borders):
        space = X[:, start:stop]
        # float64, because the squares of very small or large float32 values vanish or overflow
        lengths = np.sqrt(np.einsum("ij,ij->i", space, space, dtype=np.float64))
        found[:, start:stop] = space / np.where(lengths > 0, lengths, 1)[:, None]
    return found
