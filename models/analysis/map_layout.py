"""Places of names on a 2-D map: near what they name, none over another, the largest first."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_SAMPLE = 2000  # members that the place of a name is chosen from
_STEPS = (0.0, 0.75, -0.75, 1.5, -1.5)  # heights of a box that it may be moved by


class Box(NamedTuple):
    """The size of what is written at a place, as shares of the map's width and height."""

    width: float
    height: float


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


def place_boxes(centers: np.ndarray, boxes: Sequence[Box]) -> list[tuple[float, float] | None]:
    """Place boxes so that none covers another; the first ones have the choice.

    Args:
        centers: ``(n, 2)`` where each would be best, as shares of the map's width and height
        boxes: their sizes

    Returns:
        for each its center, moved up or down by at most a box and a half; None where there is no room
    """
    taken = np.empty((0, 4))
    places: list[tuple[float, float] | None] = []
    for (x, y), (width, height) in zip(centers.tolist(), boxes, strict=True):
        x = float(np.clip(x, width / 2, max(1 - width / 2, width / 2)))
        place = None
        for step in _STEPS:
            at = float(np.clip(y + step * height, height / 2, 1 - height / 2))
            edges = np.array([x - width / 2, at - height / 2, x + width / 2, at + height / 2])
            apart = (taken[:, 0] >= edges[2]) | (taken[:, 2] <= edges[0])
            apart |= (taken[:, 1] >= edges[3]) | (taken[:, 3] <= edges[1])
            if apart.all():
                taken, place = np.vstack([taken, edges]), (x, at)
                break
        places.append(place)
    return places
