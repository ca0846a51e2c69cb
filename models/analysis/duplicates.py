"""Groups of near-duplicates: vectors whose cosine passes a threshold, and those they are linked to."""

import numpy as np

from ..progress import Progress
from ..vectors.normalize import l2_normalize

_BLOCK = 2048
_MOST_PAIRS = 20_000_000
# What a matrix product in float32 may get wrong, and a cosine in float64: copies are linked at a threshold of 1
_ROUNDING, _EXACT = 1e-5, 1e-12


def duplicate_groups(X: np.ndarray, threshold: float, progress: Progress | None = None) -> list[list[int]]:
    """Find the connected components of the graph that links vectors of a cosine of at least ``threshold``.

    Exact: every pair is looked at, in blocks.

    Args:
        X: ``(n, d)`` vectors, of any length
        threshold: a cosine in (0, 1]
        progress (None): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        row numbers per group of two or more, the largest group first

    Raises:
        ValueError: if the threshold is not in range or links too many
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold} is not a cosine above 0 and up to 1; use for example 0.98")
    X = l2_normalize(np.asarray(X, dtype=np.float32))
    links: list[np.ndarray] = []
    count = 0
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK]
        cosines = block @ X[start:].T
        pairs = np.argwhere(np.triu(cosines >= threshold - _ROUNDING, 1))
        near = cosines[pairs[:, 0], pairs[:, 1]] < threshold + _ROUNDING
        linked = ~near
        linked[near] = _cosines(X, pairs[near] + start) >= threshold - _EXACT
        links.append(pairs[linked].T + start)
        count += int(linked.sum())
        if count > _MOST_PAIRS:
            raise ValueError(f"threshold={threshold} links more than {_MOST_PAIRS:,} pairs; raise it")
        if progress:
            progress(min(1.0, (start + _BLOCK) / len(X)), "comparing")
    row, column = np.concatenate(links, axis=1) if links else np.empty((2, 0), int)
    graph = coo_matrix((np.ones(len(row), bool), (row, column)), shape=(len(X), len(X)))
    _, component = connected_components(graph, directed=False)
    order = np.argsort(component, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(component[order])) + 1) if len(order) else []
    found = [group.tolist() for group in groups if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), group[0]))


def _cosines(X: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the cosines ``(m,)`` of ``pairs`` ``(m, 2)`` of rows, in float64."""
    found = np.empty(len(pairs))
    for start in range(0, len(pairs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        one, other = (X[pairs[rows, side]].astype(np.float64) for side in (0, 1))
        dot, own, others = (np.einsum("ij,ij->i", a, b) for a, b in ((one, other), (one, one), (other, other)))
        found[rows] = dot / np.sqrt(own * others)
    return found
