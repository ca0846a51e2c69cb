"""Nearest neighbors: the graph of a set of vectors, and places for new vectors by the vote of their neighbors."""

import numpy as np

from ..progress import Progress
from .exact_search import Neighbors, prepared, search

# Up to here the exact search takes less time than compiling and running the approximate one.
EXACT_LIMIT = 40_000


def nearest_neighbors(
    X: np.ndarray, k: int, metric: str = "cosine", random_state: int = 51, progress: Progress | None = None
) -> Neighbors:
    """Find the ``k`` nearest other samples of every sample.

    Exact up to 40,000 samples; above, NN-descent (Dong et al. 2011), whose recall was .997 on 60,000 x 512.

    Args:
        X: ``(n, d)`` vectors
        k: neighbors per sample, at most ``n - 1`` are returned
        metric ("cosine"): "cosine" or "euclidean"
        random_state (51): seed of the approximate search
        progress (None): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        a tuple of ``(n, k)`` int64 indices and ``(n, k)`` float32 distances, nearest first, where a sample is never
        its own neighbor, even among exact duplicates

    Raises:
        ValueError: if ``k`` or ``metric`` is not usable
    """
    X, _ = prepared(X, X[:0], metric)
    if k < 1 or len(X) < 2:
        raise ValueError(f"k={k} neighbors of {len(X)} samples do not exist; use k >= 1 and at least 2 samples")
    k = min(int(k), len(X) - 1)
    if len(X) > EXACT_LIMIT:
        indices, distances = _descent(X, k, metric, random_state)
    else:
        indices, distances = search(X, X, k, metric, progress, own=True)
    return indices, distances


def neighbors_of(
    X: np.ndarray, rows: np.ndarray, k: int, metric: str = "cosine", progress: Progress | None = None
) -> Neighbors:
    """Find the ``k`` nearest other samples of some samples, exact.

    Args:
        X: ``(n, d)`` vectors
        rows: ``(m,)`` positions of those whose neighbors are sought
        k: neighbors per sample, at most ``n - 1`` are returned
        metric ("cosine"): "cosine" or "euclidean"
        progress (None): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        a tuple of ``(m, k)`` int64 indices and ``(m, k)`` float32 distances, nearest first, as
        :func:`nearest_neighbors` has them
    """
    rows = np.asarray(rows)
    indices, distances = query_neighbors(X, X[rows], k + 1, metric, progress)
    own = indices == rows[:, None]
    # Among duplicates a sample may be missing from its own list: then the farthest entry goes instead.
    own[~own.any(axis=1), -1] = True
    shape = (len(rows), indices.shape[1] - 1)
    return indices[~own].reshape(shape), distances[~own].reshape(shape)


def query_neighbors(
    X: np.ndarray, queries: np.ndarray, k: int, metric: str = "cosine", progress: Progress | None = None
) -> Neighbors:
    """Find the ``k`` nearest of ``X`` ``(n, d)`` to each of ``queries`` ``(m, d)``, exact.

    Returns:
        a tuple of ``(m, k)`` int64 indices into ``X`` and ``(m, k)`` float32 distances, nearest first
    """
    X, queries = prepared(X, queries, metric)
    return search(X, queries, min(int(k), len(X)), metric, progress, own=False)


