"""k-means: the default. Splits the vectors into a given number of compact groups; every sample gets a cluster.

On unit vectors (L2-normalized embeddings) it is spherical k-means (Dhillon and Modha 2001): centers keep length 1 and
similarity is the cosine. Elsewhere it is Lloyd's k-means (1982).

Where ours differs: a single Lloyd run over all samples starts from centers that were improved by swapping (Fränti 2018,
"Efficiency of random swap clustering") on a sample. A swap takes away the center that is missed least and puts it where
samples are badly served; it mends merged and split clusters, which restarts only re-draw.
"""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress
from ..vectors.centers import cluster_means, inertia, is_unit, nearest_centers
from .base import Clusterer

_BLOCK = 8192


class KMeans(Clusterer):
    """k-means, spherical on unit vectors.

    Attributes:
        cluster_centers_: ``(n_clusters, d)``
        inertia_: sum of squared distances to the nearest center
        n_iter_: Lloyd iterations over all samples
    """

    name = "kmeans"
    title = "k-means"
    when = "The number of clusters is roughly known; fast, and every sample gets a cluster"
    order = 0
    placed_by = "centers"

    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10,
        spherical: Annotated[
            bool, Field(description="On unit vectors, keep centers at unit length (cosine similarity)")
        ] = True,
        n_init: Annotated[int, Field(ge=1, le=100, description="Starts tried on a sample; the best goes on")] = 4,
        swaps: Annotated[
            int, Field(ge=0, le=1000, description="Attempts to move a redundant center to a badly served region")
        ] = 30,
        max_iter: Annotated[int, Field(ge=1, description="Most passes over all samples")] = 300,
        tol: Annotated[
            float, Field(ge=0, description="Stop when centers move less than this, relative to the spread")
        ] = 1e-4,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.spherical = spherical
        self.n_init = n_init
        self.swaps = swaps
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Some 30 passes over all samples, after the starts and swaps on the sample."""
        k = params["n_clusters"]
        sample = min(n, _sample_size(k))
        passes = 30 * n + (4 * params["n_init"] + 4 * params["swaps"]) * sample
        return Cost(0.1 + passes * (4e-11 * d * k + 5e-10 * d), 16 * n + 12 * min(n, _BLOCK) * k + 4 * sample * d)

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.random_state)
        unit = self.spherical and is_unit(X)
        origin = np.zeros(X.shape[1], X.dtype) if unit else X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        data = X if unit else X - origin
        progress(0.0, "seeding")
        centers = self._seed(data, unit, rng)
        centers = self._lloyd(data, centers, unit, progress)
        labels, confidence = nearest_centers(data, centers)
        self.cluster_centers_ = centers + origin
        self.inertia_ = inertia(data, centers, labels)
        return labels, confidence

    def _about_origin(self, X: np.ndarray) -> bool:
        return self.spherical and is_unit(X)

    def _seed(self, X: np.ndarray, unit: bool, rng: np.random.Generator) -> np.ndarray:
        size = min(len(X), _sample_size(self.n_clusters))
        sample = X if size == len(X) else X[np.sort(rng.choice(len(X), size, replace=False))]
        starts = []
        for _ in range(self.n_init):
            centers = _plus_plus(sample, self.n_clusters, rng)
            starts.append(_iterate(sample, centers, unit, 4))
        best = min(starts, key=lambda start: start.inertia)
        for _ in range(self.swaps):
            trial = _iterate(sample, _swapped(sample, best, rng), unit, 3)
            if trial.inertia < best.inertia:
                best = trial
        return best.centers

    def _lloyd(self, X: np.ndarray, centers: np.ndarray, unit: bool, progress: Progress) -> np.ndarray:
        scale = float(X.var(axis=0, dtype=np.float64).mean())
        for iteration in range(1, self.max_iter + 1):
            self.n_iter_ = iteration
            moved = _step(X, centers, unit)
            shift = float(((moved - centers) ** 2).sum())
            centers = moved
            progress(iteration / self.max_iter, f"k-means pass {iteration}")
            if shift <= self.tol * scale:
                break
        return centers


class _Start(NamedTuple):
    """Centers on the sample, with what a swap needs to know of every sample."""

    centers: np.ndarray
    labels: np.ndarray
    nearest: np.ndarray  # squared distance to the nearest center
    second: np.ndarray  # and to the second nearest
    inertia: float


def _sample_size(k: int) -> int:
    return max(4096, 40 * k)


def squared_distances(X: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances ``(n, k)``, not negative."""
    own = np.einsum("ij,ij->i", X, X)[:, None]
    found = own + np.einsum("ij,ij->i", centers, centers) - 2 * (X @ centers.T)
    return np.maximum(found, 0, out=found)


