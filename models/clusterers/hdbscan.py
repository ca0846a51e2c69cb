"""HDBSCAN (Campello et al. 2013): clusters are regions denser than their surroundings; the rest is noise.

Choose it when the number of clusters is unknown and outliers should stay out. Above some 50 dimensions there are no
dense regions, and most samples end as noise: reduce with UMAP first, as ``reduce="auto"`` does. The work is done by the
hdbscan package (McInnes et al. 2017).

Where ours differs: above 30 dimensions the package is given the exact spanning tree, found by matrix products (see
``models/vectors/spanning_tree.py``), where its own search takes far longer; a sample at one distance from two clusters
that part there is noise, where the order of equal edges would decide. The cosine metric, which the package's
trees lack, is the euclidean one on normalized vectors, of the same order. New samples are placed by their neighbors,
within the distances that cluster members keep, so that no new cluster is invented. ``min_samples`` is 5 and not
``min_cluster_size``, with which CIFAR-10 features after UMAP fell into two to four clusters for most seeds.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..labels import NOISE
from ..progress import Progress
from ..vectors.neighbors import vote
from ..vectors.reduction import DENSE_DIMENSIONS
from ..vectors.spanning_tree import reachability_tree
from .base import Clusterer
from .kmeans import unit_rows

_FEW_DIMENSIONS = 30  # in which the package's search trees are faster than products
_TIE = 1e-9  # relative difference of densities that are equal but for rounding
_OF_CONDENSING = (
    "cluster_selection_method",
    "cluster_selection_epsilon",
    "cluster_selection_epsilon_max",
    "cluster_selection_persistence",
    "max_cluster_size",
    "allow_single_cluster",
)


class HDBSCAN(Clusterer):
    """Hierarchical density-based clustering.

    Attributes:
        persistence_: ``(n_clusters,)`` how stable each cluster is
        noise_share_: share of samples that the method calls noise, before ``assign_noise``
    """

    name = "hdbscan"
    title = "HDBSCAN"
    when = "The number of clusters is unknown and outliers should be left out as noise"
    density = True
    order = 50

    def __init__(
        self,
        min_cluster_size: Annotated[int, Field(ge=2, description="Fewest samples of a cluster")] = 15,
        min_samples: Annotated[
            int | None, Field(ge=1, description="Higher: more noise, safer clusters; empty: as min_cluster_size")
        ] = 5,
        cluster_selection_method: Annotated[
            Literal["eom", "leaf"], Field(description="The most persistent clusters, or the finest ones")
        ] = "eom",
        cluster_selection_epsilon: Annotated[
            float, Field(ge=0, description="Clusters nearer than this are not split")
        ] = 0.0,
        cluster_selection_epsilon_max: Annotated[
            float | None, Field(gt=0, description="Clusters may not span more than this; empty: no limit")
        ] = None,
        cluster_selection_persistence: Annotated[
            float, Field(ge=0, description="Clusters that persist less than this are merged")
        ] = 0.0,
        max_cluster_size: Annotated[
            int, Field(ge=0, description="Larger clusters are split if they can be; 0: no limit; eom only")
        ] = 0,
        allow_single_cluster: Annotated[bool, Field(description="Accept that everything is one cluster")] = False,
        metric: Annotated[
            Literal["euclidean", "cosine", "manhattan", "chebyshev", "minkowski"],
            Field(description="Distance of samples"),
        ] = "euclidean",
        p: Annotated[float, Field(ge=1, description="Exponent of the minkowski metric")] = 2.0,
        alpha: Annotated[float, Field(gt=0, description="Scales distances between clusters; rarely changed")] = 1.0,
        algorithm: Annotated[
            Literal["best", "generic", "prims_kdtree", "prims_balltree", "boruvka_kdtree", "boruvka_balltree"],
            Field(description="How neighbors are searched; best chooses by size and metric"),
        ] = "best",
        leaf_size: Annotated[int, Field(ge=1, description="Samples in a leaf of the search tree")] = 40,
        approx_min_span_tree: Annotated[bool, Field(description="Accept a slightly worse tree for speed")] = True,
        match_reference_implementation: Annotated[
            bool, Field(description="Count min_cluster_size and min_samples as the Java reference does")
        ] = False,
        assign_noise: Annotated[
            bool, Field(description="Give noise to the cluster of its nearest members, at half the confidence or less")
        ] = False,
    ):
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.cluster_selection_method = cluster_selection_method
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.cluster_selection_epsilon_max = cluster_selection_epsilon_max
        self.cluster_selection_persistence = cluster_selection_persistence
        self.max_cluster_size = max_cluster_size
        self.allow_single_cluster = allow_single_cluster
        self.metric = metric
        self.p = p
        self.alpha = alpha
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.approx_min_span_tree = approx_min_span_tree
        self.match_reference_implementation = match_reference_implementation
        self.assign_noise = assign_noise

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Search trees in few dimensions, where they help; above, every pair."""
        if d <= _FEW_DIMENSIONS:
            return Cost(0.3 + n**1.2 * 15 * (1.3e-9 * d + 1e-8), 8 * n * (d + 40))
        return Cost(0.3 + n * n * (5e-11 * d + 4e-9), 4 * n * (3 * d + 80) + 2**26)

    @classmethod
    def check(cls, params: dict, n: int) -> None:
        """Also refuse a minimum cluster size that nothing can reach, and limits that exclude each other."""
        super().check(params, n)
        if params["min_cluster_size"] > n:
            raise ValueError(
                f"min_cluster_size={params['min_cluster_size']} exceeds the {n} usable samples; choose at most {n}"
            )
        low, high = params["cluster_selection_epsilon"], params["cluster_selection_epsilon_max"]
        if high is not None and high < low:
            raise ValueError(
                f"cluster_selection_epsilon_max={high:g} is below cluster_selection_epsilon={low:g}; raise it "
                "or leave it empty"
            )

    @classmethod
    def relevant(cls, params: dict) -> list[str]:
        """Leave out the exponent of a metric not chosen, and what the leaf method or a treeless search ignore."""
        ignored = set()
        if params.get("metric") != "minkowski":
            ignored.add("p")
        if params.get("cluster_selection_method") == "leaf":
            ignored |= {"max_cluster_size", "cluster_selection_epsilon_max"}
        if params.get("algorithm") == "generic":
            ignored |= {"leaf_size", "approx_min_span_tree"}
        return [name for name in super().relevant(params) if name not in ignored]

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        from hdbscan import HDBSCAN as PackageHDBSCAN

        progress(0.0, "HDBSCAN")
        # The package insists on floats, which validation has made of whole numbers.
        params = self._validated()
        params.pop("assign_noise")
        cosine = params["metric"] == "cosine"
        if cosine:
            params["metric"] = "euclidean"
        if params["cluster_selection_epsilon_max"] is None:
            params["cluster_selection_epsilon_max"] = float("inf")
        factor = self._factor()
        params["cluster_selection_epsilon"] *= factor
        params["cluster_selection_epsilon_max"] *= factor
        params["cluster_selection_persistence"] /= factor  # of densities, the inverse of distances
        Z = unit_rows(X) if cosine else X
        if self._by_products(X.shape[1]):
            labels, confidence, self.persistence_ = _of_tree(Z, params, progress)
        else:
            model = PackageHDBSCAN(**params, core_dist_n_jobs=1).fit(
                # float64, which its plain search takes only and its trees make anyway
                Z.astype(np.float64)
            )
            labels, confidence, self.persistence_ = model.labels_, model.probabilities_, model.cluster_persistence_
        self.persistence_ = np.asarray(self.persistence_)
        self.noise_share_ = float((labels == NOISE).mean())
        metric = "cosine" if cosine else "euclidean"
        keep_noise = not self.assign_noise or self.noise_share_ == 1
        if not keep_noise:
            progress(0.8, "assigning noise")
            labels, confidence = _joined(X, labels, confidence, metric)
        self._remember(X, noise=keep_noise, metric=metric)
        return labels, confidence

    def _by_products(self, d: int) -> bool:
        """Return whether the tree is found by matrix products: where search trees do not help in ``d`` dimensions."""
        straight = self.metric in ("euclidean", "cosine") or (self.metric == "minkowski" and self.p == 2)
        return straight and d > _FEW_DIMENSIONS and self.algorithm == "best" and self.alpha == 1

    def _about_origin(self, X: np.ndarray) -> bool:
        return self.metric == "cosine"

    def noise_advice(self, d: int) -> str:
        """Return the parameters to lower, UMAP where dimensions are many, and what else there is."""
        smaller = "" if self.min_samples is None else f" or min_samples={self.min_samples}"
        first = "reduce with UMAP first, " if d > DENSE_DIMENSIONS else ""
        return (
            f"{first}lower min_cluster_size={self.min_cluster_size}{smaller}, or choose another method such as kmeans"
        )

    def _keep(self, X: np.ndarray, used: np.ndarray) -> None:
        self.persistence_ = self.persistence_[used]