def class_agreement(truth: np.ndarray, rows: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the share of each sample's neighbors that are of its class.

    Args:
        truth: ``(n,)`` class numbers, -1 where unknown
        rows: ``(m,)`` positions of the samples
        indices: ``(m, k)`` their neighbors

    Returns:
        ``(m,)`` shares among the neighbors of known class; nan where there is none, or the sample has no class
    """
    truth, rows, indices = np.asarray(truth), np.asarray(rows), np.asarray(indices)
    own, theirs = truth[rows], truth[indices]
    known = (theirs >= 0) & (own >= 0)[:, None]
    with np.errstate(invalid="ignore"):
        return ((theirs == own[:, None]) & known).sum(axis=1) / known.sum(axis=1)


def vote(
    queries: np.ndarray,
    X: np.ndarray,
    labels: np.ndarray,
    k: int = 10,
    metric: str = "euclidean",
    limits: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Label new vectors by their nearest labeled ones, nearer ones counting more.

    A vector that is in ``X`` keeps its label: at distance zero it outvotes the others.

    Args:
        queries: ``(m, d)`` new vectors
        X: ``(n, d)`` vectors with known labels
        labels: ``(n,)`` labels, -1 for noise, which votes too
        k (10): voters
        metric ("euclidean"): "cosine" or "euclidean"
        limits (None): ``(n_clusters,)`` largest distance to a cluster's nearest voter; farther vectors are noise

    Returns:
        a tuple of ``(m,)`` labels and ``(m,)`` float32 confidences, the winner's share of the vote, 0 for noise
    """
    labels = np.asarray(labels)
    indices, distances = query_neighbors(X, queries, k, metric)
    voters = labels[indices]
    weights = _weights(distances)
    shares = np.stack([np.where(voters == voters[:, [i]], weights, 0).sum(axis=1) for i in range(voters.shape[1])])
    best = shares.argmax(axis=0)
    rows = np.arange(len(queries))
    found = voters[rows, best]
    confidence = shares[best, rows] / weights.sum(axis=1)
    if limits is not None and len(limits):
        reach = np.where(voters == found[:, None], distances, np.inf).min(axis=1)
        # A share of slack: float32 rounding must not throw out the sample that set the limit.
        found = np.where(reach > 1.001 * np.asarray(limits)[np.maximum(found, 0)] + 1e-6, -1, found)
    return found, np.where(found < 0, 0, confidence).astype(np.float32)


def vote_shares(
    queries: np.ndarray, X: np.ndarray, labels: np.ndarray, k: int = 10, metric: str = "euclidean"
) -> np.ndarray:
    """Return each cluster's share of the vote that :func:`vote` counts.

    Args:
        queries: ``(m, d)`` new vectors
        X: ``(n, d)`` vectors with known labels
        labels: ``(n,)`` labels 0..c-1
        k (10): voters
        metric ("euclidean"): "cosine" or "euclidean"

    Returns:
        ``(m, c)`` float64, rows sum to 1
    """
    labels = np.asarray(labels)
    indices, distances = query_neighbors(X, queries, k, metric)
    weights = _weights(distances).astype(np.float64)
    shares = np.zeros((len(queries), int(labels.max()) + 1))
    np.add.at(shares, (np.arange(len(queries))[:, None], labels[indices]), weights)
    return shares / shares.sum(axis=1, keepdims=True)


def _weights(distances: np.ndarray) -> np.ndarray:
    return 1.0 / (distances + 1e-3 * distances.mean(axis=1, keepdims=True) + 1e-12)


def distance_limits(
    X: np.ndarray, labels: np.ndarray, metric: str = "euclidean", sample: int = 500, random_state: int = 51
) -> np.ndarray:
    """Return, for each cluster, the largest distance of a member to its nearest fellow member.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` labels 0..k-1, -1 for noise
        metric ("euclidean"): "cosine" or "euclidean"
        sample (500): members looked at per cluster
        random_state (51): seed of that choice

    Returns:
        ``(k,)`` float32 distances
    """
    labels = np.asarray(labels)
    rng = np.random.default_rng(random_state)
    limits = np.zeros(int(labels.max(initial=-1)) + 1, dtype=np.float32)
    for cluster in range(len(limits)):
        members = np.flatnonzero(labels == cluster)
        if len(members) < 2:
            continue
        chosen = np.sort(rng.choice(len(members), min(sample, len(members)), replace=False))
        _, distances = query_neighbors(X[members], X[members[chosen]], 2, metric)
        limits[cluster] = distances[:, 1].max()
    return limits


def exact_neighbors(X: np.ndarray, k: int, progress: Progress | None = None) -> Neighbors:
    """Find the ``k`` nearest other samples of every sample by the Euclidean distance, exact whatever the number.

    Args:
        X: ``(n, d)`` vectors
        k: neighbors per sample, at most ``n - 1``
        progress (None): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        as :func:`nearest_neighbors`
    """
    X, _ = prepared(X, X[:0], "euclidean")
    return search(X, X, k, "euclidean", progress, own=True)


def _descent(X: np.ndarray, k: int, metric: str, random_state: int) -> Neighbors:
    from pynndescent import NNDescent

    index = NNDescent(X, metric=metric, n_neighbors=k + 1, random_state=random_state)
    indices, distances = index.neighbor_graph
    own = indices == np.arange(len(X))[:, None]
    # Among duplicates a sample may be missing from its own list: then the farthest entry goes instead.
    own[~own.any(axis=1), -1] = True
    shape = (len(X), k)
    return indices[~own].reshape(shape).astype(np.int64), distances[~own].reshape(shape).astype(np.float32)
