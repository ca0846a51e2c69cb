"""The exact minimum spanning tree of mutual reachability, in many dimensions, where search trees do not help.

Two passes of matrix products find it. The first lists the nearest neighbors of every sample. An edge of that graph is
certain to be in the tree if it is the lightest out of a component of those found so far, and no heavier than any edge
could be that is not listed (Borůvka's rounds). Few components are left; the second pass finds the lightest edge between
every two of them, and the tree over those is the rest. Memory grows with the number of samples, not with its square.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from ..progress import Progress, quiet
from .neighbors import Neighbors, exact_neighbors
from .products import Product

_LISTED = 16  # neighbors of every sample, or half as many again as the core distance needs
_PAIRS = 4000  # components whose pairs all fit in memory
_TILE, _WIDE = 512, 8192  # samples along the sides of a tile


class _Forest(NamedTuple):
    """Edges found so far, and what they join.

    Args:
        edges: ``(m, 2)`` samples
        component: ``(n,)`` number of the component of each sample, from 0
    """

    edges: np.ndarray
    component: np.ndarray

    def joined(self, edges: np.ndarray) -> "_Forest":
        """Return the forest with more edges ``(m, 2)``, which make no circle."""
        ends, count = self.component[edges], self.parts
        graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
        return _Forest(
            np.concatenate([self.edges, edges]), connected_components(graph, directed=False)[1][self.component]
        )

    @property
    def parts(self) -> int:
        """Number of components."""
        return int(self.component.max()) + 1


def reachability_tree(X: np.ndarray, min_samples: int, progress: Progress = quiet) -> np.ndarray:
    """Find the minimum spanning tree of mutual reachability (Campello et al. 2013).

    Args:
        X: ``(n, d)`` vectors
        min_samples: the core distance is that to so many other samples, at most ``n - 1``
        progress (quiet): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        ``(n - 1, 3)`` float64 edges, two samples and the larger of their core distances and their Euclidean distance,
        lightest first
    """
    X = np.ascontiguousarray(X - X.mean(axis=0, dtype=np.float64), np.float32)
    n = len(X)
    listed = min(n - 1, max(_LISTED, min_samples + min_samples // 2))
    near = exact_neighbors(X, listed, lambda fraction, message="": progress(0.6 * fraction, message))
    # in float64, so that edges that weigh as much as a core distance weigh the same
    core = _apart(X, np.column_stack([np.arange(n), near[0][:, min(min_samples, n - 1) - 1]]))
    forest = _certain(near, core, complete=listed == n - 1)
    rounds = 0
    while forest.parts > 1:
        rounds += 1
        report = partial(progress, 1 - 0.4 * 0.5**rounds, "joining regions")
        forest = forest.joined(_between(X, core, forest, report))
    return _weighed(X, core, forest.edges)


def _certain(near: Neighbors, core: np.ndarray, complete: bool) -> _Forest:
    """Return what listed edges join for certain."""
    indices, distances = near
    n, listed = indices.shape
    first, second = np.repeat(np.arange(n), listed), indices.ravel()
    low, high = np.minimum(first, second), np.maximum(first, second)
    _, once = np.unique(low * n + high, return_index=True)
    weights = np.maximum(np.maximum(core[first], core[second]), distances.ravel())[once]
    order = np.argsort(weights, kind="stable")  # ranks decide between equal weights, so that no circle comes about
    edges, weights = np.stack([low[once], high[once]], axis=1)[order], weights[order]
    unlisted = np.full(n, np.inf) if complete else distances[:, -1]
    forest = _Forest(np.empty((0, 2), np.int64), np.arange(n))
    while len(edges):
        least = np.full(forest.parts, np.inf)
        np.minimum.at(least, forest.component, unlisted)
        ends = forest.component[edges]
        out = ends[:, 0] != ends[:, 1]
        edges, weights, ends = edges[out], weights[out], ends[out]
        lightest = np.full(forest.parts, len(edges))
        np.minimum.at(lightest, ends.ravel(), np.repeat(np.arange(len(edges)), 2))
        some = np.flatnonzero(lightest < len(edges))
        taken = np.unique(lightest[some[weights[lightest[some]] <= least[some]]])
        if not len(taken):
            break
        forest = forest.joined(edges[taken])
    return forest


def _between(X: np.ndarray, core: np.ndarray, forest: _Forest, report: Callable[[], object]) -> np.ndarray:
    """Return lightest edges ``(m, 2)`` between components: those that join all, or each one's own if they are many."""
    order = np.argsort(forest.component, kind="stable")
    component, count = forest.component[order], forest.parts
    borders = np.searchsorted(component, np.arange(count + 1))
    squares = _Squares(X[order], core[order])
    pairs = np.full((count, count), np.inf, np.float32) if count <= _PAIRS else None
    own, partner = np.full(count, np.inf, np.float32), np.zeros(count, np.int64)
    for start in range(0, len(order), _TILE):
        report()
        rows = slice(start, min(start + _TILE, len(order)))
        # a tree has no edge within a component, and what is left of a row's own was seen from the other side
        for left in range(borders[component[start] + 1], len(order), _WIDE):
            columns = slice(left, min(left + _WIDE, len(order)))
            above, beside, found = _least(squares(rows, columns), component[rows], component[columns])
            if pairs is not None:
                pairs[np.ix_(above, beside)] = np.minimum(pairs[np.ix_(above, beside)], found)
            else:
                _update(own, partner, above, beside, found)
                _update(own, partner, beside, above, found.T)
    chosen = _each_lightest(own, partner) if pairs is None else _tree_of(np.minimum(pairs, pairs.T))
    return np.array([order[list(squares.lightest(borders, *pair))] for pair in chosen])


