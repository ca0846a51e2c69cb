"""Samples to fit on: where all vectors are too many, a method is fitted to some, and its clusters take in the others.

The sample is drawn by the seed. The others are placed as samples are that come to the run later, see
:mod:`models.placement`, block by block.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ...models.costs import free_memory
from ...models.progress import Progress

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from ...models.vectors.reduction import Reduction

AUTO: Final = "auto"
ALL: Final = "all"
CENTROIDS = 300_000  # samples beyond which centers hardly move any more
TREE = "max_samples"  # the parameter of a method that has a limit of its own
# Sizes that are tried where memory is short: few, so that a little more or less of it gives the same clusters
SIZES = (200_000, 100_000, 50_000, 20_000, 10_000)
_SHARE = 0.8  # of the free memory
_BLOCK = 20_000  # vectors that are placed at once


class SampleError(ValueError):
    """No sample that a method can be fitted to, for want of memory or because it is too small."""


class Costs(NamedTuple):
    """Needs of a method and its reduction.

    Args:
        method: the clusterer's class
        params: all of its parameters
        reducer: the reduction's class
        reduce_params: all of its parameters
        d: dimensions of the vectors
    """

    method: "type[Clusterer]"
    params: dict
    reducer: "type[Reduction]"
    reduce_params: dict
    d: int

    def bytes(self, n: int) -> int:
        """Return the working memory of a fit to ``n`` vectors, beyond the vectors."""
        width = min(self.d, self.reduce_params.get("n_components", self.d))
        reducing = self.reducer.estimate(n, self.d, self.reduce_params).bytes
        return max(self.method.estimate(n, width, self.params).bytes, reducing)


def entered_size(fit_on: int | str) -> int | str:
    """Return ``"auto"``, ``"all"`` or a number of samples, which forms enter as text.

    Raises:
        ValueError: if it is none of them
    """
    found = int(fit_on) if isinstance(fit_on, str) and fit_on.strip().isdecimal() else fit_on
    if found in (AUTO, ALL) or (isinstance(found, int) and found >= 2):
        return found
    raise ValueError(f"fit_on={fit_on!r} is not a number of samples; use 'auto', 'all' or a number of at least 2")


def sample_size(fit_on: int | str, n: int, costs: Costs) -> int | None:
    """Return how many of ``n`` vectors a method is fitted to, None for all.

    Args:
        fit_on: ``"auto"``, ``"all"`` or a number
        n: how many vectors there are
        costs: what the method needs

    Raises:
        SampleError: if the sample is too small, or the memory that is free does not suffice for any
    """
    fit_on, name = entered_size(fit_on), costs.method.name
    free = _SHARE * free_memory()
    held = 4 * n * costs.d
    if n > SIZES[-1] and held > free:
        raise SampleError(
            f"{n:,} vectors of {costs.d:,} dimensions take {held / 1e9:.1f} GB and {free / 1e9:.1f} GB of memory can "
            "be used; cluster a view of fewer, or free some"
        )
    size = _chosen(fit_on, n, costs, lambda m: n <= SIZES[-1] or costs.bytes(m) + held <= free)
    if size is None:
        raise SampleError(
            f"{name} needs {(costs.bytes(SIZES[-1]) + held) / 1e9:.1f} GB of memory even on a sample of "
            f"{SIZES[-1]:,} and {free / 1e9:.1f} GB can be used; choose kmeans or minibatch_kmeans, or reduce with PCA"
        )
    wanted = costs.params.get("n_clusters")
    if size < n and wanted is not None and "n_clusters" in costs.method.relevant(costs.params) and wanted > size:
        raise SampleError(
            f"n_clusters={wanted:,} exceeds the sample of {size:,} to fit on; raise fit_on or ask for fewer"
        )
    return size if size < n else None


def _chosen(fit_on: int | str, n: int, costs: Costs, fits: Callable[[int], bool]) -> int | None:
    if isinstance(fit_on, int) or fit_on == ALL:
        return n if fit_on == ALL else min(int(fit_on), n)
    most = min(n, _own_limit(costs) or n)
    return next((size for size in (most, *(size for size in SIZES if size < most)) if fits(size)), None)


def _own_limit(costs: Costs) -> int | None:
    if TREE in costs.params:
        return int(costs.params[TREE])
    return CENTROIDS if costs.method.placed_by in ("centers", "gaussian") or costs.method.name == "birch" else None


def place_others(
    clusterer: "Clusterer",
    reduction: str,
    reducer: "Reduction | None",
    X: np.ndarray,
    rows: np.ndarray,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the clusters of all vectors, of which some were fitted.

    Args:
        clusterer: fitted to ``X[rows]``, or to what the reduction made of it
        reduction: name of the reduction, or "none"
        reducer: the fitted reduction, or None
        X: ``(n, d)`` the vectors
        rows: ``(m,)`` the rows that were fitted
        progress: a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a tuple of ``(n,)`` labels, -1 for noise, and ``(n,)`` float32 confidences; copies of a vector have those of
        the one that was fitted
    """
    from ...models.placement import describe, needs_neighbors, place
    from ...models.vectors.copies import agreed
    from ...models.vectors.samples import drawn_copies

    spec, arrays = describe(clusterer, reduction, reducer, normalize=False)
    fitted = X[rows] if needs_neighbors(spec) else None
    labels, confidence = np.empty(len(X), np.int64), np.empty(len(X), np.float32)
    labels[rows], confidence[rows] = clusterer.labels_, clusterer.confidence_
    is_fitted = np.zeros(len(X), bool)
    is_fitted[rows] = True
    others = np.flatnonzero(~is_fitted)
    for start in range(0, len(others), _BLOCK):
        progress(start / len(others), f"placing the other {len(others):,}")
        some = others[start : start + _BLOCK]
        labels[some], confidence[some] = place(spec, arrays, X[some], fitted, clusterer.labels_)
    copies, of_fitted = drawn_copies(X, rows)
    labels, confidence = agreed(copies, labels, confidence)
    same = of_fitted >= 0
    places = np.searchsorted(rows, of_fitted[same])
    labels[same], confidence[same] = clusterer.labels_[places], clusterer.confidence_[places]
    return labels, confidence
