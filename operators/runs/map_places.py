"""Positions of images on the labels of a run with a large map, where the database finds those inside an outline.

Up to :data:`LISTED` images, a view names them by their ids; more are too much for a view. Frames and patches have no
positions on their labels: MongoDB looks for positions in whole samples only.
"""

from typing import Any

import fiftyone as fo
import numpy as np

from ...models.analysis.map_region import Region, unit_square
from ..dataset.private import index_positions, is_frames
from ..dataset.targets import Target
from .labels import PLACE
from .map_points import MapPoints
from .stored_run import StoredRun

LISTED = 10_000  # ids in a view
_SIDE = 100.0  # of the map, within the bounds of MongoDB's index


def holds_places(target: Target, n: int) -> bool:
    """Return whether the labels of ``n`` images or patches get their positions."""
    return n > LISTED and not target.patches_field and not is_frames(target.source)


def places_for(ids: list[str], points: MapPoints) -> list[list[float] | None]:
    """Return the positions of images as their labels hold them, None for what is not on the map."""
    places = (unit_square(points.xy) * _SIDE).tolist()
    by_id = dict(zip(points.ids(np.arange(len(points))), places, strict=True))
    return [by_id.get(row_id) for row_id in ids]


def has_places(run: StoredRun) -> bool:
    """Return whether the labels of a run have their positions on its map."""
    path = run.config.label_path
    if run.config.patches_field or path.startswith("frames.") or run.dataset.get_field(path) is None:
        return False
    return run.dataset.match({f"{path}.{PLACE}": {"$type": "array"}}).limit(1).count() > 0


def index_places(run: StoredRun) -> None:
    """Make the index that finds what is inside an outline, if there is none."""
    index_positions(run.dataset, f"{run.config.label_path}.{PLACE}", _SIDE)


def inside_region(
    samples: fo.core.collections.SampleCollection, run: StoredRun, region: Region
) -> fo.core.collections.SampleCollection:
    """Return a view of those of ``samples`` that are inside a region of the run's map, for a run with places."""
    path = f"{run.config.label_path}.{PLACE}"
    outer, holes = ([_within(path, polygon) for polygon in part] for part in (region.outer, region.holes))
    if not outer:
        return samples.select([])
    return samples.match({"$or": outer} | ({"$nor": holes} if holes else {}))


def _within(path: str, polygon: np.ndarray) -> dict[str, Any]:
    return {path: {"$geoWithin": {"$polygon": (polygon * _SIDE).tolist()}}}
