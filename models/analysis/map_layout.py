"""Places of names on a 2-D map: near what they name, none over another, the largest first."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

_SAMPLE = 2000  # members that the place of a name is chosen from
_STEPS = ((0, 0), (0, 0.75), (0, -0.75), (0, 1.5), (0, -1.5))  # widths and heights that a box may be moved by
# ... and one that must not cover points, beside its place first
_AROUND = (0, 0.65, -0.65, 1.1, -1.1)
_AWAY = sorted(((x, y) for x in _AROUND for y in _AROUND), key=lambda step: step[0] ** 2 + step[1] ** 2)
_CELLS = 128  # of the map's width and height, in which points are counted
_FAR = 0.02  # share of the points that a box's width or height farther away is worth


class Box(NamedTuple):
    """Size of what is put at a place, as shares of the map's width and height, and whether it hides what is below."""

    width: float
    height: float
    hides: bool = False


def anchors(xy: np.ndarray, groups: np.ndarray, wanted: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Return the member of each group that is nearest to the median of its members: on the group, never beside it.

    Args:
        xy: ``(n, 2)`` positions
        groups: ``(n,)`` the group of each
        wanted: groups; those without members are left out
    """
    order = np.argsort(groups, kind="stable")
    known, starts = np.unique(groups[order], return_index=True)
    members = dict(zip(known.tolist(), np.split(order, starts[1:]), strict=True))
    found = {}
    for group in wanted:
        rows = members.get(group)
        if rows is None:
            continue
        some = xy[rows[:: max(len(rows) // _SAMPLE, 1)]].astype(np.float64)
        nearest = some[np.abs(some - np.median(some, axis=0)).sum(axis=1).argmin()]
        found[group] = (float(nearest[0]), float(nearest[1]))
    return found


def place_boxes(
    centers: np.ndarray, boxes: Sequence[Box], points: np.ndarray | None = None
) -> list[tuple[float, float] | None]:
    """Place boxes so that none covers another; the first ones have the choice.

    Args:
        centers: ``(n, 2)`` where each would be best, as shares of the map's width and height
        boxes: their sizes
        points (None): ``(m, 2)`` what is drawn below, of which boxes that hide it should cover little

    Returns:
        for each its center, moved by at most a box and a half; None where there is no room
    """
    covered = _counts(np.zeros((0, 2)) if points is None else points)
    taken = np.empty((0, 4))
    places: list[tuple[float, float] | None] = []
    for (x, y), box in zip(centers.tolist(), boxes, strict=True):
        found: tuple[float, tuple[float, float], np.ndarray] | None = None
        for right, up in _AWAY if box.hides else _STEPS:
            place = _on_map(x + right * box.width, box.width), _on_map(y + up * box.height, box.height)
            edges = _edges(place, box)
            if not _free(edges, taken):
                continue
            cost = covered(edges) + _FAR * np.hypot(right, up) if box.hides else 0.0
            if found is None or cost < found[0]:
                found = cost, place, edges
            if not box.hides:
                break
        if found is not None:
            taken = np.vstack([taken, found[2]])
        places.append(found[1] if found else None)
    return places


def _on_map(center: float, size: float) -> float:
    return float(np.clip(center, size / 2, max(1 - size / 2, size / 2)))


def _edges(place: tuple[float, float], box: Box) -> np.ndarray:
    (x, y), (width, height, _) = place, box
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def _free(edges: np.ndarray, taken: np.ndarray) -> bool:
    apart = (taken[:, 0] >= edges[2]) | (taken[:, 2] <= edges[0])
    apart |= (taken[:, 1] >= edges[3]) | (taken[:, 3] <= edges[1])
    return bool(apart.all())


def _counts(points: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return what tells the share of points between the edges of a box, from sums over a grid."""
    cells = np.clip((points * _CELLS).astype(int), 0, _CELLS - 1)
    sums = np.zeros((_CELLS + 1, _CELLS + 1))
    np.add.at(sums, (cells[:, 0] + 1, cells[:, 1] + 1), 1 / max(len(points), 1))
    sums = sums.cumsum(axis=0).cumsum(axis=1)

    def share(edges: np.ndarray) -> float:
        left, low, right, high = np.clip(np.round(edges * _CELLS).astype(int), 0, _CELLS)
        return float(sums[right, high] - sums[left, high] - sums[right, low] + sums[left, low])

    return share
