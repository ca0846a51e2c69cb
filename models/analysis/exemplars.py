"""Exemplars of clusters: a few members that are typical, that differ from each other, or both.

All ways to choose share the same steps: members ranked by their distance to a mean, copies left out, and farthest-first
traversal (Gonzalez 1985).
"""

import math
from collections.abc import Iterable

import numpy as np

from ..vectors.copies import first_copies

# Beyond this many typical members, more candidates cost time and show nothing new.
_CANDIDATES = 512
# Farthest-first among all members looks at no more of them than these
_DIVERSE_CANDIDATES = 4000
# Members to whose mean a cluster's prototype in SCAN is nearest.
_MOST_CONFIDENT = 10
_NEAR_COPY = 0.2  # of the median distance between members
_TYPICAL = 0.9  # the share of members, nearest first, from which varied exemplars are taken
WAYS = ("center", "surest", "surer half", "score")
STRATEGIES = ("mixed", "central", "diverse", "random")


def prototypes(
    X: np.ndarray,
    labels: np.ndarray,
    confidence: np.ndarray | None = None,
    n: int = 9,
    seed: int = 51,
    by: str = "center",
) -> dict[int, list[int]]:
    """Choose the most representative samples of every cluster.

    The first half are the most typical members, by one of four definitions. The others are taken farthest-first among
    the more typical half of the members, so that they show its range without its outliers.

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
            found[int(cluster)] = members[_representative(X[members], sure, n, rng, by)].tolist()
    return found


def select(
    X: np.ndarray, labels: np.ndarray, per_cluster: int, how: str = "mixed", seed: int = 51
) -> dict[int, list[int]]:
    """Choose as many members of each cluster, or all of those that have fewer.

    Args:
        X: ``(n, d)`` vectors
        labels: ``(n,)`` cluster ids; -1, noise, is left out
        per_cluster: how many of each
        how ("mixed"): "central" takes those nearest to the cluster's mean, "diverse" goes on from the most central one
            with the one farthest from all chosen, which includes outliers, "mixed" takes half of each without the
            outliers, as :func:`prototypes` does, "random" draws
        seed (51): seed of what is drawn

    Returns:
        row numbers by cluster id, in the order they were chosen

    Raises:
        ValueError: if an argument is refused
    """
    if how not in STRATEGIES:
        raise ValueError(f"how={how!r} is not known; choose one of {', '.join(STRATEGIES)}")
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
            chosen = _diverse(X[members], per_cluster, rng)
        found[cluster] = members[chosen].tolist()
    return found


def varied_exemplars(X: np.ndarray, n: int, first: int = 0) -> list[int]:
    """Choose members that show what one cluster is and how it varies, without near-copies.

    The first half are taken in the order given, most typical first; the others farthest-first among the 90 % nearest
    to the center. Near-copies, closer than a fifth of the median distance between members, are left out while there
    are others.

    Args:
        X: ``(m, d)`` vectors of the members
        n: how many to choose
        first (0): how many rows, from the top, are known as typical and lead in this order

    Returns:
        at most ``n`` row numbers
    """
    X = np.asarray(X, dtype=np.float32)
    n = min(n, len(X))
    distance = _to_mean(X)
    order = [*range(first), *(np.argsort(distance[first:], kind="stable") + first).tolist()]
    near = _NEAR_COPY * _median_distance(X)
    chosen = _Choice(X)
    chosen.take_in_order(order, math.ceil(n / 2), near)
    typical = np.sort(np.argsort(distance, kind="stable")[: math.ceil(_TYPICAL * len(X))])
    chosen.take_farthest(n, typical, near)
    rest = [row for row in order if row not in chosen.rows]
    # stable: distinct ones keep their order
    return (chosen.rows + sorted(rest, key=lambda row: bool(chosen.gap[row] <= near)))[:n]


class _Choice:
    """Rows chosen so far, and how far every row is from the nearest of them.

    Args:
        X: ``(m, d)`` candidates
    """

    def __init__(self, X: np.ndarray):
        self.X = X
        self.rows: list[int] = []
        self.gap = np.full(len(X), np.inf, dtype=np.result_type(X, np.float32))

    def take(self, row: int) -> None:
        """Choose a row."""
        self.rows.append(row)
        np.minimum(self.gap, np.linalg.norm(self.X - self.X[row], axis=1), out=self.gap)

    def take_in_order(self, order: Iterable[int], n: int, apart: float) -> None:
        """Choose rows as they come until there are ``n``, except those within ``apart`` of a chosen one."""
        for row in order:
            if len(self.rows) >= n:
                return
            if self.gap[row] > apart:
                self.take(row)

    def take_farthest(self, n: int, among: np.ndarray, apart: float = -1.0) -> None:
        """Choose the row farthest from all chosen ones until there are ``n``, or no other is beyond ``apart``.

        Args:
            n: how many are to be chosen in all
            among: ``(k,)`` the rows to choose from; the first of those equally far is taken
            apart (-1.0): the distance that is too near; by default even copies are taken
        """
        while len(self.rows) < n and len(among):
            gap = np.where(np.isin(among, self.rows), -1, self.gap[among])
            best = int(gap.argmax())
            if gap[best] <= apart:
                return
            self.take(int(among[best]))


def _to_mean(X: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Return the distances ``(m,)`` of members to the mean of all, or of the rows ``of``."""
    return np.linalg.norm(X - (X if of is None else X[of]).mean(axis=0), axis=1)


