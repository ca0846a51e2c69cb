"""Geometry of clusters: how tight they are, how far apart, and where borderline samples would go instead.

Everything is told from the clusters' centers in a few passes over the vectors. Cohesion is the textbook's (Tan,
Steinbach & Kumar, Introduction to Data Mining, section 8.5.2) as a share of the spread of all samples. Separation is
Fisher's ratio along the line between two centers: spreads over all dimensions, as in Davies & Bouldin's index, grow
with their number and would call every two clusters of image embeddings overlapping. A sample's margin is the
simplified silhouette (Hruschka et al. 2004).
"""

from dataclasses import dataclass

import numpy as np

from ..labels import NOISE
from ..vectors.normalize import l2_normalize

_BLOCK = 8192
# Turning the leaves of a tree to their best order takes the cube of their number
_BEST_ORDER = 200


@dataclass(frozen=True)
class Geometry:
    """Clusters and how they lie.

    Args:
        clusters: ``(k,)`` cluster numbers, ascending, without noise
        centers: ``(k, d)`` their means
        spread: ``(k,)`` root mean squared distance of the members to their center
        cohesion: ``(k,)`` at most 1, which means that all members are equal; 0 where a cluster is as wide as all
            samples together
        nearest: ``(k,)`` the cluster with the nearest center, -1 for an only cluster
        separation: ``(k,)`` distance to that center in standard deviations of both clusters along the line between
            them: some 2.7 where a single ball was cut in two, above 4 with a gap; nan where there is no other cluster
            or both are points
        similarity: ``(k, k)`` cosines between the centers as seen from the mean of all samples
    """

    clusters: np.ndarray
    centers: np.ndarray
    spread: np.ndarray
    cohesion: np.ndarray
    nearest: np.ndarray
    separation: np.ndarray
    similarity: np.ndarray

    def leaf_order(self) -> list[int]:
        """Order the clusters so that similar ones are side by side (average linkage; Bar-Joseph et al. 2001)."""
        from scipy.cluster.hierarchy import leaves_list, linkage

        if len(self.clusters) < 3:
            return self.clusters.tolist()
        apart = np.clip(1 - self.similarity, 0, None)[np.triu_indices(len(self.clusters), 1)]
        tree = linkage(apart, "average", optimal_ordering=len(self.clusters) <= _BEST_ORDER)
        return self.clusters[leaves_list(tree)].tolist()


def measure(X: np.ndarray, labels: np.ndarray) -> Geometry:
    """Measure the geometry of a clustering.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers, -1 for noise, which counts nowhere

    Returns:
        a :class:`Geometry`

    Raises:
        ValueError: if the lengths differ
    """
    from ..vectors.centers import cluster_means

    X, labels = _checked(X, labels)
    clusters, place, sizes = np.unique(labels[labels != NOISE], return_inverse=True, return_counts=True)
    rows = np.flatnonzero(labels != NOISE)
    centers = cluster_means(X[rows] if len(rows) < len(X) else X, place, len(clusters))
    within = np.bincount(place, _squared_distances(X, rows, centers, place), len(clusters))
    mean = sizes @ centers / max(len(rows), 1)
    away = centers - mean
    total = (within.sum() + sizes @ (away**2).sum(axis=1)) / max(len(rows), 1)
    spread = np.sqrt(within / np.maximum(sizes, 1))
    nearest, separation = _neighbors(X, rows, place, clusters, centers)
    unit = l2_normalize(away, dtype=np.float64)
    return Geometry(
        clusters=clusters,
        centers=centers,
        spread=spread,
        cohesion=1 - spread**2 / total if total > 0 else np.ones(len(clusters)),
        nearest=nearest,
        separation=separation,
        similarity=np.clip(unit @ unit.T, -1, 1),
    )


def second_choices(X: np.ndarray, labels: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Find the cluster that each sample would go to if its own did not exist, and how near it is to going there.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers, -1 for noise
        geometry: what :func:`measure` returned for them

    Returns:
        a tuple of ``(n,)`` cluster numbers, -1 where there is no other cluster, and ``(n,)`` float32 margins in
        [-1, 1]: 1 at the own center, 0 half-way, negative where the other center is nearer; noise has no own
        cluster and the margin 0
    """
    X, labels = _checked(X, labels)
    k = len(geometry.clusters)
    second, margin = np.full(len(X), NOISE, dtype=np.int64), np.zeros(len(X), dtype=np.float32)
    if k == 0:
        return second, margin
    own = np.where(labels == NOISE, k, np.searchsorted(geometry.clusters, labels))
    origin = geometry.centers.mean(axis=0)  # far from the origin the expansion of the square loses digits
    centers = geometry.centers - origin
    squares = (centers**2).sum(axis=1)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = X[rows] - origin
        found = np.full((len(block), k + 1), np.inf, dtype=np.float32)
        found[:, :k] = squares - 2 * (block @ centers.T) + (block**2).sum(axis=1, keepdims=True)
        np.maximum(found, 0, out=found)
        here = np.arange(len(block))
        mine = found[here, own[rows]].copy()
        found[here, own[rows]] = np.inf
        other = found.argmin(axis=1)
        theirs = found[here, other]
        second[rows] = np.where(np.isfinite(theirs), geometry.clusters[np.minimum(other, k - 1)], NOISE)
        margin[rows] = _margin(np.sqrt(mine), np.sqrt(theirs))
    return second, margin


def _margin(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    known = np.isfinite(mine) & np.isfinite(theirs)
    widest = np.where(known, np.maximum(mine, theirs), 1)
    alone = np.isfinite(mine) & ~np.isfinite(theirs)
    return np.where(known, (theirs - mine) / np.where(widest > 0, widest, 1), alone.astype(np.float32))


def _neighbors(
    X: np.ndarray, rows: np.ndarray, place: np.ndarray, clusters: np.ndarray, centers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each cluster's nearest other one ``(k,)`` and the separation from it ``(k,)``."""
    from scipy.spatial.distance import cdist

    k = len(clusters)
    separation = np.full(k, np.nan)
    if k < 2:
        return np.full(k, NOISE, dtype=np.int64), separation
    distance = cdist(centers, centers)
    np.fill_diagonal(distance, np.inf)
    near = distance.argmin(axis=1)
    members = np.split(rows[np.argsort(place, kind="stable")], np.cumsum(np.bincount(place, minlength=k))[:-1])
    for one, other in enumerate(near):
        apart = distance[one, other]
        if apart > 0:
            line = (centers[other] - centers[one]) / apart
            width = np.sqrt((np.var(X[members[one]] @ line) + np.var(X[members[other]] @ line)) / 2)
            # what is left of equal values after rounding is no width
            separation[one] = apart / width if width > 1e-6 * apart else np.nan
        else:
            separation[one] = 0
    return clusters[near], separation


def _squared_distances(X: np.ndarray, rows: np.ndarray, centers: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return squared distances ``(m,)`` from each of ``rows`` to the center of its cluster ``place``."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        difference = X[rows[part]] - centers[place[part]]
        found[part] = np.einsum("ij,ij->i", difference, difference)
    return found


def _checked(X: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    X, labels = np.asarray(X), np.asarray(labels)
    if len(X) != len(labels):
        raise ValueError(f"{len(X)} vectors for {len(labels)} labels do not match; pass one label per vector")
    return X, labels
