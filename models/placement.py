"""Places for new samples from plain numbers: what a run must keep to label samples that come later.

A run keeps no estimator and no pickle. It keeps a small JSON description and a few arrays, which any later version can
read. The kinds are "centers" (the nearest center), "gaussian" (the most likely component), "head" (the layers of a
small network) and "neighbors" (the vote of the nearest samples of the run, whose vectors and labels live in the
dataset, so that only limits are kept).
"""

import numpy as np

from .clusterers._networks import most_likely
from .clusterers.base import nearest_centers
from .clusterers.gaussian_mixture import posterior
from .neighbors import distance_limits, vote
from .reduction import project

# Arrays beyond this do not go into a run; the vote of the neighbours, which needs none, takes their place.
LARGEST = 50_000_000
_VOTERS = 10
_GAUSSIAN = {"weights": "weights_", "means": "cluster_centers_", "cholesky": "precisions_cholesky_"}


def describe(clusterer, reduction_name: str, reducer, normalize: bool) -> tuple[dict, dict[str, np.ndarray]]:
    """What is needed to place samples later.

    Args:
        clusterer: a fitted clusterer
        reduction_name: "none", "pca" or "umap": what ``clusterer`` was fitted on
        reducer: the fitted reduction, or None with "none"
        normalize: whether the vectors were L2-normalised before the reduction

    Returns:
        a tuple of a JSON-able description and float32 arrays by name, as :func:`place` takes them
    """
    kind, arrays = clusterer.placed_by, {}
    if kind == "centers":
        arrays = {"centers": clusterer.cluster_centers_}
    elif kind == "gaussian":
        arrays = {name: getattr(clusterer, attribute) for name, attribute in _GAUSSIAN.items()}
    elif kind == "head":
        arrays = dict(clusterer.arrays_)
    if reduction_name == "umap" or sum(np.size(array) for array in arrays.values()) * 4 > LARGEST:
        kind, arrays = "neighbors", {}
    spec = {"kind": kind, "reduction": reduction_name, "normalize": bool(normalize)}
    spec |= {"head": clusterer.spec_} if kind == "head" else {}
    spec["dimension"] = int(clusterer.n_features_in_)
    if reduction_name == "pca":
        arrays |= {"pca_mean": reducer.mean_, "pca_components": reducer.components_}
        spec["dimension"] = len(reducer.mean_)
    elif reduction_name == "umap":
        spec["dimension"] = int(reducer.vectors_.shape[1])
    if kind == "neighbors":
        spec |= {"k": _VOTERS, "metric": _metric(clusterer, reduction_name)}
        limits = _limits(clusterer, reduction_name, reducer)
        arrays |= {} if limits is None else {"limits": limits}
    return spec, {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}


def place(spec: dict, arrays: dict, X_new, X_train=None, labels_train=None):
    """Labels for new samples.

    Args:
        spec: the description from :func:`describe`
        arrays: its arrays
        X_new: ``(m, d)`` vectors as stored, before any normalisation
        X_train (None): ``(n, d)`` vectors of the run's samples as stored; only for the kind "neighbors"
        labels_train (None): ``(n,)`` their clusters, -1 for noise; only for the kind "neighbors"

    Returns:
        a tuple of ``(m,)`` labels, -1 for noise, and ``(m,)`` float32 confidences in [0, 1]

    Raises:
        ValueError: if the vectors have another dimension, or the run's samples are needed and not there
    """
    X_new = _prepared(spec, arrays, X_new)
    if spec["kind"] == "centers":
        return nearest_centers(X_new, arrays["centers"])
    if spec["kind"] == "gaussian":
        return posterior(X_new, *(arrays[name] for name in _GAUSSIAN))
    if spec["kind"] == "head":
        return most_likely(X_new, spec["head"], arrays)
    if X_train is None or labels_train is None or len(X_train) == 0:
        raise ValueError(
            "this run places samples by their neighbours, and none were given; pass its vectors and labels"
        )
    X_train = _prepared(spec, arrays, X_train)
    return vote(X_new, X_train, labels_train, spec["k"], spec["metric"], limits=arrays.get("limits"))


def _prepared(spec, arrays, X):
    X = np.asarray(X, dtype=np.float32)
    if X.ndim != 2 or X.shape[1] != spec["dimension"]:
        raise ValueError(
            f"vectors of shape {X.shape} do not fit a run on {spec['dimension']} dimensions; use the run's own encoder"
        )
    if spec["normalize"]:
        lengths = np.linalg.norm(X, axis=1, keepdims=True)
        X = X / np.where(lengths > 0, lengths, 1)
    return project(X, arrays["pca_mean"], arrays["pca_components"]) if spec["reduction"] == "pca" else X


def _metric(clusterer, reduction_name):
    # UMAP's neighbourhoods are those of the cosine, and the vote takes place where they were found.
    return "cosine" if reduction_name == "umap" else getattr(clusterer, "metric_", "euclidean")


def _limits(clusterer, reduction_name, reducer):
    limits = getattr(clusterer, "limits_", None)
    if limits is None or reduction_name != "umap":
        return limits
    return distance_limits(reducer.vectors_, clusterer.labels_, "cosine")
