"""Centers of clusters, and the confidence that follows from distances to them."""

from typing import NamedTuple

import numpy as np

from .products import Product, format_for

# Rows per block: the (rows, n_clusters) score matrix stays in the processor's cache for usual sizes.
_BLOCK = 2048


class _Nearest(NamedTuple):
    """Every sample's nearest center, and the Euclidean distances to it and to the second nearest, ``(n,)`` each."""

    labels: np.ndarray
    first: np.ndarray
    second: np.ndarray


def is_unit(X: np.ndarray) -> bool:
    """Return whether all rows of ``X`` ``(n, d)`` have length 1, within the error of float16 storage."""
    squares = np.einsum("ij,ij->i", X, X)
    return bool(np.all(np.abs(squares - 1.0) < 4e-3))


def nearest_centers(X: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest center of every sample, and how clearly it is the nearest.

    Args:
        X: ``(n, d)`` vectors
        centers: ``(k, d)`` centers

    Returns:
        a tuple of ``(n,)`` labels and ``(n,)`` float32 confidences ``(b - a) / max(a, b)`` with the Euclidean
        distances a and b to the nearest and second nearest center, which is the simplified silhouette
        (Hruschka et al. 2004); 1 with a single center
    """
    labels, first, second = _two_nearest(X, centers)
    with np.errstate(invalid="ignore", divide="ignore"):
        confidence = np.where(second > 0, 1.0 - first / second, 0.0 if len(centers) > 1 else 1.0)
    return labels, confidence.astype(np.float32)


def _two_nearest(X: np.ndarray, centers: np.ndarray) -> _Nearest:
    # Far from the origin the expansion |x|^2 - 2xc + |c|^2 loses its digits in float32, so both move there.
    origin = centers.mean(axis=0, dtype=np.float64).astype(X.dtype)
    centers = (centers - origin).astype(X.dtype, copy=False)
    offset = np.einsum("ij,ij->i", centers, centers)
    labels = np.empty(len(X), dtype=np.int64)
    pairs = np.full((2, len(X)), np.inf)
    format = format_for(X, len(centers))
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = X[rows] - origin
        squares = Product(block, len(centers), format=format)(slice(None), centers)
        squares *= -2
        squares += offset
        labels[rows], pairs[0, rows], _, pairs[1, rows] = two_smallest(squares)
        pairs[:, rows] += np.einsum("ij,ij->i", block, block)
    first, second = np.sqrt(np.maximum(pairs, 0))
    return _Nearest(labels, first, second)


def two_smallest(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find the two smallest numbers of every row ``(m, k)``, of which the smallest is overwritten.

    Returns:
        a tuple of the ``(m,)`` column of the smallest, that number, the column of the second smallest, and that
        number, which is infinite if there is one column
    """
    rows = np.arange(len(squares))
    labels = squares.argmin(axis=1)
    first = squares[rows, labels]
    squares[rows, labels] = np.inf
    others = squares.argmin(axis=1)
    return labels, first, others, squares[rows, others]


def inertia(X: np.ndarray, centers: np.ndarray, labels: np.ndarray) -> float:
    """Sum of the squared distances of ``X`` ``(n, d)`` to the centers ``(k, d)`` of their labels ``(n,)``."""
    total = 0.0
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        away = X[rows] - centers[labels[rows]]
        total += float(np.einsum("ij,ij->i", away, away).sum(dtype=np.float64))
    return total


def centroid_confidence(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rate labels that come without a confidence by the simplified silhouette about the clusters' means.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` labels 0..k-1, -1 for noise

    Returns:
        ``(n,)`` float32 in [0, 1]; 0 where another cluster's mean is nearer, 1 with a single cluster
    """
    keep = labels >= 0
    k = int(labels.max()) + 1
    if k < 2:
        return keep.astype(np.float32)
    centers = cluster_means(X[keep], labels[keep], k)
    found, confidence = nearest_centers(X, centers)
    return np.where(found == labels, confidence, 0).astype(np.float32)


def cluster_means(X: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Average the rows of ``X`` ``(n, d)`` by label ``(n,)`` to ``(k, d)``; an empty cluster's mean is zero."""
    from scipy.sparse import csr_matrix

    counts = np.bincount(labels, minlength=k)
    weights = (1.0 / np.maximum(counts, 1))[labels].astype(X.dtype)
    member = csr_matrix((weights, (labels, np.arange(len(X)))), shape=(k, len(X)))
    return member @ X
