"""First centers for k-means, by breathing on a sample (Fritzke 2020, "The k-means algorithm breathes").

Breathing in adds centers where samples are badly served, breathing out takes away as many that are missed least, with a
pass after each; a breath that lowers the error is kept. Together they mend merged and split clusters, which restarts
only draw again.

Where ours differs: it breathes on a sample, in the few directions that this varies in most, found by subspace iteration
(Halko, Martinsson & Tropp 2011). What the others say comes in when Lloyd's passes over all samples follow. A breath
knows where the samples of a center go that is taken away, to their second nearest, so it does not search for it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..progress import Progress, quiet
from .centers import cluster_means, two_smallest
from .products import Product

_SAMPLE, _PER_CENTER = 20_000, 50
_SEEDING, _SEEDING_PER_CENTER = 4096, 10  # samples that first centers are drawn from
_ROUNDS = 128  # at most, in which they are drawn
_DIRECTIONS, _BASIS_SAMPLE, _ITERATIONS = 128, 4096, 3
_DRAWS = 4  # samples from which each center that is added is chosen
_TOGETHER = 0.25  # of the breaths are for several centers at once; the rest for one, where centers are few
_BLOCK = 2048  # rows whose scores stay in the processor's cache


class Served(NamedTuple):
    """Centers, and how they serve the samples.

    Args:
        centers: ``(k, d)``
        labels: ``(n,)`` the nearest center of each sample
        near: ``(n,)`` squared distance to it
        others: ``(n,)`` the second nearest center
        far: ``(n,)`` squared distance to that
    """

    centers: np.ndarray
    labels: np.ndarray
    near: np.ndarray
    others: np.ndarray
    far: np.ndarray

    @property
    def error(self) -> float:
        """Sum of the squared distances."""
        return float(self.near.sum(dtype=np.float64))


def sample_size(n: int, k: int) -> int:
    """Return how many of ``n`` samples are enough to find first centers of ``k`` clusters."""
    return min(n, max(_SAMPLE, _PER_CENTER * k))


def breathed_centers(
    X: np.ndarray, k: int, starts: int, breaths: int, rng: np.random.Generator, progress: Progress = quiet
) -> np.ndarray:
    """Find first centers.

    Args:
        X: ``(n, d)`` vectors
        k: how many centers, at most ``n``
        starts: how often centers are drawn; the best of them breathe
        breaths: how often at most
        rng: source of the sample and the draws
        progress (quiet): called with ``(fraction, message)``; whatever it raises stops the search

    Returns:
        ``(k, d)`` means of clusters of the sample
    """
    size = sample_size(len(X), k)
    sample = X if size == len(X) else X[np.sort(rng.choice(len(X), size, replace=False))]
    points = principal_coordinates(sample, _DIRECTIONS, rng)
    some = max(_SEEDING, _SEEDING_PER_CENTER * k)
    part = points if size <= some else points[np.sort(rng.choice(size, some, replace=False))]
    tried = []
    for start in range(starts):
        progress(start / (starts + breaths), f"k-means start {start + 1}")
        tried.append(_settle(part, drawn_centers(part, k, rng)))
    best = min(tried, key=lambda served: served.error)
    best = breathe(
        points,
        best if part is points else _settle(points, best.centers),
        breaths,
        rng,
        lambda done: progress((starts + done) / (starts + breaths), f"k-means, breath {done}"),
    )
    found = cluster_means(sample, best.labels, k)
    empty = np.flatnonzero(np.bincount(best.labels, minlength=k) == 0)
    found[empty] = sample[np.argsort(-best.near, kind="stable")[: len(empty)]]
    return found


def principal_coordinates(X: np.ndarray, directions: int, rng: np.random.Generator) -> np.ndarray:
    """Return vectors ``(n, d)`` about their mean, of more than twice so many dimensions in the main ``directions``."""
    centered = (X - X.mean(axis=0, dtype=np.float64)).astype(np.float32)
    if X.shape[1] <= 2 * directions:
        return centered
    some = len(X) > _BASIS_SAMPLE
    part = centered[np.sort(rng.choice(len(X), _BASIS_SAMPLE, replace=False))] if some else centered
    basis = rng.normal(size=(X.shape[1], directions)).astype(np.float32)
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(part.T @ (part @ basis))
    return centered @ basis


def drawn_centers(X: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Choose centers by greedy k-means++ (Arthur and Vassilvitskii 2007): of several draws, those that serve most.

    Many centers are drawn several at a time, as in k-means|| (Bahmani et al. 2012).

    Args:
        X: ``(n, d)`` float32 vectors
        k: how many
        rng: source of the draws
    """
    tries, at_once = 2 + int(np.log(k)), -(-k // _ROUNDS)
    own = np.einsum("ij,ij->i", X, X)
    chosen = [int(rng.integers(len(X)))]
    nearest = _squares(X, own, chosen)[0]
    while len(chosen) < k:
        count = min(at_once, k - len(chosen))
        mass = nearest.cumsum(dtype=np.float64)
        if mass[-1] > 0:
            drawn = np.searchsorted(mass, rng.random(tries * count) * mass[-1])
        else:
            drawn = rng.integers(len(X), size=tries * count)
        drawn = np.minimum(drawn, len(X) - 1)
        served = np.minimum(_squares(X, own, drawn), nearest)
        best = np.argsort(served.sum(axis=1, dtype=np.float64), kind="stable")[:count]
        chosen += drawn[best].tolist()
        nearest = served[best].min(axis=0)
    return X[chosen]


def breathe(
    X: np.ndarray,
    served: Served,
    breaths: int,
    rng: np.random.Generator,
    report: Callable[[int], object] = int,
) -> Served:
    """Move centers that are missed least to where samples are badly served, several at a time.

    Args:
        X: ``(n, d)`` float32 vectors
        served: centers, and how they serve the samples
        breaths: how often at most; a quarter of them if centers are many
        rng: source of the draws
        report: called with the number of breaths done, before each
    """
    k = len(served.centers)
    count = min(k // 2, len(X) - k, max(32, k // 8))
    for breath in range(breaths):
        if not count or (count > 1 and breath >= breaths * _TOGETHER):
            break
        report(breath)
        trial = _breathe_out(X, _breathe_in(X, served, count, rng), count, rng)
        if trial.error < served.error * (1 - 1e-5):
            served = trial
        elif count > 1:
            count //= 2
    return served


def _breathe_in(X: np.ndarray, served: Served, count: int, rng: np.random.Generator) -> Served:
    """Add centers at samples drawn by their error: those of the draws that would serve most, in different clusters."""
    # by their error alone a large cluster would always be split, and two small ones that share a center never
    mass = served.near.cumsum(dtype=np.float64)
    some = _DRAWS * count
    drawn = np.searchsorted(mass, rng.random(some) * mass[-1]) if mass[-1] > 0 else np.arange(some)
    drawn = np.unique(np.minimum(drawn, len(X) - 1))
    squares = _squares(X, np.einsum("ij,ij->i", X, X), drawn)
    gains = np.array([np.maximum(served.near - to_one, 0).sum(dtype=np.float64) for to_one in squares])
    order = np.argsort(-gains, kind="stable")
    _, first = np.unique(served.labels[drawn[order]], return_index=True)
    again = np.ones(len(order), bool)
    again[first] = False
    chosen = np.concatenate([order[~again], order[again]])[:count]
    squares = squares[chosen]
    newest = squares.argmin(axis=0)
    closer = squares[newest, np.arange(len(X))] < served.near
    labels = np.where(closer, len(served.centers) + newest, served.labels)
    return _settle(X, np.concatenate([served.centers, X[drawn[chosen]]]), labels)


def _breathe_out(X: np.ndarray, served: Served, count: int, rng: np.random.Generator) -> Served:
    """Take away the centers that are missed least, but no two that are neighbors: one takes over for the other."""
    centers = served.centers
    missed: np.ndarray = np.bincount(served.labels, weights=served.far - served.near, minlength=len(centers))
    if count == 1:
        # drawn, with a probability of one over what it is missed: a refused one must not be tried again and again
        missed = missed * rng.exponential(size=len(missed))
    own = np.einsum("ij,ij->i", centers, centers)
    order, kept, gone = np.argsort(missed, kind="stable"), np.zeros(len(centers), bool), np.zeros(len(centers), bool)
    for center in order:
        if not kept[center]:
            gone[center] = True
            apart = own - 2 * (centers @ centers[center])
            apart[gone] = np.inf
            kept[apart.argmin()] = True
        if gone.sum() == count:
            break
    gone[order[~gone[order]][: count - gone.sum()]] = True
    labels = np.where(gone[served.labels], served.others, served.labels)
    left = np.flatnonzero(gone[labels])
    labels = (np.cumsum(~gone) - 1)[labels]
    if len(left):
        labels[left] = _serve(X[left], centers[~gone]).labels
    return _settle(X, centers[~gone], labels)


def _settle(X: np.ndarray, centers: np.ndarray, labels: np.ndarray | None = None) -> Served:
    """Do two passes, the first from the labels if they are known."""
    labels = _serve(X, centers).labels if labels is None else labels
    centers = _means(X, labels, centers)
    centers = _means(X, _serve(X, centers).labels, centers)
    return _serve(X, centers)


def _means(X: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return the means of clusters; one without samples keeps its center."""
    found = cluster_means(X, labels, len(centers))
    empty = np.bincount(labels, minlength=len(centers)) == 0
    found[empty] = centers[empty]
    return found


def _serve(X: np.ndarray, centers: np.ndarray) -> Served:
    """Find the two nearest centers of every sample."""
    n, product = len(X), Product(X, len(centers))
    labels, others = np.empty(n, np.int64), np.empty(n, np.int64)
    near, far = np.empty(n, np.float32), np.empty(n, np.float32)
    offset = np.einsum("ij,ij->i", centers, centers)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        squares = product(rows, centers)
        squares *= -2
        squares += offset
        labels[rows], near[rows], others[rows], far[rows] = two_smallest(squares)
    own = np.einsum("ij,ij->i", X, X)
    return Served(centers, labels, np.maximum(near + own, 0), others, np.maximum(far + own, 0))


def _squares(X: np.ndarray, own: np.ndarray, rows: list | np.ndarray) -> np.ndarray:
    """Return the squared distances ``(m, n)`` of some rows to all, with the squares ``(n,)`` of all."""
    found = Product(X[rows], len(X))(slice(None), X)
    found *= -2
    found += own
    found += own[rows][:, None]
    return np.maximum(found, 0, out=found)
