"""Assignment of new samples from plain numbers, which a run keeps to label samples that come later.

A run keeps no estimator and no pickle. It keeps a small JSON description and a few arrays, which any later version can
read. The kinds are "centers" (the nearest center), "gaussian" (the most likely component), "head" (the layers of a
small network) and "neighbors" (the vote of the nearest samples of the run, whose vectors and labels live in the
dataset, so that only limits are kept).

Edits of a run leave all this as it is and say what became of its clusters: two that were merged are one, and where
a cluster was taken apart the nearest samples of the run decide, by the labels they have now.
"""

from typing import NamedTuple

import numpy as np

from .clusterers.base import Clusterer
from .clusterers.deep.networks import most_likely, probabilities
from .clusterers.gaussian_mixture import log_density, posterior
from .labels import MIXED
from .vectors.centers import cluster_means, nearest_centers
from .vectors.copies import agreed, first_copies
from .vectors.neighbors import distance_limits, query_neighbors, vote
from .vectors.normalize import l2_normalize
from .vectors.reduction import Reduction, project
from .vectors.scaling import Scaling, scaled

# Arrays beyond this do not go into a run; the vote of the neighbors, which needs none, takes their place.
LARGEST = 50_000_000
_VOTERS = 10
_GAUSSIAN = {"weights": "weights_", "means": "cluster_centers_", "cholesky": "precisions_cholesky_"}


class Nearest(NamedTuple):
    """Clusters of some samples by the nearest center.

    Args:
        labels: ``(m,)``
        confidence: ``(m,)`` float32, the simplified silhouette about the centers (Hruschka et al. 2004)
        cosine: ``(m,)`` float32 cosines to the nearest center
    """

    labels: np.ndarray
    confidence: np.ndarray
    cosine: np.ndarray


def describe(
    clusterer: Clusterer,
    reduction_name: str,
    reducer: Reduction | None,
    normalize: bool,
    widths: list[int] | None = None,
    scaling: Scaling | None = None,
) -> tuple[dict, dict[str, np.ndarray]]:
    """Describe a fitted clusterer by plain numbers, so that samples can be placed later.

    Args:
        clusterer: a fitted clusterer
        reduction_name: "none", "pca" or "umap": what ``clusterer`` was fitted on
        reducer: the fitted reduction, or None with "none"
        normalize: whether the vectors were L2-normalized before the reduction
        widths (None): dimensions of the embedding spaces side by side in the vectors, each normalized by itself
        scaling (None): the scaling of the vectors before the reduction; without one, that of ``clusterer`` counts

    Returns:
        a tuple of a JSON-able description and float32 arrays by name, as :func:`place` takes them
    """
    kind: str = clusterer.placed_by
    arrays: dict[str, np.ndarray] = {}
    if kind == "centers":
        arrays = {"centers": clusterer.cluster_centers_}
    elif kind == "gaussian":
        arrays = {name: getattr(clusterer, attribute) for name, attribute in _GAUSSIAN.items()}
    elif kind == "head":
        arrays = dict(clusterer.arrays_)
    if reduction_name == "umap" or sum(np.size(array) for array in arrays.values()) * 4 > LARGEST:
        kind, arrays = "neighbors", {}
    spec: dict = {"kind": kind, "reduction": reduction_name, "normalize": bool(normalize)}
    spec |= {"head": clusterer.spec_} if kind == "head" else {}
    spec |= {"widths": list(widths)} if widths is not None and len(widths) > 1 else {}
    spec["dimension"] = int(clusterer.n_features_in_)
    own = getattr(clusterer, "scaling_", None)
    if reducer is not None and reduction_name == "pca":
        arrays |= _scaled_components(reducer, own)
        spec["dimension"] = len(reducer.mean_)
    elif reducer is not None and reduction_name == "umap":
        spec["dimension"] = int(reducer.vectors_.shape[1])
    scaling = own if reducer is None else scaling
    spec |= {} if scaling is None else {"scaling": scaling.to_dict()}
    if kind == "neighbors":
        spec |= {"k": _VOTERS, "metric": _metric(clusterer, reduction_name)}
        limits = _limits(clusterer, reduction_name, reducer)
        arrays |= {} if limits is None else {"limits": limits}
    return spec, {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}


