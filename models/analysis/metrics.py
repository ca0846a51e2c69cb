"""Scores of a clustering: against known labels, and from the vectors alone.

Noise (-1) has no single right treatment, so every figure that it touches says which one it takes: plain names count
noise as one more cluster (for ``acc``: each noise sample is wrong), ``..._assigned`` looks only at samples that have a
cluster, and ``coverage`` says how many those are.
"""

import numpy as np

from ..labels import NOISE
from ..vectors.neighbors import neighbors_of


def contingency(truth, labels):
    """How often each cluster meets each class.

    Args:
        truth: ``(n,)`` class names or numbers
        labels: ``(n,)`` cluster numbers

    Returns:
        a tuple of the ``(n_clusters, n_classes)`` counts, the cluster of each row and the class of each column
    """
    classes, column = np.unique(np.asarray(truth), return_inverse=True)
    clusters, row = np.unique(np.asarray(labels), return_inverse=True)
    table = np.zeros((len(clusters), len(classes)), dtype=np.int64)
    np.add.at(table, (row, column), 1)
    return table, clusters, classes


def clustering_accuracy(truth, labels) -> float:
    """Accuracy under the best one-to-one matching of clusters to classes (Hungarian method, Kuhn 1955).

    The table may be rectangular: samples of surplus clusters or surplus classes count as wrong, and so does noise.

    Args:
        truth: ``(n,)`` class names or numbers
        labels: ``(n,)`` cluster numbers, -1 for noise

    Returns:
        a share in [0, 1]
    """
    table, clusters, _ = contingency(truth, labels)
    rows, columns = _matched(table[clusters != NOISE])
    return float(table[clusters != NOISE][rows, columns].sum() / len(labels))


def many_to_one_accuracy(truth, labels) -> float:
    """Accuracy when each cluster stands for its most frequent class, known as purity; grows with n_clusters."""
    table, _, _ = contingency(truth, labels)
    return float(table.max(axis=1).sum() / table.sum())


purity = many_to_one_accuracy


def inverse_purity(truth, labels) -> float:
    """Share of samples that are in the cluster where their class is most frequent; falls with n_clusters."""
    table, _, _ = contingency(truth, labels)
    return float(table.max(axis=0).sum() / table.sum())


def nmi_arithmetic(truth, labels) -> float:
    """Mutual information over the arithmetic mean of both entropies; not corrected for chance."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels, average_method="arithmetic"))


def nmi_geometric(truth, labels) -> float:
    """Mutual information over the geometric mean of both entropies, as SPICE and TURTLE report it."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels, average_method="geometric"))


def ami(truth, labels) -> float:
    """Mutual information adjusted for chance (Vinh et al. 2010); to be preferred with many clusters."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(truth, labels))


def ari(truth, labels) -> float:
    """Rand index adjusted for chance (Hubert and Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, labels))


def v_measure(truth, labels) -> float:
    """Harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg 2007)."""
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(truth, labels))


def per_class_recall(truth, labels) -> dict:
    """Share of every class that is in the cluster matched to it one-to-one; 0 for a class without a cluster."""
    table, clusters, classes = contingency(truth, labels)
    kept = table[clusters != NOISE]
    recall = {_plain(name): 0.0 for name in classes}
    for row, column in zip(*_matched(kept), strict=True):
        recall[_plain(classes[column])] = float(kept[row, column] / table[:, column].sum())
    return recall


def confusion(truth, labels) -> dict:
    """The contingency table with its names, clusters ordered so that matched classes lie on the diagonal.

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


def neighbor_agreement(indices, labels) -> float:
    """Share of nearest neighbours that are in the sample's own cluster; noise samples are left out.

    Args:
        indices: ``(n, k)`` neighbours as :func:`models.neighbors.nearest_neighbors` returns them
        labels: ``(n,)`` cluster numbers

    Returns:
        a share in [0, 1], or nan if every sample is noise
    """
    labels = np.asarray(labels)
    same = labels[indices] == labels[:, None]
    kept = labels != NOISE
    return float(same[kept].mean()) if kept.any() else float("nan")


def sampled_agreement(X, labels, k: int = 10, seed: int = 51, sample: int = 1000, metric: str = "euclidean") -> float:
    """:func:`neighbor_agreement` of some samples among all, so that the cost grows linearly with their number.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers; a neighbour that is noise is in another cluster
        k (10): neighbours per sample
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


def score_labels(truth, labels) -> dict[str, float]:
    """All external scores.

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
    labels = np.asarray(labels)[known]
    truth = np.asarray([value for value, kept in zip(truth, known, strict=True) if kept])
    assigned = labels != NOISE
    scores = {
        "n_scored": float(len(labels)),
        "n_classes": float(len(np.unique(truth))),
        "n_clusters": float(len(np.unique(labels[assigned]))),
        "coverage": float(assigned.mean()),
    }
    scores.update({key: score(truth, labels) for key, score in _EXTERNAL.items()})
    if assigned.any() and not assigned.all():
        scores.update({f"{key}_assigned": score(truth[assigned], labels[assigned]) for key, score in _EXTERNAL.items()})
    return scores


def score_vectors(X, labels, seed: int = 51, sample: int = 5000, metric: str = "euclidean") -> dict[str, float | None]:
    """Internal scores: how compact and apart the clusters are in the space of ``X``.

    They rank runs on the same vectors only; scores from different spaces must not be compared.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster numbers; noise is left out
        seed (51): seed of the sampling
        sample (5000): samples that the silhouette, whose cost is quadratic, looks at
        metric ("euclidean"): "euclidean" or "cosine", for the silhouette and the neighbours

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


_EXTERNAL = {
    "acc": clustering_accuracy,
    "purity": many_to_one_accuracy,
    "inverse_purity": inverse_purity,
    "nmi": nmi_arithmetic,
    "nmi_geometric": nmi_geometric,
    "ami": ami,
    "ari": ari,
    "v_measure": v_measure,
}


def _matched(table):
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(table, maximize=True)


def _is_known(value) -> bool:
    # nan is what pandas and numpy make of None
    return value is not None and value == value


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
