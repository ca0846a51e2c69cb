"""Exact search of nearest neighbors, by matrix products in tiles."""

import numpy as np

from ..progress import Progress
from .normalize import l2_normalize
from .products import Product

# Rows per block of the exact search, the most distances that one holds (32 MB), and the fewest rows even so.
_BLOCK, _LARGEST, _LEAST = 1024, 2**23, 64

# Of the squares that a squared distance is made of, what float32 may get wrong; nearer ones are told apart in float64.
_ROUNDING = 2.0**-20
_FEW = 256  # such vectors at a time

Neighbors = tuple[np.ndarray, np.ndarray]  # indices and distances, (n, k) each


def prepared(X: np.ndarray, queries: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return both in float32, at length 1 for the cosine; what has more digits is moved to its mean before."""
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"metric={metric!r} is not known here; use 'cosine' or 'euclidean'")
    if metric == "cosine":
        return l2_normalize(X), l2_normalize(queries)
    origin = X.mean(axis=0) if X.dtype == np.float64 and len(X) else 0
    return np.ascontiguousarray(X - origin, np.float32), np.ascontiguousarray(queries - origin, np.float32)


def search(X: np.ndarray, queries: np.ndarray, k: int, metric: str, progress: Progress | None, own: bool) -> Neighbors:
    """Find the ``k`` nearest of ``X`` ``(n, d)`` to each of ``queries`` ``(m, d)``, both prepared.

    Args:
        X: as above
        queries: as above
        k: neighbors per query
        metric: "cosine" or "euclidean"
        progress: called with ``(fraction, message)``, or None
        own: whether the queries are ``X``, and none is its own neighbor

    Returns:
        a tuple of ``(m, k)`` int64 indices into ``X`` and ``(m, k)`` float32 distances, nearest first
    """
    indices = np.empty((len(queries), k), dtype=np.int64)
    distances = np.empty((len(queries), k), dtype=np.float32)
    if metric == "euclidean":
        # The expansion of the square below loses digits far from the origin, and distances do not mind a move.
        origin = X.mean(axis=0)
        X, queries = X - origin, queries - origin
    squares = np.einsum("ij,ij->i", X, X)
    product = Product(queries, len(X))
    size = max(_LEAST, min(_BLOCK, _LARGEST // len(X)))
    for start in range(0, len(queries), size):
        rows = slice(start, min(start + size, len(queries)))
        block = queries[rows]
        found = product(rows, X)
        found *= -2
        found += squares
        if own:
            found[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf
        near = _smallest(found, block, X, squares, k)
        exact = _paired(block, X, near, metric)
        order = np.lexsort((near, exact), axis=1)
        indices[rows] = np.take_along_axis(near, order, axis=1)
        distances[rows] = np.take_along_axis(exact, order, axis=1)
        if progress:
            progress(rows.stop / len(queries), "nearest neighbors")
    return indices, distances


def _smallest(found: np.ndarray, block: np.ndarray, X: np.ndarray, squares: np.ndarray, k: int) -> np.ndarray:
    """Return the columns ``(m, k)`` of the smallest distances.

    Args:
        found: ``(m, n)`` squared distances from ``block`` ``(m, d)`` to ``X`` ``(n, d)``, less the squares of ``block``
        block: as above
        X: as above
        squares: ``(n,)`` of ``X``
        k: how many
    """
    if k == len(X):
        return np.tile(np.arange(k), (len(block), 1))
    rows = np.arange(len(block))
    columns = _columns_with_smallest(found, k + 1)
    values = np.take_along_axis(found, columns, axis=1)
    order = np.take_along_axis(columns, np.argpartition(values, (k - 1, k), axis=1)[:, : k + 1], axis=1)
    last, next_one = order[:, k - 1], order[:, k]
    error = _ROUNDING * (np.einsum("ij,ij->i", block, block) + squares[last] + squares[next_one])
    near = order[:, :k].copy()
    # among near-copies, as the frames of a video, rounding would choose, and miss a vector's own copy
    unsure = rows[found[rows, next_one] - found[rows, last] <= error]
    for start in range(0, len(unsure), _FEW):
        some = unsure[start : start + _FEW]
        exact = _squared_in_float64(block[some], X)
        exact[np.isinf(found[some])] = np.inf
        near[some] = np.argpartition(exact, k - 1, axis=1)[:, :k]
    return near


def _columns_with_smallest(found: np.ndarray, count: int) -> np.ndarray:
    """Return columns ``(m, c)`` among which the ``count`` smallest of every row of ``found`` ``(m, n)`` are.

    The smallest are in the groups of columns that have the smallest minima, and these take one pass to find.
    """
    n = found.shape[1]
    width = int(np.sqrt(n / count))
    if width < 4:
        return np.broadcast_to(np.arange(n), found.shape)
    groups = n // width
    low = found[:, :groups].copy()
    for start in range(groups, groups * width, groups):
        np.minimum(low, found[:, start : start + groups], out=low)
    best = np.argpartition(low, count - 1, axis=1)[:, :count]
    columns = (best[:, :, None] + groups * np.arange(width)).reshape(len(found), -1)
    rest = np.broadcast_to(np.arange(groups * width, n), (len(found), n - groups * width))
    return np.concatenate([columns, rest], axis=1)


def _squared_in_float64(block: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return squared distances ``(m, n)`` of ``block`` ``(m, d)`` to ``X`` ``(n, d)``, less the former's squares."""
    found = np.empty((len(block), len(X)))
    block = block.astype(np.float64)
    for start in range(0, len(X), _BLOCK):
        some = X[start : start + _BLOCK].astype(np.float64)
        found[:, start : start + _BLOCK] = np.einsum("ij,ij->i", some, some) - 2 * (block @ some.T)
    return found


def _paired(block: np.ndarray, X: np.ndarray, near: np.ndarray, metric: str) -> np.ndarray:
    """Return distances ``(m, k)`` from each row of ``block`` to its own ``near`` rows of ``X``, exact in float32."""
    found = np.empty(near.shape, dtype=np.float32)
    for column in range(near.shape[1]):
        difference = X[near[:, column]] - block
        found[:, column] = np.einsum("ij,ij->i", difference, difference)
    # Between unit vectors 1 - cos is half the squared distance, without its loss of digits near 1.
    return found / 2 if metric == "cosine" else np.sqrt(found)
