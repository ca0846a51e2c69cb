"""Agglomerative clustering: merges the two nearest clusters again and again, then cuts the tree.

Choose it for a hierarchy, or when the number of clusters should follow from a distance. Linkages: ward (1963) joins
what adds least variance, average, complete and single join by the mean, largest and smallest distance of members.

Where ours differs from scikit-learn's: the distances come from one matrix product, some ten times faster on embeddings.
The tree needs all pairs, so above ``max_samples`` it is built on a random sample of that size, and every other sample
joins the cluster of its nearest linked neighbors.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress
from ..vectors.linkage import cut_tree, merge_tree
from ..vectors.neighbors import vote
from .base import Clusterer

_ROUNDING = 1e-7  # of distances, as a share


class Agglomerative(Clusterer):
    """Bottom-up merging.

    Attributes:
        children_: ``(m - 1, 2)`` the merges of the ``m`` linked samples, as scikit-learn's
        distances_: ``(m - 1,)`` at which distance each merge happened
        linked_: ``(m,)`` rows the tree was built on
    """

    name = "agglomerative"
    title = "Agglomerative"
    when = "A hierarchy, or as many clusters as lie further apart than a distance"
    order = 30

    def __init__(
        self,
        stop: Annotated[
            Literal["n_clusters", "distance_threshold"],
            Field(description="Merge until this many clusters are left, or until they lie this far apart"),
        ] = "n_clusters",
        n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10,
        distance_threshold: Annotated[
            float, Field(gt=0, description="Clusters at this distance or further apart stay separate")
        ] = 1.0,
        linkage: Annotated[
            Literal["ward", "average", "complete", "single"], Field(description="What counts as distance of clusters")
        ] = "ward",
        metric: Annotated[
            Literal["euclidean", "cosine", "manhattan"], Field(description="Distance of samples; ward needs euclidean")
        ] = "euclidean",
        max_samples: Annotated[
            int, Field(ge=100, le=50_000, description="Most samples in the tree; memory grows with the square")
        ] = 15_000,
        random_state: int | None = 51,
    ):
        self.stop = stop
        self.n_clusters = n_clusters
        self.distance_threshold = distance_threshold
        self.linkage = linkage
        self.metric = metric
        self.max_samples = max_samples
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """All pairs of at most ``max_samples``, then the vote of the others."""
        m = min(n, params["max_samples"])
        slow = 40 if params["metric"] == "manhattan" else 1
        return Cost(0.1 + m * m * (2e-11 * d * slow + 4e-8) + 5e-11 * (n - m) * m * d, 8 * m * m + 8192 * m)

    @classmethod
    def check(cls, params: dict, n: int) -> None:
        """Also refuse ward with another metric than euclidean, and more clusters than the tree has leaves."""
        super().check(params, n)
        if params["linkage"] == "ward" and params["metric"] != "euclidean":
            raise ValueError(
                f"ward linkage needs the euclidean metric, not {params['metric']!r}; choose metric='euclidean' or "
                "linkage='average'"
            )
        if params["stop"] == "n_clusters" and params["n_clusters"] > params["max_samples"]:
            raise ValueError(
                f"n_clusters={params['n_clusters']} exceeds max_samples={params['max_samples']}; raise max_samples"
            )

    @classmethod
    def relevant(cls, params: dict) -> list[str]:
        """Either ``n_clusters`` or ``distance_threshold``, as ``stop`` says."""
        other: dict[str | None, str] = {"n_clusters": "distance_threshold", "distance_threshold": "n_clusters"}
        return [
            name for name in super().relevant(params) if name != other.get(params.get("stop"), "distance_threshold")
        ]

    @classmethod
    def offered(cls, params: dict) -> dict[str, list]:
        """The one metric that goes with ward."""
        return {"metric": ["euclidean"]} if params.get("linkage", "ward") == "ward" else {}

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray | None]:
        self.linked_ = self._sample(len(X))
        leaves = X[self.linked_]
        self.children_, distances = merge_tree(leaves, self.linkage, self.metric, progress)
        self.distances_ = distances / self._factor()
        merges = len(leaves) - self.n_clusters
        if self.stop == "distance_threshold":
            # clusters at this very distance stay separate, whatever the last bits say
            resolution = 2 * float(np.finfo(X.dtype).eps * np.abs(leaves).max()) / self._factor()
            least = self.distance_threshold * (1 - _ROUNDING) - resolution
            merges = int(np.searchsorted(self.distances_, least))
        labels = cut_tree(self.children_, merges)
        metric = "cosine" if self.metric == "cosine" else "euclidean"
        if len(leaves) < len(X):
            progress(0.8, f"placing the other {len(X) - len(leaves)} samples")
            labels = vote(X, leaves, labels, metric=metric)[0]
        self._remember(X, metric=metric)
        return labels, None

    def _about_origin(self, X: np.ndarray) -> bool:
        return self.metric == "cosine"

    def _sample(self, n: int) -> np.ndarray:
        if n <= self.max_samples:
            return np.arange(n)
        return np.sort(np.random.default_rng(self.random_state).choice(n, self.max_samples, replace=False))
