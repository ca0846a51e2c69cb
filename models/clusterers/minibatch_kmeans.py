"""Mini-batch k-means (Sculley 2010): k-means that looks at small random batches instead of all samples.

Choose it for very many samples when the last percent of compactness does not matter. The work is scikit-learn's.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress
from ..vectors.centers import inertia, nearest_centers
from .base import Clusterer


class MiniBatchKMeans(Clusterer):
    """k-means on batches.

    Attributes:
        cluster_centers_: ``(n_clusters, d)``
        inertia_: sum of squared distances to the nearest center
        n_iter_: passes over all samples
    """

    name = "minibatch_kmeans"
    title = "Mini-batch k-means"
    when = "Hundreds of thousands of samples or more, when a rough k-means will do"
    order = 10
    exact = True
    placed_by = "centers"
    remedy = "choose kmeans, which looks at all samples, or ask for fewer"

    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10,
        batch_size: Annotated[int, Field(ge=1, description="Samples per batch")] = 1024,
        n_init: Annotated[int, Field(ge=1, le=100, description="Starts tried; the best goes on")] = 3,
        max_iter: Annotated[int, Field(ge=1, description="Most passes over all samples")] = 100,
        max_no_improvement: Annotated[
            int, Field(ge=1, description="Stop after this many batches without a better inertia")
        ] = 10,
        reassignment_ratio: Annotated[
            float, Field(ge=0, le=1, description="Restart centers with fewer than this share of the largest's samples")
        ] = 0.01,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.batch_size = batch_size
        self.n_init = n_init
        self.max_iter = max_iter
        self.max_no_improvement = max_no_improvement
        self.reassignment_ratio = reassignment_ratio
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """A few passes, and one to label everything."""
        k = params["n_clusters"]
        return Cost(0.1 + n * d * (6e-10 * k + 1e-8) + 2e-9 * params["n_init"] * d * k * k, 16 * n + 4 * 8192 * k)

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.cluster import MiniBatchKMeans as SklearnMiniBatchKMeans

        progress(0.0, "mini-batch k-means")
        model = SklearnMiniBatchKMeans(
            n_clusters=self.n_clusters,
            batch_size=self.batch_size,
            n_init=self.n_init,
            max_iter=self.max_iter,
            max_no_improvement=self.max_no_improvement,
            reassignment_ratio=self.reassignment_ratio,
            random_state=self.random_state,
            compute_labels=False,
        ).fit(X)
        self.n_iter_ = model.n_iter_
        self.cluster_centers_ = model.cluster_centers_
        labels, confidence = nearest_centers(X, self.cluster_centers_)
        self.inertia_ = inertia(X, self.cluster_centers_, labels)
        return labels, confidence
