"""Who stands for a cluster: a few samples that are typical of it and differ from each other."""

import numpy as np

from ..vectors.copies import first_copies

# Beyond this many typical members, more candidates cost time and show nothing new.
_CANDIDATES = 512
# Members to whose mean a cluster's prototype in SCAN is nearest.
_SUREST = 10
WAYS = ("center", "surest", "surer half", "score")


def prototypes(X, labels, confidence=None, n: int = 9, seed: int = 51, by: str = "center") -> dict[int, list[int]]:
    """The most representative samples of every cluster.

    The first half are the most typical members, by one of four definitions. The others are taken farthest-first
    (Gonzalez 1985) among the more typical half of the members, so that they show its range without its outliers.

    * "center": nearest to the mean of all members, where unsure ones count as farther away
    * "surest": nearest to the mean of the 10 most confident (SCAN, Van Gansbeke et al. 2020)
    * "surer half": nearest to the mean of the more confident half (SPICE, Niu et al. 2022)
    * "score": the most confident themselves (DEC, Xie et al. 2016)

    Args:
        X: ``(n_samples, d)`` vectors
        labels: ``(n_samples,)`` cluster numbers; -1, noise, has no prototypes
        confidence (None): ``(n_samples,)`` in [0, 1]; unsure members move back in the order
        n (9): prototypes per cluster
        seed (51): seed of the choice among the members of very large clusters
        by ("center"): what the first half are; without confidence always "center"

    Returns:
        a dict of cluster number to at most ``n`` row numbers, most representative first; exact duplicates appear only
        where a cluster has fewer distinct members than ``n``

    Raises:
        ValueError: if ``n`` is less than 1, lengths differ, or there is no such definition
    """
    X, labels = np.asarray(X), np.asarray(labels)
    if by not in WAYS:
        raise ValueError(f"prototypes by={by!r} are not defined; use one of {', '.join(WAYS)}")
    if n < 1:
        raise ValueError(f"n={n} prototypes per cluster cannot be shown; use at least 1")
    if len(X) != len(labels):
        raise ValueError(f"{len(X)} vectors for {len(labels)} labels do not match; pass one label per vector")
    rng = np.random.default_rng(seed)
    order = np.argsort(labels, kind="stable")
    clusters, starts = np.unique(labels[order], return_index=True)
    found = {}
    for cluster, members in zip(clusters, np.split(order, starts[1:]), strict=True):
        if cluster >= 0:
            sure = None if confidence is None else np.asarray(confidence)[members]
            found[int(cluster)] = members[_chosen(X[members], sure, n, rng, by)].tolist()
    return found


def _ranked(X, sure, by):
    """Members ``(m,)`` from the most to the least typical."""
    distance = np.linalg.norm(X - X.mean(axis=0), axis=1)
    if sure is None:
        return np.argsort(distance, kind="stable")
    if by == "center":
        # An unsure member counts as up to twice as far.
        return np.argsort(distance * (2.0 - np.clip(sure, 0, 1)), kind="stable")
    # Where many are equally sure, as of a saturated softmax, the more central come first.
    by_score = np.lexsort((distance, -sure))
    if by == "score":
        return by_score
    surest = by_score[: _SUREST if by == "surest" else max(1, len(X) // 2)]
    return np.argsort(np.linalg.norm(X - X[surest].mean(axis=0), axis=1), kind="stable")


def _chosen(X, sure, n, rng, by):
    X = X.astype(np.float32, copy=False)
    ranked = _ranked(X, sure, by)
    typical = ranked[: max(len(ranked) // 2, min(n, len(ranked)))]
    candidates, copies = _without_copies(X, _thinned(typical, rng))
    chosen = list(candidates[: (n + 1) // 2])
    _add_farthest(X, candidates, chosen, n)
    if len(chosen) < n:
        # Only copies among the typical ones: first the less typical, then the copies themselves.
        others, more = _without_copies(X, np.concatenate([chosen, _thinned(ranked[len(typical) :], rng)]))
        chosen += [*others, *copies, *more][len(chosen) : n]
    return np.asarray(chosen, dtype=np.int64)


def _thinned(rows, rng):
    """At most ``_CANDIDATES`` of ``rows``: the first half as they come, the others drawn, in their order."""
    half = _CANDIDATES // 2
    if len(rows) <= _CANDIDATES:
        return rows
    return np.concatenate([rows[:half], rows[half:][np.sort(rng.choice(len(rows) - half, half, replace=False))]])


def _without_copies(X, rows):
    """``rows`` split into the first of each distinct vector and the rest, both in order."""
    rows = rows.astype(np.int64)
    kept = first_copies(X[rows]) == np.arange(len(rows))
    return rows[kept], rows[~kept]


def _add_farthest(X, rows, chosen, n):
    gap = np.full(len(rows), np.inf, dtype=np.float32)
    for row in chosen:
        gap = np.minimum(gap, np.linalg.norm(X[rows] - X[row], axis=1))
    while len(chosen) < min(n, len(rows)):
        gap[np.isin(rows, chosen)] = -1
        row = rows[int(gap.argmax())]
        chosen.append(row)
        gap = np.minimum(gap, np.linalg.norm(X[rows] - X[row], axis=1))
