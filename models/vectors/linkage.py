"""The merge tree of a set of vectors, and its cut into clusters."""

import numpy as np

from ..progress import Progress
from .copies import first_copies

_BLOCK = 2048


def merge_tree(X: np.ndarray, linkage: str, metric: str, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Merge the two nearest clusters until one is left.

    Args:
        X: ``(n, d)`` vectors
        linkage: "ward", "average", "complete" or "single"
        metric: a metric of scikit-learn's ``pairwise_distances``; copies of a vector have the distance 0
        progress: called with ``(fraction, message)``

    Returns:
        a tuple of ``(n - 1, 2)`` merges, where ``n + i`` stands for the cluster of merge ``i``, and the ``(n - 1,)``
        distances at which they happened, increasing
    """
    from scipy.cluster.hierarchy import linkage as merged

    distinct, each = np.unique(first_copies(X), return_inverse=True)
    pairs = _condensed(X if len(distinct) == len(X) else X[distinct], metric, progress)
    pairs = pairs if len(distinct) == len(X) else _with_copies(pairs, each, len(distinct))
    progress(0.5, "merging")
    tree = merged(pairs, linkage)
    return tree[:, :2].astype(np.int64), tree[:, 2]


def cut_tree(children: np.ndarray, merges: int) -> np.ndarray:
    """Return the labels ``(n,)`` after the first ``merges`` merges of a tree ``(n - 1, 2)``."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(children) + 1
    done = children[: max(merges, 0)]
    parents = np.repeat(n + np.arange(len(done)), 2)
    graph = coo_matrix((np.ones(len(parents)), (done.ravel(), parents)), shape=(2 * n - 1, 2 * n - 1))
    nodes = connected_components(graph, directed=False)[1][:n]
    return np.unique(nodes, return_inverse=True)[1]


def _condensed(X: np.ndarray, metric: str, progress: Progress) -> np.ndarray:
    """Return the distances of all pairs ``(n * (n - 1) / 2,)`` float64, as scipy takes them."""
    from sklearn.metrics import pairwise_distances

    n = len(X)
    pairs = np.empty(n * (n - 1) // 2)
    filled = 0
    for start in range(0, n, _BLOCK):
        block = pairwise_distances(X[start : start + _BLOCK], X[start:], metric=metric)
        for i, row in enumerate(block):
            size = n - start - i - 1
            pairs[filled : filled + size] = row[i + 1 :]
            filled += size
        progress(0.5 * filled / max(1, len(pairs)), "distances of all pairs")
    return pairs


def _with_copies(pairs: np.ndarray, each: np.ndarray, m: int) -> np.ndarray:
    """Return the distances of all pairs of vectors, from those of the ``m`` distinct ones that ``each`` ``(n,)`` is."""
    found = []
    pairs = np.append(pairs, 0.0)  # for copies
    for i, one in enumerate(each):
        low, high = np.minimum(one, each[i + 1 :]), np.maximum(one, each[i + 1 :])
        place = m * low - low * (low + 1) // 2 + high - low - 1
        found.append(pairs[np.where(low == high, -1, place)])
    return np.concatenate(found)
