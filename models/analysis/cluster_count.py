"""Suggested numbers of clusters: a sweep judged without labels, and three answers instead of one truth.

Each number, or least size of HDBSCAN, is tried on several halves of the vectors, and all trials are scored on the same
sample. A number is good if its clusters are apart (silhouette, Rousseeuw 1987) and found again in another half
(agreement by the adjusted Rand index, after Ben-Hur, Elisseeff and Guyon 2002); the product of both decides. Either
alone fails: the silhouette of handwritten digits is as high at 17 clusters as at 10, and two clusters of almost
anything are found again.
Calinski-Harabasz (1974), Davies-Bouldin (1979) and the coding length (Ma et al. 2007, "Segmentation of multivariate
mixed data via lossy data coding and compression", section 3) are shown beside them; the first and the last favor few
clusters where dimensions are many, so they have no vote.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from ..labels import NOISE
from ..progress import Progress, quiet
from ..vectors.copies import first_copies
from ..vectors.reduction import PCAReduction
from ..vectors.scaling import scaled, scaling_of
from .count_choice import Trial, choose
from .metrics import ari

# Distances say more about groups in the leading directions, and a sweep there costs a fraction
DIMENSIONS = 50
FEWEST = 8
SAMPLE = 5000
_SCORED = 2000
_SHARE = 0.5
_RATIO = 1.3
_REFINED = 5  # numbers looked at around each of the three best, in two rounds that start at these fractions
_ROUNDS = (0.6, 0.8)
_DISTORTION = 0.1  # of the coding length, as a share of the variance


def suggest_count(
    X: np.ndarray,
    method: str = "kmeans",
    max_clusters: int = 100,
    seed: int = 51,
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> dict:
    """Suggest a coarse, a natural and a fine number of clusters.

    Args:
        X: ``(n, d)`` vectors, prepared as they would be clustered; above 50 dimensions their principal components
        method ("kmeans"): "kmeans" sweeps its ``n_clusters``, "hdbscan" its ``min_cluster_size``
        max_clusters (100): the largest number tried
        seed (51): seed of the samples and fits
        sample (5000): how many vectors are looked at
        progress (None): called with ``(fraction, message)``; whatever it raises stops the sweep

    Returns:
        a dict with "coarse", "natural" and "fine", the "values" of the swept parameter they stand for, the "reasons"
        in words, a "verdict" ("clear", "weak" or "none"), the "trials" in order, "parameter" and "n_used"

    Raises:
        ValueError: if there is nothing to sweep
    """
    if method not in ("kmeans", "hdbscan"):
        raise ValueError(f"method={method!r} has no number to sweep here; use 'kmeans' or 'hdbscan'")
    if len(X) < FEWEST:
        raise ValueError(f"{len(X)} vectors are too few to look for groups in; use at least {FEWEST}")
    if max_clusters < 2 or sample < FEWEST:
        name, value, least = ("max_clusters", max_clusters, 2) if max_clusters < 2 else ("sample", sample, FEWEST)
        raise ValueError(f"{name}={value} leaves nothing to sweep; use at least {least}")
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(X), min(sample, len(X)), replace=False))
    X = np.asarray(X)[chosen]
    X = np.ascontiguousarray(scaled(X, scaling_of(X)))
    if X.shape[1] > DIMENSIONS:
        # copies have one place among the components too
        X = PCAReduction(DIMENSIONS, random_state=seed).fit_transform(X)[first_copies(X)]
    if np.ptp(X, axis=0).max() == 0:
        raise ValueError(f"all {len(X)} vectors are identical, so they have no groups; choose other embeddings")
    sweep: type[_Sweep] = _KMeansSweep if method == "kmeans" else _HDBSCANSweep
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct vectors than clusters show in the trial itself
        trials = sweep(X, max_clusters, rng, progress or quiet).run()
    return {
        **choose(trials),
        "trials": [asdict(trial) for trial in trials],
        "parameter": sweep.parameter,
        "n_used": len(X),
    }


class _Sweep:
    """Base of both sweeps: halves to fit, and one sample on which every trial is scored."""

    parameter: ClassVar[str] = ""
    repeats: ClassVar[int] = 5

    def __init__(self, X: np.ndarray, max_clusters: int, rng: np.random.Generator, progress: Progress):
        self.X, self.max_clusters, self.progress = X, max_clusters, progress
        self.scored = np.sort(rng.choice(len(X), min(_SCORED, len(X)), replace=False))
        self.S = X[self.scored]
        self.distances = _distances(self.S)
        self.half = min(max(int(_SHARE * len(X)), FEWEST), len(X))
        self.parts = [np.sort(rng.choice(len(X), self.half, replace=False)) for _ in range(self.repeats)]
        self.seeds = rng.integers(2**31, size=self.repeats)

    def run(self) -> list[Trial]:
        """Try all numbers."""
        raise NotImplementedError(f"{type(self).__name__} lacks run; implement run()")

    def trial(
        self, value: int, n_clusters: int, labels: np.ndarray, silhouette: float | None, stability: float
    ) -> Trial:
        """Make a trial from its labels ``(m,)`` of the scored sample."""
        from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

        kept = labels != NOISE
        defined = 2 <= len(np.unique(labels[kept])) < kept.sum()
        return Trial(
            value=int(value),
            n_clusters=int(n_clusters),
            silhouette=silhouette,
            stability=stability,
            calinski_harabasz=float(calinski_harabasz_score(self.S[kept], labels[kept])) if defined else None,
            davies_bouldin=float(davies_bouldin_score(self.S[kept], labels[kept])) if defined else None,
            coding_length=coding_length(self.S, labels),
            coverage=float(kept.mean()),
        )


class _KMeansSweep(_Sweep):
    """k-means for a geometric series of numbers, then for those around the three best."""

    parameter = "n_clusters"

    def run(self) -> list[Trial]:
        highest = max(2, min(self.max_clusters, self.half // 2))
        grid = geometric(2, highest)
        trials: dict[int, Trial] = {}
        for i, k in enumerate(grid):
            self._try(trials, k, 0.6 * i / len(grid))
        for fraction in _ROUNDS:
            values = choose(list(trials.values()))["values"].values()
            refined = sorted({k for value in values for k in between(sorted(trials), value)})
            for i, k in enumerate(refined):
                self._try(trials, k, fraction + 0.2 * i / len(refined))
        return [trials[k] for k in sorted(trials)]

    def _try(self, trials: dict[int, Trial], k: int, fraction: float) -> None:
        from ..clusterers.kmeans import KMeans

        self.progress(fraction, f"{k} clusters")
        found, n_clusters = [], 0
        for part, seed in zip(self.parts, self.seeds, strict=True):
            model = KMeans(k, spherical=False, n_init=1, swaps=10, max_iter=50, random_state=int(seed))
            found.append(model.fit(self.X[part]).predict(self.S))
            n_clusters = max(n_clusters, len(np.unique(model.labels_)))
        widths = [width for labels in found if (width := silhouette(self.distances, labels)) is not None]
        width = float(np.mean(widths)) if widths else None
        # with fewer distinct vectors than clusters it was a smaller number that was tried
        trials.setdefault(n_clusters, self.trial(n_clusters, n_clusters, found[0], width, agreement(found)))


class _HDBSCANSweep(_Sweep):
    """HDBSCAN for a geometric series of least sizes; in a half of the vectors a cluster has half its size."""

    parameter = "min_cluster_size"

    def run(self) -> list[Trial]:
        from ..clusterers.hdbscan import HDBSCAN

        trials: list[Trial] = []
        sizes = geometric(5, max(6, len(self.X) // 4))
        for i, size in enumerate(sizes):
            self.progress(i / len(sizes), f"min_cluster_size {size}")
            whole = HDBSCAN(min_cluster_size=size).fit(self.X).labels_
            n_clusters, labels = len(np.unique(whole[whole != NOISE])), whole[self.scored]
            if n_clusters < 2:  # nothing splits, and nothing will into larger clusters
                break
            small = max(2, round(size * self.half / len(self.X)))
            found = [HDBSCAN(min_cluster_size=small).fit(self.X[part]).predict(self.S) for part in self.parts]
            width = silhouette(self.distances, labels)
            # a half in which two clusters happen to touch says nothing of the least size, so it has no vote
            trials.append(self.trial(size, n_clusters, labels, width, agreement(found, np.median)))
        return [trial for trial in trials if trial.n_clusters <= self.max_clusters] or trials[-1:]


def agreement(found: list[np.ndarray], middle: Callable[[list[float]], Any] = np.mean) -> float:
    """Return the adjusted Rand index between two of several labelings ``(m,)``, where noise is one more cluster.

    Args:
        found: the labelings
        middle (numpy.mean): the mean over all pairs, or another middle of them
    """
    return float(middle([ari(a, b) for i, a in enumerate(found) for b in found[i + 1 :]]))


def geometric(low: int, high: int) -> list[int]:
    """Return integers from ``low`` to ``high``, both included, each about 1.3 times the one before."""
    found = [low]
    while found[-1] < high:
        found.append(min(max(found[-1] + 1, round(found[-1] * _RATIO)), high))
    return found


def between(grid: list[int], best: int) -> list[int]:
    """Return at most five integers between the neighbors of ``best`` in ``grid`` that are not in it."""
    place = grid.index(best)
    low, high = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
    inside = [k for k in range(low + 1, high) if k != best]
    if len(inside) <= _REFINED:
        return inside
    return [inside[i] for i in np.linspace(0, len(inside) - 1, _REFINED).round().astype(int)]


def silhouette(distances: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the mean silhouette from ``(m, m)`` distances; noise is left out, None where it is undefined."""
    kept = np.flatnonzero(labels != NOISE)
    clusters, place = np.unique(labels[kept], return_inverse=True)
    if not 2 <= len(clusters) < len(kept):
        return None
    member = np.zeros((len(kept), len(clusters)), np.float32)
    member[np.arange(len(kept)), place] = 1
    sums = distances[np.ix_(kept, kept)] @ member if len(kept) < len(labels) else distances @ member
    counts = member.sum(axis=0)
    rows = np.arange(len(kept))
    own = counts[place]
    inside = sums[rows, place] / np.maximum(own - 1, 1)
    means = sums / counts
    means[rows, place] = np.inf
    outside = means.min(axis=1)
    widest = np.maximum(inside, outside)
    widths = np.where((own > 1) & (widest > 0), (outside - inside) / np.where(widest > 0, widest, 1), 0)
    return float(widths.mean())


