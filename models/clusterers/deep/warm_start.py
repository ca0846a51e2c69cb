"""k-means beside a head: where it starts, what it is compared with, and what takes its place after a collapse."""

import warnings

import numpy as np

from ...progress import Progress, quiet
from ...vectors.neighbors import Neighbors
from ..kmeans import KMeans

# Below, UMAP takes longer to compile than all the rest; above, its exact neighbors take minutes.
UMAP_SIZES = (1_000, 40_000)
# A cluster this large, and this many times as large as k-means's largest, has swallowed others.
_DOMINANT, _DOMINANT_RATIO = 0.5, 1.5


def start_kind(kind: str, n: int) -> str:
    """Return the kind of start for ``n`` samples, where "auto" is UMAP if it is cheap, else k-means."""
    if kind != "auto":
        return kind
    return "umap" if UMAP_SIZES[0] <= n <= UMAP_SIZES[1] else "kmeans"


def start_space(kind: str, Z: np.ndarray, knn: Neighbors | None, seed: int, progress: Progress = quiet) -> np.ndarray:
    """Return the space in which k-means finds the clusters that heads start from.

    Args:
        kind: "kmeans" for ``Z`` itself, "umap", or "auto", UMAP where it is cheap
        Z: ``(n, q)`` vectors
        knn: their neighbors, as :func:`models.vectors.neighbors.nearest_neighbors` returns them, or None
        seed: of UMAP
        progress (quiet): called with ``(fraction, message)``

    Returns:
        ``(n, c)`` coordinates
    """
    if start_kind(kind, len(Z)) == "kmeans":
        return Z
    from ...vectors.reduction import UMAPReduction

    return UMAPReduction(random_state=seed).fit_transform(Z, knn=knn, progress=lambda f, m="": progress(0.1, m))


def kmeans(Z: np.ndarray, n_clusters: int, seed: int, n_init: int = 4) -> KMeans:
    """Return k-means fitted to ``Z`` ``(n, q)`` and centers among these, silent about clusters not found."""
    with warnings.catch_warnings():
        # Identical vectors make fewer clusters, which the method itself reports of its own result.
        warnings.simplefilter("ignore")
        found = KMeans(n_clusters, n_init=n_init, random_state=seed)
        found.fit(Z)
    if found.scaling_ is not None:
        (center, factor), found.scaling_ = found.scaling_, None
        found.cluster_centers_ = (found.cluster_centers_ / factor + center).astype(Z.dtype)
        found.inertia_ /= factor**2
    return found


def kmeans_of_codes(codes: np.ndarray, n_clusters: int, seed: int) -> KMeans:
    """Return k-means fitted to the codes ``(n, c)`` of an autoencoder, the best of 20 starts as in DEC's paper."""
    return kmeans(codes, n_clusters, seed, n_init=20)


def widening(n: int, squares: float) -> float:
    """Return the factor of codes before they are clustered: below distances of 1, Student's t is flat.

    Args:
        n: number of codes
        squares: sum of their squared distances from their centers
    """
    return max(1.0, (n / max(squares, 1e-12)) ** 0.5)


def kmeans_layer(Z: np.ndarray, fitted: KMeans) -> tuple[np.ndarray, np.ndarray]:
    """Return k-means as a layer ``(weight, bias)``: a softmax of minus the squared distances over their mean."""
    centers = fitted.cluster_centers_.astype(np.float64)
    spread = max(float(((Z - centers[fitted.labels_]) ** 2).sum(axis=1).mean()), 1e-12)
    return 2 * centers.T / spread, -(centers**2).sum(axis=1) / spread


def plausible(labels: np.ndarray, n_clusters: int) -> bool:
    """Return whether labels ``(n,)`` are no collapse whatever k-means finds, which then need not run."""
    sizes = np.bincount(labels) / len(labels)
    return bool((sizes > 0).sum() >= n_clusters / 2 and sizes.max() <= _DOMINANT)


def collapse(labels: np.ndarray, reference: np.ndarray, n_clusters: int) -> str | None:
    """Say what is wrong with a clustering in which clusters swallowed others, None if nothing is.

    Args:
        labels: ``(n,)`` labels
        reference: ``(n,)`` labels of k-means on the same vectors
        n_clusters: how many were asked for

    Returns:
        a clause for the warning, or None
    """
    sizes, usual = np.bincount(labels) / len(labels), np.bincount(reference) / len(reference)
    used = int((sizes > 0).sum())
    if used < n_clusters / 2:
        return f"{used} of {n_clusters} clusters were used"
    if sizes.max() > _DOMINANT and sizes.max() > _DOMINANT_RATIO * usual.max():
        return f"{sizes.max():.0%} of the samples were in one cluster, {usual.max():.0%} with k-means"
    return None
