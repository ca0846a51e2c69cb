"""k-means: the default. Splits the vectors into a given number of compact groups; every sample gets a cluster.

On unit vectors (L2-normalized embeddings) it is spherical k-means (Dhillon and Modha 2001): centers keep length 1 and
similarity is the cosine. Elsewhere it is Lloyd's k-means (1982).

Where ours differs: a single Lloyd run over all samples starts from centers that were improved on a sample, by taking
redundant ones to where samples are badly served, several at a time (see ``models/vectors/breathing.py``); that mends
merged and split clusters, which restarts only draw again. Its passes look only at the samples that may change their
cluster (see ``models/vectors/lloyd.py``).
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress, quiet
from ..vectors.breathing import breathed_centers, sample_size
from ..vectors.centers import inertia, is_unit, nearest_centers
from ..vectors.lloyd import Lloyd
from .base import Clusterer

_EXPECTED = 8  # passes over all samples


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
            int, Field(ge=0, le=1000, description="Attempts to move redundant centers to badly served regions")
        ] = 30,
        max_iter: Annotated[int, Field(ge=1, description="Most passes over all samples")] = 300,
        tol: Annotated[
            float, Field(ge=0, description="Stop when a pass lowers the inertia by less than this share")
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
        """Passes over the sample in few dimensions, then those over all samples, most of which look at few."""
        k, sample = params["n_clusters"], sample_size(n, params["n_clusters"])
        # where centers are many, only a quarter of the attempts is made
        narrow = 6 * (params["n_init"] + params["swaps"] * (0.3 if k > 20 else 1)) * sample
        return Cost(
            0.1 + (narrow * min(d, 128) + 8 * n * d) * (4e-11 * k + 5e-10), 48 * n + 8 * 2048 * k + 4 * sample * d
        )

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.random_state)
        unit = self.spherical and is_unit(X)
        origin = np.zeros(X.shape[1], X.dtype) if unit else X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        data = X if unit else X - origin
        progress(0.0, "seeding")
        centers = self._seed(data, unit, rng, lambda fraction, message="": progress(fraction / 2, message))
        lloyd = Lloyd(data, centers, unit, self._fixed())
        self.n_iter_ = lloyd.run(
            self.max_iter,
            self.tol,
            lambda done: progress(0.5 + 0.5 * done / (done + _EXPECTED), f"k-means pass {done}"),
        )
        centers = lloyd.centers
        labels, confidence = nearest_centers(data, centers)
        self.cluster_centers_ = centers + origin
        self.inertia_ = inertia(data, centers, labels)
        return labels, confidence

    def _about_origin(self, X: np.ndarray) -> bool:
        return self.spherical and is_unit(X)

    def _seed(self, X: np.ndarray, unit: bool, rng: np.random.Generator, progress: Progress = quiet) -> np.ndarray:
        """Return the centers to start from."""
        centers = breathed_centers(X, self.n_clusters, self.n_init, self.swaps, rng, progress)
        return unit_rows(centers) if unit else centers

    def _fixed(self) -> np.ndarray | None:
        """Return the clusters ``(n,)`` of samples that may not leave them, -1 for the others, or None."""
        return None


def squared_distances(X: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances ``(n, k)``, not negative."""
    own = np.einsum("ij,ij->i", X, X)[:, None]
    found = own + np.einsum("ij,ij->i", centers, centers) - 2 * (X @ centers.T)
    return np.maximum(found, 0, out=found)


def unit_rows(X: np.ndarray) -> np.ndarray:
    """Return ``X`` ``(n, d)`` with rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(lengths > 0, lengths, 1)


def normalized_weights(weights: np.ndarray) -> np.ndarray:
    """Return weights ``(n,)`` that sum to 1, as draws take them."""
    return weights / weights.sum()
