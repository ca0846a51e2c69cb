"""Birch (Zhang et al. 1996): summarizes the samples in a tree of small subclusters, then merges those.

Choose it for many samples in few dimensions, where most fall into tight groups: memory follows the subclusters. On
high-dimensional embeddings k-means does the same job in less time. The tree is scikit-learn's.

Where ours differs: without a threshold, one is taken from the data, and lowered until there are enough subclusters.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress, quiet
from ..vectors.centers import nearest_centers
from ..vectors.linkage import cut_tree, merge_tree
from ..vectors.neighbors import nearest_neighbors
from .base import Clusterer


class Birch(Clusterer):
    """A tree of subclusters, merged into clusters.

    Attributes:
        subcluster_centers_: ``(m, d)``
        subcluster_labels_: ``(m,)``
        threshold_: the radius used
    """

    name = "birch"
    title = "Birch"
    when = "Many samples in few dimensions, tight groups; reads the data once"
    order = 20
    exact = True

    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10,
        threshold: Annotated[
            float | None, Field(gt=0, description="Largest radius of a subcluster; empty: taken from the data")
        ] = None,
        branching_factor: Annotated[int, Field(ge=2, description="Most subclusters in a node of the tree")] = 50,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.threshold = threshold
        self.branching_factor = branching_factor
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """One walk down the tree per sample, in Python, and the merging of some n / 2 subclusters."""
        tree = n * (2e-4 + 8e-9 * params["branching_factor"] * d)
        return Cost(0.1 + tree + 0.25 * n * n * (2e-11 * d + 4e-8), 8 * n * d + 2 * n * n)

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray | None]:
        from sklearn.cluster import Birch as SklearnBirch

        factor = self._factor()
        self.threshold_ = self.threshold or self._measured(X) / factor
        while True:
            progress(0.0, f"Birch with threshold {self.threshold_:.3g}")
            radius = self.threshold_ * factor
            # The merging comes after: here scikit-learn would only warn of too few subclusters.
            model = SklearnBirch(threshold=radius, branching_factor=self.branching_factor, n_clusters=None)
            centers = model.fit(X).subcluster_centers_
            if len(centers) >= self.n_clusters or self.threshold is not None or radius < 1e-6:
                break
            self.threshold_ /= 2
        progress(0.7, "merging subclusters")
        self.subcluster_centers_ = centers
        self.subcluster_labels_ = self._merged(centers)
        self._remember(X)
        # A center may drift away from its samples, so that a whole cluster ends without any.
        return self.subcluster_labels_[nearest_centers(X, centers)[0]], None

    def advice(self) -> str:
        """Return the usual advice and the threshold: few subclusters may be why clusters are few."""
        return f"lower threshold={self.threshold_:.3g}, or ask for fewer"

    def _keep(self, X: np.ndarray, used: np.ndarray) -> None:
        kept = np.isin(self.subcluster_labels_, used)
        self.subcluster_centers_ = self.subcluster_centers_[kept]
        self.subcluster_labels_ = np.searchsorted(used, self.subcluster_labels_[kept])

    def _merged(self, centers: np.ndarray) -> np.ndarray:
        if len(centers) <= self.n_clusters:
            return np.arange(len(centers))
        children, _ = merge_tree(centers, "ward", "euclidean", quiet)
        return cut_tree(children, len(centers) - self.n_clusters)

    def _measured(self, X: np.ndarray) -> float:
        # Two thirds of the gap between neighbors in a sample: finer, and every sample is a subcluster of its own;
        # coarser, and in high dimensions everything falls into one.
        rng = np.random.default_rng(self.random_state)
        sample = X[np.sort(rng.choice(len(X), min(len(X), 2000), replace=False))]
        _, distances = nearest_neighbors(sample, 1, "euclidean")
        return max(float(np.median(distances)) * 0.65, 1e-6)