def place(
    spec: dict,
    arrays: dict,
    X_new: np.ndarray,
    X_train: np.ndarray | None = None,
    labels_train: np.ndarray | None = None,
    mapping: dict[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Label new samples; copies of a vector get the same label.

    Args:
        spec: the description from :func:`describe`
        arrays: its arrays
        X_new: ``(m, d)`` vectors as stored, before any normalization
        X_train (None): ``(n, d)`` vectors of the run's samples as stored; needed where :func:`needs_neighbors` says so
        labels_train (None): ``(n,)`` their clusters as they are now, -1 for noise
        mapping (None): what edits made of the clusters, by their ids as they were computed: the id now, or MIXED
            if its samples are in several clusters now; a cluster that is left out is as it was

    Returns:
        a tuple of ``(m,)`` labels, -1 for noise, and ``(m,)`` float32 confidences in [0, 1]

    Raises:
        ValueError: if the vectors have another dimension, or the run's samples are needed and not there
    """
    by_vote = spec["kind"] == "neighbors"
    if by_vote:
        labels, confidence = np.full(len(X_new), MIXED), np.zeros(len(X_new), np.float32)
    else:
        labels, confidence = place_by_arrays(spec, arrays, X_new, mapping)
    asked = labels == MIXED
    if not by_vote and not asked.any():
        return labels, confidence
    if X_train is None or labels_train is None or len(X_train) == 0:
        raise ValueError("this run places samples by their neighbors, and none were given; pass its vectors and labels")
    labels[asked], confidence[asked] = _voted(spec, arrays, np.asarray(X_new)[asked], X_train, labels_train, mapping)
    return labels, confidence


def nearest_by_cosine(X: np.ndarray, labels: np.ndarray, rows: np.ndarray, centered: bool = False) -> Nearest:
    """Find the cluster whose center is nearest to each of some samples, by the cosine.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` their clusters, -1 for noise
        rows: ``(m,)`` positions of the samples that are asked about
        centered (False): whether to take the vectors from their mean, for coordinates, whose origin means nothing
    """
    X = X - X.mean(axis=0) if centered else X
    unit = l2_normalize(X)
    inside = np.asarray(labels) >= 0
    ids, place = np.unique(np.asarray(labels)[inside], return_inverse=True)
    centers = l2_normalize(cluster_means(unit[inside], place, len(ids)))
    asked = unit[rows]
    found, confidence = agreed(first_copies(asked), *nearest_centers(asked, centers))
    return Nearest(ids[found], confidence, np.einsum("ij,ij->i", asked, centers[found]))


def needs_neighbors(spec: dict, mapping: dict | None = None) -> bool:
    """Return whether :func:`place` needs the vectors and labels of the run's own samples."""
    return spec["kind"] == "neighbors" or MIXED in (mapping or {}).values()


def place_by_arrays(
    spec: dict, arrays: dict, X: np.ndarray, mapping: dict[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Label new samples from the arrays alone, for every kind but "neighbors"; copies of a vector agree.

    Args:
        spec: the description from :func:`describe`
        arrays: its arrays
        X: ``(m, d)`` vectors as stored
        mapping (None): as for :func:`place`

    Returns:
        a tuple of ``(m,)`` labels, -1 for noise and MIXED where the neighbors decide, and ``(m,)`` float32 confidences
    """
    found = _by_arrays(spec, arrays, X, mapping)
    return agreed(first_copies(X), *found)


def _by_arrays(
    spec: dict, arrays: dict, X: np.ndarray, mapping: dict[int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    X = _prepared(spec, arrays, X)
    if spec["kind"] == "centers":
        labels, confidence = nearest_centers(X, arrays["centers"])
    elif spec["kind"] == "gaussian":
        labels, confidence = posterior(X, *(arrays[name] for name in _GAUSSIAN))
    else:
        labels, confidence = most_likely(X, spec["head"], arrays)
    if not mapping:
        return labels, confidence
    now = np.arange(_computed(spec, arrays))
    for cluster, goes in mapping.items():
        if 0 <= cluster < len(now):
            now[cluster] = goes
    for merged in np.flatnonzero(np.bincount(now[now >= 0]) > 1):
        rows = now[labels] == merged
        confidence[rows] = _confidence_of_several(spec, arrays, X[rows], now == merged)
    labels = now[labels]
    return labels, np.where(labels < 0, np.float32(0), confidence)


def _computed(spec: dict, arrays: dict) -> int:
    """Count the clusters that the arrays tell apart."""
    if spec["kind"] != "head":
        return len(arrays["centers" if spec["kind"] == "centers" else "means"])
    head = spec["head"]
    if head["output"] == "student_t":
        return len(arrays["codes"])
    return len(arrays[f"bias_{head['layers'] - 1}"]) // head.get("votes", 1)


def _confidence_of_several(spec: dict, arrays: dict, X: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return the confidences ``(m,)`` of samples that are in a cluster made of those that ``mine`` ``(k,)`` marks."""
    if mine.all():
        return np.ones(len(X), np.float32)
    if spec["kind"] == "centers":
        near, far = (query_neighbors(arrays["centers"][rows], X, 1, "euclidean")[1][:, 0] for rows in (mine, ~mine))
        return np.where(far > 0, 1 - near / np.maximum(far, 1e-30), 0).clip(0).astype(np.float32)
    if spec["kind"] == "gaussian":
        logs = log_density(X, *(arrays[name] for name in _GAUSSIAN))
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return (shares[:, mine].sum(axis=1) / shares.sum(axis=1)).astype(np.float32)
    return probabilities(X, spec["head"], arrays)[:, mine].sum(axis=1).astype(np.float32)


def _voted(
    spec: dict,
    arrays: dict,
    X_new: np.ndarray,
    X_train: np.ndarray,
    labels_train: np.ndarray,
    mapping: dict[int, int] | None,
) -> tuple[np.ndarray, np.ndarray]:
    asked, X_train = _prepared(spec, arrays, X_new), _prepared(spec, arrays, X_train)
    by_vote = spec["kind"] == "neighbors"
    limits = arrays.get("limits") if by_vote else None
    if limits is not None and mapping:  # they are of clusters that are no more
        limits = distance_limits(X_train, labels_train, spec["metric"])
    k, metric = (spec["k"], spec["metric"]) if by_vote else (_VOTERS, "euclidean")
    return agreed(first_copies(X_new), *vote(asked, X_train, labels_train, k, metric, limits=limits))


def _prepared(spec: dict, arrays: dict, X: np.ndarray) -> np.ndarray:
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != spec["dimension"]:
        raise ValueError(
            f"vectors of shape {X.shape} do not fit a run on {spec['dimension']} dimensions; use the run's own encoder"
        )
    if spec["normalize"]:
        X = l2_normalize(X, spec.get("widths"))
    X = as_scaled(spec, X)
    return project(X, arrays["pca_mean"], arrays["pca_components"]) if spec["reduction"] == "pca" else X


def as_scaled(spec: dict, X: np.ndarray) -> np.ndarray:
    """Return vectors ``(n, d)`` as a run with the placement ``spec`` saw them, float32."""
    return scaled(X, Scaling.from_dict(spec["scaling"]) if "scaling" in spec else None)


def _scaled_components(reducer: Reduction, scaling: Scaling | None) -> dict[str, np.ndarray]:
    """Return mean and components that reduce, then scale what was reduced."""
    mean, components = reducer.mean_, reducer.components_
    if scaling is not None:
        mean, components = mean + scaling.center @ components, scaling.factor * components
    return {"pca_mean": mean, "pca_components": components}


def _metric(clusterer: Clusterer, reduction_name: str) -> str:
    # UMAP's neighborhoods are those of the cosine, and the vote takes place where they were found.
    return "cosine" if reduction_name == "umap" else getattr(clusterer, "metric_", "euclidean")


def _limits(clusterer: Clusterer, reduction_name: str, reducer: Reduction | None) -> np.ndarray | None:
    limits = getattr(clusterer, "limits_", None)
    if limits is None or reducer is None or reduction_name != "umap":
        return limits
    return distance_limits(reducer.vectors_, clusterer.labels_, "cosine")
