"""Some members of every cluster, to annotate or to look at: typical ones, different ones, or any."""

import numpy as np

from .exemplars import prototypes

HOW = ("mixed", "central", "diverse", "random")
# Farthest-first looks at no more members of a cluster than these
_CANDIDATES = 4000


def select(X, labels, per_cluster: int, how: str = "mixed", seed: int = 51) -> dict[int, list[int]]:
    """Chooses as many members of each cluster, or all of those that have fewer.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster ids; -1, noise, is left out
        per_cluster: how many of each
        how ("mixed"): "central" takes those nearest to the cluster's mean, "diverse" goes on from the most central one
            with the one farthest from all chosen (Gonzalez 1985), which includes outliers, "mixed" takes half of each
            without the outliers, "random" draws
        seed (51): seed of what is drawn

    Returns:
        row numbers by cluster id, in the order they were chosen

    Raises:
        ValueError: in one sentence, if an argument is refused
    """
    if how not in HOW:
        raise ValueError(f"how={how!r} is not known; choose one of {', '.join(HOW)}")
    if per_cluster < 1:
        raise ValueError(f"per_cluster={per_cluster} leaves nothing to choose; use at least 1")
    labels = np.asarray(labels)
    if how == "mixed":
        return prototypes(X, labels, n=per_cluster, seed=seed)
    found = {}
    for cluster in np.unique(labels[labels >= 0]).tolist():
        members = np.flatnonzero(labels == cluster)
        # of each cluster its own, so that the choice in one does not depend on the others
        rng = np.random.default_rng((seed, cluster))
        if how == "random":
            chosen = rng.permutation(len(members))[:per_cluster]
        elif how == "central":
            chosen = _by_centrality(X[members])[:per_cluster]
        else:
            chosen = _farthest_first(X[members], per_cluster, rng)
        found[cluster] = members[chosen].tolist()
    return found


def _by_centrality(X):
    return np.argsort(np.linalg.norm(X - X.mean(axis=0), axis=1), kind="stable")


def _farthest_first(X, n, rng):
    order = _by_centrality(X)
    if len(order) > max(_CANDIDATES, n):
        order = np.concatenate([order[:1], rng.choice(order[1:], max(_CANDIDATES, n) - 1, replace=False)])
    chosen = [0]
    gap = np.linalg.norm(X[order] - X[order[0]], axis=1)
    while len(chosen) < min(n, len(order)):
        gap[chosen[-1]] = -1
        chosen.append(int(gap.argmax()))
        gap = np.where(gap < 0, gap, np.minimum(gap, np.linalg.norm(X[order] - X[order[chosen[-1]]], axis=1)))
    return order[chosen]
