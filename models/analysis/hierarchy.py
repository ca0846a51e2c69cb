"""The tree of a clustering: clusters merged by Ward or average linkage until one is left, and its cut into groups.

A cluster of 5,000 images and one of 50 do not count the same: the linkages are those of the images, computed from the
clusters' centers and sizes. For Ward (1963) that is exact: the result is what Ward's method makes of all images once
they have been merged into these clusters. Found by nearest-neighbor chains (Murtagh 1983) in O(k^2) time, with the
update formulas of Lance and Williams (1967).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..progress import Progress
from ..vectors.linkage import cut_tree

LINKAGES = ("ward", "average")


class _Merge(NamedTuple):
    """Two groups, by the row of one cluster in each, and the distance at which they become one."""

    first: int
    second: int
    height: float


def check_linkage(linkage: str) -> None:
    """Raise ValueError if there is no such linkage."""
    if linkage not in LINKAGES:
        raise ValueError(f"linkage={linkage!r} is not known here; use 'ward' or 'average'")


def cluster_tree(
    centers: np.ndarray, sizes: np.ndarray, linkage: str = "ward", progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the two nearest clusters again and again.

    Args:
        centers: ``(k, d)`` means of the clusters
        sizes: ``(k,)`` how many samples each has
        linkage ("ward"): "ward", which keeps the groups tight, or "average", the mean distance between centers
        progress (None): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        a tuple of ``(k - 1, 2)`` int64 merges, where ``k + i`` stands for the group of merge ``i``, and the
        ``(k - 1,)`` distances at which they happened, increasing, on the scale of scipy's ``linkage``

    Raises:
        ValueError: if there are less than two clusters, or no such linkage
    """
    centers, sizes = np.asarray(centers, np.float64), np.asarray(sizes, np.float64)
    check_linkage(linkage)
    if len(centers) < 2:
        raise ValueError(f"{len(centers)} cluster makes no tree; at least 2 are needed")
    squares = _first_distances(centers, sizes, linkage)
    found = []
    for merge in _chained(squares, sizes.copy(), linkage):
        found.append(merge)
        if progress:
            progress(len(found) / (len(centers) - 1), "merging clusters")
    return _in_order(found, len(centers))


def groups_of(children: np.ndarray, n_groups: int) -> np.ndarray:
    """Cut a tree ``(k - 1, 2)`` into ``n_groups``; return the group ``(k,)`` of each cluster, numbered from 0."""
    return cut_tree(np.asarray(children), len(children) + 1 - n_groups)


def _first_distances(centers: np.ndarray, sizes: np.ndarray, linkage: str) -> np.ndarray:
    """Return the distances ``(k, k)`` of the clusters, squared for Ward, infinite to themselves."""
    centers = centers - centers.mean(axis=0)
    own = np.einsum("ij,ij->i", centers, centers)
    squares = np.maximum(own[:, None] + own - 2 * centers @ centers.T, 0)
    if linkage == "ward":
        squares *= 2 * sizes[:, None] * sizes / (sizes[:, None] + sizes)
    else:
        squares = np.sqrt(squares)
    np.fill_diagonal(squares, np.inf)
    return squares


def _chained(D: np.ndarray, sizes: np.ndarray, linkage: str) -> Iterator[_Merge]:
    """Yield the merges as they are found; the merged group takes the second row and the first one is out."""
    active = np.ones(len(D), bool)
    chain: list[int] = []
    for _ in range(len(D) - 1):
        if not chain:
            chain = [int(active.argmax())]
        while True:
            top = chain[-1]
            # the one before wins ties, or the chain would go round in circles
            nearest = int(D[top].argmin())
            if len(chain) > 1 and D[top, chain[-2]] <= D[top, nearest]:
                break
            chain.append(nearest)
        first, second = chain.pop(), chain.pop()
        yield _Merge(first, second, float(np.sqrt(D[first, second]) if linkage == "ward" else D[first, second]))
        _merge(D, sizes, first, second, linkage)
        active[first] = False


def _merge(D: np.ndarray, sizes: np.ndarray, first: int, second: int, linkage: str) -> None:
    a, b, between = sizes[first], sizes[second], D[first, second]
    if linkage == "ward":
        merged = ((a + sizes) * D[first] + (b + sizes) * D[second] - sizes * between) / (a + b + sizes)
    else:
        merged = (a * D[first] + b * D[second]) / (a + b)
    D[first], D[:, first] = np.inf, np.inf
    merged[[first, second]] = np.inf
    merged[np.isnan(merged)] = np.inf
    D[second], D[:, second] = merged, merged
    sizes[second] = a + b


def _in_order(found: list[_Merge], k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the merges by increasing height, in terms of clusters and earlier merges."""
    order = np.argsort([merge.height for merge in found], kind="stable")
    stands_for, children = list(range(k)), np.empty((k - 1, 2), np.int64)
    parent = list(range(k))

    def top(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    for position, which in enumerate(order.tolist()):
        first, second = top(found[which].first), top(found[which].second)
        children[position] = sorted((stands_for[first], stands_for[second]))
        parent[first] = second
        stands_for[second] = k + position
    return children, np.array([found[which].height for which in order])
