"""Samples of vectors drawn by a seed, and the copies that their vectors have among the others."""

import numpy as np

from .copies import first_copies


def draw_rows(n: int, size: int | None, seed: int | None) -> np.ndarray | None:
    """Draw the sorted rows ``(size,)`` of a sample among ``n``; None where that is all of them.

    Args:
        n: how many there are
        size: how many to draw, None for all
        seed: the same seed draws the same rows
    """
    if size is None or size >= n:
        return None
    return np.sort(np.random.default_rng(seed).choice(n, size, replace=False))


def drawn_copies(X: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the copies of each vector.

    Args:
        X: ``(n, d)`` vectors
        rows: ``(m,)`` rows of a sample

    Returns:
        a tuple of ``(n,)`` the first copy of each, and ``(n,)`` a row of the sample that is a copy of it, -1 for none
    """
    copies = first_copies(X)
    known = np.full(len(X), -1)
    known[copies[rows]] = rows
    return copies, known[copies]
