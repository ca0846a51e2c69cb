"""k-means that keeps together what is said to belong together (Basu, Banerjee & Mooney 2002, Constrained-KMeans).

Every group of samples that must be together starts a center, at the group's mean, and its samples stay with it in every
pass; all other centers and samples are as in k-means. Ours tries several starts of the other centers, as k-means does:
its own, one on the free samples alone, and draws far from the groups; the best after a few passes goes on.
"""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..progress import Progress, quiet
from ..vectors.centers import cluster_means, inertia, nearest_centers
from ..vectors.copies import first_copies
from ..vectors.lloyd import Lloyd
from .kmeans import KMeans, normalized_weights, squared_distances, unit_rows

_PASSES = 5  # of each start


class SeededKMeans(KMeans):
    """k-means with must-link groups, which are data and no parameter.

    Attributes:
        groups: ``(n,)`` the group of each sample, numbered from 0, -1 for the free ones; set before ``fit``
        bound_: ``(n,)`` the same, with the free copies of samples of a group in that group
    """

    groups: np.ndarray
    bound_: np.ndarray

    def fit(
        self, X: np.ndarray, y: Any = None, progress: Progress | None = None, copies: np.ndarray | None = None
    ) -> "SeededKMeans":
        """Cluster as k-means does; copies that were put in several groups stay in them."""
        copies = first_copies(X) if copies is None else np.asarray(copies)
        self.bound_ = _with_copies(self.groups, copies)
        pairs = copies * (int(self.groups.max()) + 2) + self.bound_
        _, first, each = np.unique(pairs, return_index=True, return_inverse=True)
        super().fit(X, y, progress, first[each])
        return self

    def _seed(self, X: np.ndarray, unit: bool, rng: np.random.Generator, progress: Progress = quiet) -> np.ndarray:
        """Return the groups' means, then the other centers."""
        bound, n_groups = self.bound_ >= 0, int(self.bound_.max()) + 1
        if n_groups > self.n_clusters:
            raise ValueError(
                f"{n_groups} groups are constrained to be clusters and n_clusters={self.n_clusters}; "
                f"choose at least {n_groups}"
            )
        means = cluster_means(X[bound], self.bound_[bound], n_groups)
        means = unit_rows(means) if unit else means
        starts = [np.concatenate([means, rest]) for rest in self._others(X, means, unit, rng)]
        tried = [Lloyd(X, centers, unit, self.bound_) for centers in starts]
        for passes in tried:
            passes.run(_PASSES)
        return min((passes.centers for passes in tried), key=lambda centers: self._inertia(X, centers))

    def _fixed(self) -> np.ndarray:
        return self.bound_

    def _others(self, X: np.ndarray, means: np.ndarray, unit: bool, rng: np.random.Generator) -> list[np.ndarray]:
        """Return several choices of the centers that no group has."""
        free, count = X[self.bound_ < 0], self.n_clusters - len(means)
        if not count:
            return [np.empty((0, X.shape[1]), X.dtype)]
        _, taken = linear_sum_assignment(squared_distances(means, whole := super()._seed(X, unit, rng)))
        found = [np.delete(whole, taken, axis=0)]
        if 1 < count <= len(free):
            alone = KMeans(count, self.spherical, self.n_init, self.swaps, self.max_iter, self.tol)
            found.append(alone._seed(free, unit, rng))
        for _ in range(self.n_init if len(free) else 0):
            centers = means
            for _ in range(count):
                distant = squared_distances(free, centers).min(axis=1).astype(np.float64) + 1e-12
                centers = np.concatenate([centers, free[[rng.choice(len(free), p=normalized_weights(distant))]]])
            found.append(centers[len(means) :])
        return found

    def _inertia(self, X: np.ndarray, centers: np.ndarray) -> float:
        return inertia(X, centers, self._bound(nearest_centers(X, centers)[0]))

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        labels, confidence = super()._fit(X, progress)
        bound = self._bound(labels)
        # groups are given, whatever the distances say
        return bound, np.where(bound != labels, np.float32(1), confidence)

    def _keep(self, X: np.ndarray, used: np.ndarray) -> None:
        raise ValueError(
            f"under these constraints only {len(used)} of n_clusters={self.n_clusters} clusters have samples; "
            "ask for fewer"
        )

    def _bound(self, labels: np.ndarray) -> np.ndarray:
        return np.where(self.bound_ >= 0, self.bound_, labels)


def _with_copies(groups: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Return ``groups`` ``(n,)`` with the free copies of samples of a group in that group, the first of several."""
    groups = np.asarray(groups)
    bound = np.flatnonzero(groups >= 0)[::-1]
    theirs = np.full(len(groups), -1)
    theirs[copies[bound]] = groups[bound]
    return np.where(groups >= 0, groups, theirs[copies])


def seeded(clusterer: KMeans, groups: np.ndarray) -> SeededKMeans:
    """Return a k-means with ``clusterer``'s parameters that keeps groups ``(n,)`` together, -1 for free samples."""
    found = SeededKMeans(**clusterer.get_params())
    found.groups = np.asarray(groups)
    return found
