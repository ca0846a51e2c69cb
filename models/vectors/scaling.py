"""One center and one factor for coordinates that are far from the origin or on an odd scale.

Meters of a map, seconds since 1970 and degrees leave few digits for what tells clusters apart: squares in float32 lose
them, and tolerances such as 1e-6 are too large or too small. Such vectors are moved to their median and scaled to a
spread between 1 and 2, in float64. One factor for all dimensions keeps the proportions of distances, and a power of two
their digits. Ordinary vectors stay as they are.
"""

from typing import NamedTuple

import numpy as np

# Up to here a center's distance from the origin, in spreads, costs squares in float32 no more than 1e-5 of them.
_FAR = 16.0
# Spreads at which tolerances mean what their authors had in mind; pixels from 0 to 255 have some 2,000.
_LEAST, _MOST = 2.0**-6, 2.0**12
_SAMPLE, _BLOCK = 4096, 8192


class Scaling(NamedTuple):
    """A move and a change of scale.

    Args:
        center: ``(d,)`` float64, which becomes the origin
        factor: of all dimensions
    """

    center: np.ndarray
    factor: float

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Return ``X`` ``(n, d)`` moved and scaled in float64, of its own type."""
        X = np.asarray(X)
        found = np.empty(X.shape, X.dtype if X.dtype.kind == "f" else np.float64)
        for start in range(0, len(X), _BLOCK):
            rows = slice(start, start + _BLOCK)
            found[rows] = (X[rows] - self.center) * self.factor
        return found

    def to_dict(self) -> dict:
        """Return center and factor as JSON holds them."""
        return {"center": self.center.tolist(), "factor": self.factor}

    @classmethod
    def from_dict(cls, stored: dict) -> "Scaling":
        """Read what :meth:`to_dict` returned."""
        return cls(np.asarray(stored["center"], np.float64), float(stored["factor"]))


def scaling_of(X: np.ndarray) -> Scaling | None:
    """Return the scaling that vectors need.

    Args:
        X: ``(n, d)`` vectors

    Returns:
        the scaling; None for ordinary vectors, whose median is within 16 times their spread, the median distance to it,
        of the origin, and whose spread is neither tiny nor huge
    """
    sample = np.asarray(X[:: max(1, len(X) // _SAMPLE)], np.float64)
    center = np.median(sample, axis=0)
    away = sample - center
    widest = np.abs(away).max(initial=0.0)
    if not 0 < widest < np.inf:
        return None
    gaps = np.linalg.norm(away / widest, axis=1)  # squares of the very small and large would vanish or overflow
    # not of copies of one vector, which may be most
    spread = float(np.median(gaps[gaps > 0])) * widest
    if _LEAST <= spread <= _MOST and np.linalg.norm(center) <= _FAR * spread:
        return None
    return Scaling(center, float(2.0 ** -np.floor(np.log2(spread))))


def scaled(X: np.ndarray, scaling: Scaling | None) -> np.ndarray:
    """Return vectors ``(n, d)`` through their scaling, if they have one, in float32."""
    return np.asarray(X if scaling is None else scaling(X), dtype=np.float32)
