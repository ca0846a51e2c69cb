"""Outlines on a 2-D map: around the chosen ones of its points, between them and the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIDE = 65_535  # of the map, in whole numbers of two bytes
CELLS = 400  # of the map's width and height, half of which an outline may be off
_TOLERANCE = 0.6  # cells that the corners of an outline may be moved by


@dataclass(frozen=True)
class Region:
    """A part of the map: what is inside one of the outer polygons and in none of the holes.

    Args:
        outer: polygons, each ``(m, 2)``
        holes: polygons, each ``(m, 2)``
    """

    outer: Sequence[np.ndarray]
    holes: Sequence[np.ndarray]

    def contains(self, xy: np.ndarray) -> np.ndarray:
        """Return ``(n,)`` whether each position of ``xy`` ``(n, 2)`` is inside."""
        return _any_contains(self.outer, xy) & ~_any_contains(self.holes, xy)


def unit_square(xy: np.ndarray) -> np.ndarray:
    """Return positions ``(n, 2)`` scaled to ``[0, 1]`` in each direction, on the grid of :func:`grid_square`."""
    return grid_square(xy) / SIDE


def grid_square(xy: np.ndarray) -> np.ndarray:
    """Return positions ``(n, 2)`` scaled to whole numbers from 0 to 65,535 in each direction.

    Browser, database and Python count what is inside an outline by the same numbers.
    """
    low = xy.min(axis=0).astype(np.float64)
    size = xy.max(axis=0) - low
    return np.round((xy - low) / np.where(size > 0, size, 1) * SIDE).astype(np.uint16)


def region_of(xy: np.ndarray, chosen: np.ndarray) -> Region:
    """Return the part of the map that is nearer to a chosen point than to any other.

    Args:
        xy: ``(n, 2)`` positions in ``[0, 1]``
        chosen: ``(n,)`` whether each is chosen
    """
    from scipy.spatial import cKDTree
    from skimage.measure import approximate_polygon, find_contours

    centers = (np.arange(-1, CELLS + 1) + 0.5) / CELLS
    grid = np.stack(np.meshgrid(centers, centers, indexing="ij"), axis=-1).reshape(-1, 2)
    mask = np.zeros((CELLS + 4, CELLS + 4))  # closed by two rows of cells that are not chosen
    mask[1:-1, 1:-1] = chosen[cKDTree(xy).query(grid)[1]].reshape(CELLS + 2, CELLS + 2)
    outer: list[np.ndarray] = []
    holes: list[np.ndarray] = []
    for contour in find_contours(mask, 0.5):
        polygon = (approximate_polygon(contour, _TOLERANCE) - 1.5) / CELLS
        if len(polygon) > 3:
            (outer if _area(contour) < 0 else holes).append(polygon)
    return Region(outer, holes)


def _area(polygon: np.ndarray) -> float:
    """Return twice the signed area of a closed polygon; skimage winds negative around what is high."""
    x, y = polygon.T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def _any_contains(polygons: Sequence[np.ndarray], xy: np.ndarray) -> np.ndarray:
    from skimage.measure import points_in_poly

    inside = np.zeros(len(xy), bool)
    for polygon in polygons:
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
        inside[near] |= points_in_poly(xy[near], polygon)
    return inside
