"""The silhouette of every cluster (Rousseeuw 1987), from a sample with the same number of members of each.

A sample of all members, as for the single score in ``metrics.py``, would leave small clusters without one.
"""

import numpy as np

from ..labels import NOISE
from ..vectors.copies import first_copies

_BLOCK = 1024
_LEAST = 5


def silhouettes(X: np.ndarray, labels: np.ndarray, seed: int = 51, sample: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Compute the silhouettes of some members of every cluster; noise is left out.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers, -1 for noise
        seed (51): seed of the choice; a cluster's choice depends on its own members only
        sample (5000): how many members are looked at, though at least 5 of each cluster

    Returns:
        a tuple of ``(m,)`` row numbers and ``(m,)`` float32 silhouettes in [-1, 1], 0 for a single member and the same
        for copies in one cluster; both are empty where there are fewer than two clusters
    """
    X, labels = np.asarray(X), np.asarray(labels)
    clusters = np.unique(labels[labels != NOISE])
    if len(clusters) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    rows = _chosen(labels, max(sample // len(clusters), _LEAST), seed)
    place = np.searchsorted(clusters, labels[rows])
    counts = np.bincount(place, minlength=len(clusters))
    chosen = X[rows] - X[rows].mean(axis=0)  # distances do not mind, and their squares keep more digits
    copies = first_copies(chosen)
    values = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        values[part] = _of_block(chosen, part, copies, place, counts)
    _, one, each = np.unique(copies * len(clusters) + place, return_index=True, return_inverse=True)
    return rows, values[one][each]


def _of_block(X: np.ndarray, part: slice, copies: np.ndarray, place: np.ndarray, counts: np.ndarray) -> np.ndarray:
    squares = np.einsum("ij,ij->i", X, X)
    distances = np.sqrt(np.maximum(squares[part, None] + squares - 2 * (X[part] @ X.T), 0))[:, copies]
    distances[copies[part, None] == copies] = 0
    here = np.arange(len(distances))
    starts = np.searchsorted(place, np.arange(len(counts)))
    sums = np.add.reduceat(distances, starts, axis=1)
    own = place[part]
    inside = sums[here, own] / np.maximum(counts[own] - 1, 1)
    means = sums / counts
    means[here, own] = np.inf
    outside = means.min(axis=1)
    widest = np.maximum(inside, outside)
    found = (outside - inside) / np.where(widest > 0, widest, 1)
    return np.where(counts[own] > 1, found, 0)


def _chosen(labels: np.ndarray, per_cluster: int, seed: int) -> np.ndarray:
    """Draw the rows that are looked at, by cluster: at most ``per_cluster`` of each."""
    order = np.argsort(labels, kind="stable")
    clusters, starts = np.unique(labels[order], return_index=True)
    picked = []
    for cluster, members in zip(clusters.tolist(), np.split(order, starts[1:]), strict=True):
        if cluster != NOISE:
            if len(members) > per_cluster:
                rng = np.random.default_rng((seed, cluster))
                members = np.sort(rng.choice(members, per_cluster, replace=False))
            picked.append(members)
    return np.concatenate(picked)
