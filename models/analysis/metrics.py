"""Scores of a clustering: against known labels, and from the vectors alone.

Noise (-1) has no single right treatment, so every score that it touches says which one it takes: plain names count
noise as one more cluster (for ``acc``: each noise sample is wrong), ``..._assigned`` looks only at samples that have a
cluster, and ``coverage`` says how many those are.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..labels import NOISE
from ..vectors.neighbors import neighbors_of


class Contingency(NamedTuple):
    """A table of clusters and classes.

    Args:
        counts: ``(n_clusters, n_classes)`` samples in both
        clusters: ``(n_clusters,)`` the cluster of each row
        classes: ``(n_classes,)`` the class of each column
    """

    counts: np.ndarray
    clusters: np.ndarray
    classes: np.ndarray


def contingency(truth: ArrayLike, labels: ArrayLike) -> Contingency:
    """Count how often each cluster meets each class.

    Args:
        truth: ``(n,)`` class names or numbers
        labels: ``(n,)`` cluster numbers
    """
    classes, column = np.unique(np.asarray(truth), return_inverse=True)
    clusters, row = np.unique(np.asarray(labels), return_inverse=True)
    table = np.zeros((len(clusters), len(classes)), dtype=np.int64)
    np.add.at(table, (row, column), 1)
    return Contingency(table, clusters, classes)


def clustering_accuracy(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the accuracy under the best one-to-one matching of clusters to classes (Hungarian method, Kuhn 1955).

    The table may be rectangular: samples of surplus clusters or surplus classes count as wrong, and so does noise.

    Args:
        truth: ``(n,)`` class names or numbers
        labels: ``(n,)`` cluster numbers, -1 for noise

    Returns:
        a share in [0, 1]
    """
    table, clusters, _ = contingency(truth, labels)
    rows, columns = _matched(table[clusters != NOISE])
    return float(table[clusters != NOISE][rows, columns].sum() / table.sum())