def _plus_plus(X: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Choose centers by greedy k-means++ (Arthur and Vassilvitskii 2007): of several draws, that which serves most."""
    tries = 2 + int(np.log(k))
    chosen = [int(rng.integers(len(X)))]
    nearest = squared_distances(X, X[chosen])[:, 0]
    for _ in range(1, k):
        total = nearest.sum(dtype=np.float64)
        if total > 0:
            drawn = np.searchsorted(nearest.cumsum(dtype=np.float64), rng.random(tries) * total)
        else:
            drawn = rng.integers(len(X), size=tries)
        drawn = np.minimum(drawn, len(X) - 1)
        served = np.minimum(nearest[:, None], squared_distances(X, X[drawn]))
        best = int(served.sum(axis=0, dtype=np.float64).argmin())
        chosen.append(int(drawn[best]))
        nearest = served[:, best]
    return X[chosen]


def _step(X: np.ndarray, centers: np.ndarray, unit: bool) -> np.ndarray:
    """Do one Lloyd step: the centers of the samples nearest to each center; an empty one restarts far out."""
    labels = np.empty(len(X), dtype=np.int64)
    score = np.empty(len(X), dtype=X.dtype)
    half = 0.5 * np.einsum("ij,ij->i", centers, centers)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        scores = X[rows] @ centers.T
        if not unit:
            scores -= half
        labels[rows] = scores.argmax(axis=1)
        score[rows] = scores.max(axis=1)
    moved = cluster_means(X, labels, len(centers))
    empty = np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0)
    if len(empty):
        distance = -score if unit else 0.5 * np.einsum("ij,ij->i", X, X) - score
        moved[empty] = X[np.argsort(-distance, kind="stable")[: len(empty)]]
    return unit_rows(moved) if unit else moved


def unit_rows(X: np.ndarray) -> np.ndarray:
    """Return ``X`` ``(n, d)`` with rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(lengths > 0, lengths, 1)


def _iterate(X: np.ndarray, centers: np.ndarray, unit: bool, steps: int) -> _Start:
    for _ in range(steps):
        centers = _step(X, centers, unit)
    squares = squared_distances(X, centers)
    labels = squares.argmin(axis=1)
    nearest, second = np.partition(squares, 1, axis=1)[:, :2].T
    return _Start(centers, labels, nearest, second, float(nearest.sum(dtype=np.float64)))


def _swapped(X: np.ndarray, start: _Start, rng: np.random.Generator) -> np.ndarray:
    """Return ``start``'s centers with one moved: a cheap one to lose, to one of the places that gain most."""
    k = len(start.centers)
    loss = np.bincount(start.labels, weights=start.second - start.nearest, minlength=k)
    # Drawn, not the cheapest: a refused swap must not be tried again and again.
    lost = rng.choice(k, p=normalized_weights(1.0 / (loss + 1e-3 * loss.mean() + 1e-12)))
    drawn = rng.choice(len(X), size=4, p=normalized_weights(start.nearest.astype(np.float64) + 1e-12))
    gain = np.maximum(start.nearest[:, None] - squared_distances(X, X[drawn]), 0).sum(axis=0)
    centers = start.centers.copy()
    centers[lost] = X[drawn[gain.argmax()]]
    return centers


def normalized_weights(weights: np.ndarray) -> np.ndarray:
    """Return weights ``(n,)`` that sum to 1, as draws take them."""
    return weights / weights.sum()