def coding_length(X: np.ndarray, labels: np.ndarray, distortion: float = _DISTORTION) -> float:
    """Return the bits per sample that store the vectors, each cluster as a Gaussian (Ma et al. 2007, equation 17).

    Args:
        X: ``(m, d)`` vectors
        labels: ``(m,)`` cluster numbers; noise is one more cluster
        distortion (0.1): the mean squared error allowed, as a share of the variance

    Returns:
        the length, up to a constant that is the same for all labels; lower is better
    """
    X = np.asarray(X, dtype=np.float64) - X.mean(axis=0, dtype=np.float64)
    m, d = X.shape
    allowed = max(distortion * X.var(axis=0).sum(), np.finfo(float).tiny)
    total = 0.0
    for cluster in np.unique(labels):
        Z = X[labels == cluster]
        mean = Z.mean(axis=0)
        spread = (Z - mean).T @ (Z - mean)
        volume = np.linalg.slogdet(np.eye(d) + d / (allowed * len(Z)) * spread)[1]
        total += (len(Z) + d) / 2 * volume + d / 2 * np.log1p(mean @ mean / allowed) - len(Z) * np.log(len(Z) / m)
    return float(total / m / np.log(2))


def _distances(X: np.ndarray) -> np.ndarray:
    """Distances ``(m, m)``: those of a vector's first copy for all, so that they are 0 between copies."""
    squares = np.einsum("ij,ij->i", X, X)
    found = squares[:, None] + squares - 2 * (X @ X.T)
    np.fill_diagonal(found, 0)
    copies = first_copies(X)
    return np.sqrt(np.maximum(found, 0))[np.ix_(copies, copies)]