def many_to_one_accuracy(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the purity: the accuracy when each cluster stands for its most frequent class; grows with n_clusters."""
    table, _, _ = contingency(truth, labels)
    return float(table.max(axis=1).sum() / table.sum())


purity = many_to_one_accuracy


def inverse_purity(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of samples that are in the cluster where their class is most frequent; falls with n_clusters."""
    table, _, _ = contingency(truth, labels)
    return float(table.max(axis=0).sum() / table.sum())


def nmi_arithmetic(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the mutual information over the arithmetic mean of both entropies; not corrected for chance."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels, average_method="arithmetic"))


def nmi_geometric(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the mutual information over the geometric mean of both entropies, as SPICE and TURTLE report it."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels, average_method="geometric"))


def ami(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the mutual information adjusted for chance (Vinh et al. 2010); to be preferred with many clusters."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(truth, labels))


def ari(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the Rand index adjusted for chance (Hubert and Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, labels))


def v_measure(truth: ArrayLike, labels: ArrayLike) -> float:
    """Return the harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg 2007)."""
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(truth, labels))


def per_class_recall(truth: ArrayLike, labels: ArrayLike) -> dict:
    """Return the share of every class in the cluster matched to it one-to-one; 0 for a class without a cluster."""
    table, clusters, classes = contingency(truth, labels)
    kept = table[clusters != NOISE]
    recall = {_plain(name): 0.0 for name in classes}
    for row, column in zip(*_matched(kept), strict=True):
        recall[_plain(classes[column])] = float(kept[row, column] / table[:, column].sum())
    return recall


def confusion(truth: ArrayLike, labels: ArrayLike) -> dict:
    """Return the contingency table with its names, clusters ordered so that matched classes lie on the diagonal.

    Returns:
        a dict with "counts" ``(n_clusters, n_classes)`` as lists, "clusters" and "classes"
    """
    table, clusters, classes = contingency(truth, labels)
    real = np.flatnonzero(clusters != NOISE)
    rows, columns = _matched(table[real])
    matched = [int(real[row]) for row in rows[np.argsort(columns)]]
    order = matched + [row for row in range(len(clusters)) if row not in set(matched)]
    return {
        "counts": table[order].tolist(),
        "clusters": [int(clusters[row]) for row in order],
        "classes": [_plain(name) for name in classes],
    }


def neighbor_agreement(indices: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of nearest neighbors that are in the sample's own cluster; noise samples are left out.

    Args:
        indices: ``(n, k)`` neighbors as :func:`models.vectors.neighbors.nearest_neighbors` returns them
        labels: ``(n,)`` cluster numbers

    Returns:
        a share in [0, 1], or nan if every sample is noise
    """
    labels = np.asarray(labels)
    same = labels[indices] == labels[:, None]
    kept = labels != NOISE
    return float(same[kept].mean()) if kept.any() else float("nan")


def sampled_agreement(
    X: np.ndarray, labels: np.ndarray, k: int = 10, seed: int = 51, sample: int = 1000, metric: str = "euclidean"
) -> float:
    """Estimate :func:`neighbor_agreement` from some samples among all, at a cost that grows linearly with all.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers; a neighbor that is noise is in another cluster
        k (10): neighbors per sample
        seed (51): seed of the sampling
        sample (1000): how many samples are asked
        metric ("euclidean"): "euclidean" or "cosine"

    Returns:
        a share in [0, 1], or nan if every sample is noise
    """
    X, labels = np.asarray(X), np.asarray(labels)
    members = np.flatnonzero(labels != NOISE)
    rows = np.sort(np.random.default_rng(seed).choice(members, min(sample, len(members)), replace=False))
    if not len(rows):
        return float("nan")
    indices, _ = neighbors_of(X, rows, k, metric)
    return float((labels[indices] == labels[rows][:, None]).mean())


def score_labels(truth: Sequence | np.ndarray, labels: Sequence | np.ndarray) -> dict[str, float]:
    """Compute all external scores.

    Args:
        truth: ``(n,)`` class names or numbers; None marks samples without one, which are left out
        labels: ``(n,)`` cluster numbers, -1 for noise

    Returns:
        a flat dict: "n_scored", "n_classes", "n_clusters", "coverage", "acc", "purity", "inverse_purity", "nmi",
        "nmi_geometric", "ami", "ari", "v_measure"; with noise each of the last eight also as "..._assigned"

    Raises:
        ValueError: if the lengths differ or no sample has a class
    """
    if len(truth) != len(labels):
        raise ValueError(f"{len(truth)} classes for {len(labels)} labels cannot be compared; pass one class per label")
    known = np.array([_is_known(value) for value in truth], dtype=bool)
    if not known.any():
        raise ValueError(f"none of the {len(labels)} samples has a class; choose a field with ground truth")
    found = np.asarray(labels)[known]
    classes = np.asarray([value for value, kept in zip(truth, known, strict=True) if kept])
    assigned = found != NOISE
    scores = {
        "n_scored": float(len(found)),
        "n_classes": float(len(np.unique(classes))),
        "n_clusters": float(len(np.unique(found[assigned]))),
        "coverage": float(assigned.mean()),
    }
    scores.update({key: score(classes, found) for key, score in _EXTERNAL.items()})
    if assigned.any() and not assigned.all():
        real, theirs = classes[assigned], found[assigned]
        scores.update({f"{key}_assigned": score(real, theirs) for key, score in _EXTERNAL.items()})
    return scores


def score_vectors(
    X: np.ndarray, labels: np.ndarray, seed: int = 51, sample: int = 5000, metric: str = "euclidean"
) -> dict[str, float | None]:
    """Compute internal scores: how compact and apart the clusters are in the space of ``X``.

    They rank runs on the same vectors only; scores from different spaces must not be compared.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers; noise is left out
        seed (51): seed of the sampling
        sample (5000): samples that the silhouette, whose cost is quadratic, looks at
        metric ("euclidean"): "euclidean" or "cosine", for the silhouette and the neighbors

    Returns:
        a dict with "silhouette" in [-1, 1], "calinski_harabasz" (higher is better), "davies_bouldin" (lower is
        better) and "neighbor_agreement", see :func:`sampled_agreement`; the values are None where fewer than two
        clusters, or only single samples, make them undefined
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

    everything, all_labels = np.asarray(X), np.asarray(labels)
    kept = all_labels != NOISE
    X, labels = everything[kept], all_labels[kept]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return dict.fromkeys(("silhouette", "calinski_harabasz", "davies_bouldin", "neighbor_agreement"))
    rows = np.sort(np.random.default_rng(seed).choice(len(X), min(sample, len(X)), replace=False))
    defined = 2 <= len(np.unique(labels[rows])) < len(rows)
    return {
        "silhouette": float(silhouette_score(X[rows], labels[rows], metric=metric)) if defined else None,
        "calinski_harabasz": float(calinski_harabasz_score(X, labels)),
        "davies_bouldin": float(davies_bouldin_score(X, labels)),
        "neighbor_agreement": sampled_agreement(everything, all_labels, seed=seed, metric=metric),
    }


_EXTERNAL: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "acc": clustering_accuracy,
    "purity": many_to_one_accuracy,
    "inverse_purity": inverse_purity,
    "nmi": nmi_arithmetic,
    "nmi_geometric": nmi_geometric,
    "ami": ami,
    "ari": ari,
    "v_measure": v_measure,
}


def _matched(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(table, maximize=True)


def _is_known(value: Any) -> bool:
    # nan is what pandas and numpy make of None
    return value is not None and value == value


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