class _Squares:
    """Squared mutual reachability of samples in a given order."""

    def __init__(self, X: np.ndarray, core: np.ndarray):
        self._X, self._core = X, core.astype(np.float32) ** 2
        self._own = np.einsum("ij,ij->i", X, X)
        self._product = Product(X, len(X) / 2)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a tile ``(m, k)``."""
        found = self._product(rows, self._X[columns])
        found *= -2
        found += self._own[columns]
        found += self._own[rows, None]
        np.maximum(found, self._core[columns], out=found)
        return np.maximum(found, self._core[rows, None], out=found)

    def lightest(self, borders: np.ndarray, one: int, other: int) -> tuple[int, int]:
        """Return the two samples, by position, of the lightest edge between two components."""
        best = (np.inf, 0, 0)
        for start in range(borders[one], borders[one + 1], _TILE):
            rows = slice(start, min(start + _TILE, borders[one + 1]))
            for left in range(borders[other], borders[other + 1], _WIDE):
                found = self(rows, slice(left, min(left + _WIDE, borders[other + 1])))
                place = np.unravel_index(found.argmin(), found.shape)
                best = min(best, (float(found[place]), start + int(place[0]), left + int(place[1])))
        return best[1:]


def _least(tile: np.ndarray, above: np.ndarray, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the components along the sides of a tile ``(m, k)``, and the least of it between every two."""
    columns = np.flatnonzero(np.diff(beside, prepend=-1))
    rows = np.flatnonzero(np.diff(above, prepend=-1))
    found = np.minimum.reduceat(np.minimum.reduceat(tile, rows, axis=0), columns, axis=1)
    found[above[rows][:, None] == beside[columns]] = np.inf
    return above[rows], beside[columns], found


def _update(own: np.ndarray, partner: np.ndarray, above: np.ndarray, beside: np.ndarray, found: np.ndarray) -> None:
    """Keep each component's lightest edge, and whereto, of what a tile has."""
    best = found.argmin(axis=1)
    least = found[np.arange(len(above)), best]
    better = (least < own[above]) | ((least == own[above]) & (beside[best] < partner[above]))
    own[above[better]], partner[above[better]] = least[better], beside[best[better]]


def _tree_of(pairs: np.ndarray) -> np.ndarray:
    """Return the pairs ``(m - 1, 2)`` of a minimum spanning tree of weights ``(m, m)``."""
    first, second = np.triu_indices(len(pairs), 1)
    # ranks, because scipy takes a weight of zero for no edge
    ranks = np.empty(len(first))
    ranks[np.argsort(pairs[first, second], kind="stable")] = np.arange(1, len(first) + 1)
    tree = minimum_spanning_tree(coo_matrix((ranks, (first, second)), shape=pairs.shape).tocsr()).tocoo()
    return np.stack([tree.row, tree.col], axis=1)


def _each_lightest(own: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Return the pairs ``(m, 2)`` of each component and its partner, without the circles that equal weights make."""
    count = len(own)
    pairs = np.unique(np.sort(np.stack([np.arange(count), partner], axis=1), axis=1), axis=0)
    weights = np.minimum(own[pairs[:, 0]], own[pairs[:, 1]])
    ranks = np.empty(len(pairs))
    ranks[np.argsort(weights, kind="stable")] = np.arange(1, len(pairs) + 1)
    tree = minimum_spanning_tree(coo_matrix((ranks, pairs.T), shape=(count, count)).tocsr()).tocoo()
    return np.stack([tree.row, tree.col], axis=1)


def _weighed(X: np.ndarray, core: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return edges ``(m, 2)`` with their weights, measured in float64, lightest first."""
    weights = _apart(X, edges)
    weights = np.maximum(weights, core[edges].max(axis=1))
    order = np.argsort(weights, kind="stable")
    return np.column_stack([edges[order], weights[order]])


def _apart(X: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances ``(m,)`` between the ends of edges ``(m, 2)``, measured in float64."""
    found = np.empty(len(edges))
    for start in range(0, len(edges), _WIDE):
        some = edges[start : start + _WIDE]
        difference = X[some[:, 0]].astype(np.float64) - X[some[:, 1]]
        found[start : start + _WIDE] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return found