def _by_centrality(X: np.ndarray) -> np.ndarray:
    return np.argsort(_to_mean(X), kind="stable")


def _ranked(X: np.ndarray, confidence: np.ndarray | None, by: str) -> np.ndarray:
    """Return members ``(m,)`` from the most to the least typical."""
    if confidence is None:
        return _by_centrality(X)
    distance = _to_mean(X)
    if by == "center":
        # An unsure member counts as up to twice as far.
        return np.argsort(distance * (2.0 - np.clip(confidence, 0, 1)), kind="stable")
    # Where many are equally sure, as of a saturated softmax, the more central come first.
    by_score = np.lexsort((distance, -confidence))
    if by == "score":
        return by_score
    leading = by_score[: _MOST_CONFIDENT if by == "surest" else max(1, len(X) // 2)]
    return np.argsort(_to_mean(X, leading), kind="stable")


def _representative(
    X: np.ndarray, confidence: np.ndarray | None, n: int, rng: np.random.Generator, by: str
) -> np.ndarray:
    X = X.astype(np.float32, copy=False)
    ranked = _ranked(X, confidence, by)
    typical = ranked[: max(len(ranked) // 2, min(n, len(ranked)))]
    candidates, copies = _without_copies(X, _thinned(typical, rng))
    choice = _Choice(X[candidates])
    for place in range(min((n + 1) // 2, len(candidates))):
        choice.take(place)
    choice.take_farthest(n, np.arange(len(candidates)))
    chosen = candidates[choice.rows].tolist()
    if len(chosen) < n:
        # Only copies among the typical ones: first the less typical, then the copies themselves.
        others, more = _without_copies(X, np.concatenate([chosen, _thinned(ranked[len(typical) :], rng)]))
        chosen += [*others, *copies, *more][len(chosen) : n]
    return np.asarray(chosen, dtype=np.int64)


def _diverse(X: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    order = _by_centrality(X)
    if len(order) > max(_DIVERSE_CANDIDATES, n):
        drawn = rng.choice(order[1:], max(_DIVERSE_CANDIDATES, n) - 1, replace=False)
        order = np.concatenate([order[:1], drawn])
    choice = _Choice(X[order])
    choice.take(0)
    choice.take_farthest(n, np.arange(len(order)))
    return order[choice.rows]


def _thinned(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return at most ``_CANDIDATES`` of ``rows``: the first half as they come, the others drawn, in their order."""
    half = _CANDIDATES // 2
    if len(rows) <= _CANDIDATES:
        return rows
    return np.concatenate([rows[:half], rows[half:][np.sort(rng.choice(len(rows) - half, half, replace=False))]])


def _without_copies(X: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split ``rows`` into the first of each distinct vector and the rest, both in order."""
    rows = rows.astype(np.int64)
    kept = first_copies(X[rows]) == np.arange(len(rows))
    return rows[kept], rows[~kept]


def _median_distance(X: np.ndarray) -> float:
    if len(X) < 2:
        return 0.0
    rows = np.linspace(0, len(X) - 1, min(len(X), 64)).astype(int)
    between = np.linalg.norm(X[rows][:, None] - X[rows][None], axis=2)
    return float(np.median(between[np.triu_indices(len(rows), 1)]))