def _of_tree(X: np.ndarray, params: dict, progress: Progress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, probabilities and the clusters' persistence as the package finds them in the exact tree."""
    from hdbscan._hdbscan_linkage import label
    from hdbscan.hdbscan_ import _tree_to_labels

    reference = params["match_reference_implementation"]
    fewest = params["min_cluster_size"] if params["min_samples"] is None else params["min_samples"]
    tree = reachability_tree(X, max(1, min(len(X) - 1, fewest - reference)), progress)
    found = _tree_to_labels(
        X,
        label(tree),
        min_cluster_size=params["min_cluster_size"] + reference,
        match_reference_implementation=reference,
        **{name: params[name] for name in _OF_CONDENSING},
    )
    labels, confidence, persistence, condensed, _ = found
    early = _left_at_birth(labels, condensed)
    return np.where(early, NOISE, labels), np.where(early, 0, confidence), persistence


def _left_at_birth(labels: np.ndarray, condensed: np.ndarray) -> np.ndarray:
    """Return whether each sample ``(n,)`` leaves its cluster at the density at which the cluster comes about.

    Such a sample lies between clusters, at one distance from both; equal edges come in any order, which alone would
    decide for one of the two.
    """
    clusters = condensed["child_size"] > 1
    births, sizes = np.zeros((2, int(condensed["parent"].max()) + 1))
    births[condensed["child"][clusters]] = condensed["lambda_val"][clusters]
    sizes[condensed["child"][clusters]] = condensed["child_size"][clusters]
    leaves = condensed[~clusters]
    parent, label = leaves["parent"], labels[leaves["child"]]
    # in the cluster itself, of that many samples, and not in a part of it
    itself = (label != NOISE) & (sizes[parent] == np.bincount(labels + 1)[label + 1])
    early = np.zeros(len(labels), bool)
    early[leaves["child"]] = itself & (leaves["lambda_val"] <= births[parent] * (1 + _TIE))
    return early


def _joined(X: np.ndarray, labels: np.ndarray, confidence: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and confidence with noise in the cluster of its nearest members."""
    labels, confidence = labels.copy(), confidence.copy()
    noise = labels == NOISE
    labels[noise], share = vote(X[noise], X[~noise], labels[~noise], metric=metric)
    # However clear the vote, the sample lies outside the cluster: half says so, and keeps it last.
    confidence[noise] = share / 2
    return labels, confidence
