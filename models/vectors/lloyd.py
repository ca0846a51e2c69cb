"""Lloyd's passes (1982), each of which looks only at the samples that may change their cluster.

A sample keeps its center as long as the others did not come near enough: what centers have moved since its distances to
the nearest and the second nearest were measured is less than the gap between these (Hamerly 2010). The sums of the
clusters are corrected by the samples that changed. The result is that of plain passes, but for rounding.
"""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix

from .centers import two_smallest
from .normalize import l2_normalize
from .products import Product

_BLOCK = 2048  # rows whose scores stay in the processor's cache
_ROUNDING = 1e-3  # of a distance, as far as float32 tells the square of one from 0
_PASSES = 10  # over all samples, about, that a fit multiplies


class Lloyd:
    """Centers, and the cluster of every sample.

    Attributes:
        centers: ``(k, d)``
        labels: ``(n,)`` the cluster of each sample
        inertia: sum of the squared distances to the nearest of the first centers
    """

    def __init__(self, X: np.ndarray, centers: np.ndarray, unit: bool = False, fixed: np.ndarray | None = None):
        """Assign all samples to the nearest of the first centers.

        Args:
            X: ``(n, d)`` vectors, not far from the origin
            centers: ``(k, d)`` first centers
            unit (False): whether centers keep length 1
            fixed (None): ``(n,)`` clusters of the samples that stay in them, -1 for the free ones
        """
        self._X, self._unit, self._fixed = X, unit, fixed
        self.centers = np.asarray(centers, X.dtype)
        self._product = Product(X, _PASSES * len(centers), rough=True)
        self._squares = np.einsum("ij,ij->i", X, X)
        self.labels = np.zeros(len(X), np.int64)
        self._gaps = np.empty(len(X), X.dtype)
        self._sums = np.zeros(self.centers.shape)
        self._counts = np.zeros(len(centers), np.int64)
        self._may_restart = True
        distances = self._measure(slice(None))
        self.inertia = float((distances.astype(np.float64) ** 2).sum())
        self._add(np.arange(len(X)), self.labels, 1)

    def run(self, passes: int, tol: float = 0.0, report: Callable[[int], object] = int) -> int:
        """Do passes until one lowers the inertia by no more than a share ``tol`` of the first; return how many.

        Args:
            passes: at most so many, at least one
            tol (0.0): as above
            report: called with the number of each pass
        """
        done = 0
        while done < passes:
            gain = self.move()
            self.assign()
            done += 1
            report(done)
            if gain <= tol * self.inertia:
                break
        return done

    def move(self) -> float:
        """Move centers to the means of their samples, those without any to far samples; return the inertia saved."""
        moved = self.centers.astype(np.float64)
        used = self._counts > 0
        moved[used] = self._sums[used] / self._counts[used, None]
        if self._unit:
            moved = l2_normalize(moved, dtype=np.float64)
        moved = moved.astype(self._X.dtype)
        if self._may_restart and not used.all() and self._restart(moved, np.flatnonzero(~used)):
            return self.inertia
        steps = np.linalg.norm(moved - self.centers, axis=1)
        self.centers = moved
        self._gaps -= (steps + _largest_other(steps))[self.labels]
        return float(self._counts @ steps.astype(np.float64) ** 2)

    def assign(self) -> None:
        """Assign the samples that may have another nearest center now."""
        rows = np.flatnonzero(self._gaps <= 0)
        before = self.labels[rows]
        self._measure(rows)
        changed = self.labels[rows] != before
        self._add(rows[changed], self.labels[rows[changed]], 1)
        self._add(rows[changed], before[changed], -1)

    def _measure(self, rows: slice | np.ndarray) -> np.ndarray:
        """Find label and gap of some samples; return the distances to their nearest centers."""
        chosen = np.arange(len(self._X)) if isinstance(rows, slice) else rows
        offset = np.einsum("ij,ij->i", self.centers, self.centers)
        nearest, distances = np.empty(len(chosen), np.int64), np.empty(len(chosen), self._X.dtype)
        for start in range(0, len(chosen), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(chosen)))
            some = chosen[part]
            squares = self._product(part if isinstance(rows, slice) else some, self.centers)
            squares *= -2
            squares += offset
            nearest[part], first, _, second = two_smallest(squares)
            distances[part] = np.sqrt(np.maximum(first + self._squares[some], 0))
            self._gaps[some] = np.sqrt(np.maximum(second + self._squares[some], 0)) - distances[part]
        self.labels[chosen] = nearest
        if self._fixed is not None:
            bound = chosen[self._fixed[chosen] >= 0]
            self.labels[bound], self._gaps[bound] = self._fixed[bound], np.inf
        return distances

    def _add(self, rows: np.ndarray, labels: np.ndarray, sign: int) -> None:
        """Add some samples ``(m,)`` to the sums of clusters ``(m,)``, or take them away."""
        k = len(self.centers)
        self._counts += sign * np.bincount(labels, minlength=k)
        for start in range(0, len(rows), _BLOCK):
            some, theirs = rows[start : start + _BLOCK], labels[start : start + _BLOCK]
            ones = np.full(len(some), sign, self._X.dtype)
            self._sums += csr_matrix((ones, (theirs, np.arange(len(some)))), shape=(k, len(some))) @ self._X[some]

    def _restart(self, moved: np.ndarray, empty: np.ndarray) -> bool:
        """Put the centers of empty clusters on the samples farthest from theirs, and measure all; return if it did."""
        before, centers = self.labels.copy(), self.centers
        self.centers = moved
        distances = self._measure(slice(None))
        if self._fixed is not None:
            distances[self._fixed >= 0] = 0
        far = np.argsort(-distances, kind="stable")[: len(empty)]
        # on a center of its own a sample is not far, whatever rounding says
        far = far[distances[far] > _ROUNDING * np.sqrt(self._squares.max())]
        self._may_restart = len(far) > 0
        if len(far):
            self.centers[empty[: len(far)]] = self._X[far]
            self._measure(slice(None))
            changed = np.flatnonzero(self.labels != before)
            self._add(changed, self.labels[changed], 1)
            self._add(changed, before[changed], -1)
        else:
            self.labels, self.centers = before, centers
            self._gaps[:] = 0
        return self._may_restart


def _largest_other(steps: np.ndarray) -> np.ndarray:
    """Return, for each center ``(k,)``, the farthest that any other one moved."""
    found = np.full(len(steps), steps.max())
    if len(steps) > 1:
        last, first = np.argsort(steps)[-2:]
        found[first] = steps[last]
    return found
