"""Images or patches that the lasso of the map in the browser is around.

A lasso comes as ``{"rows": ...}``, four bytes for each of the points, or ``{"cluster": ...}``, all of one, or, around
many, ``{"polygon": [[x, y]...], "color": ..., "hidden": [...]}``: its corners in parts of the map, and what was hidden.
"""

import base64

import numpy as np

from ...models.analysis.map_region import Region, unit_square
from ..evaluation.maps import ShownMap, clusters_now, clusters_of_map
from ..runs.map_places import has_places
from ..runs.map_points import read_points
from .map_colors import CLUSTER, point_colors
from .run import PanelRun


def whole_map(run: PanelRun) -> ShownMap | None:
    """Return all points of the map, None if the run has none."""
    points = read_points(run.run)
    return None if points is None or not len(points) else ShownMap(points, np.arange(len(points)))


def lasso_rows(run: PanelRun, shown: ShownMap, lasso: dict) -> np.ndarray:
    """Return the rows of the map that a lasso is around."""
    if "rows" in lasso:
        rows = np.frombuffer(base64.b64decode(lasso["rows"]), "<u4").astype(np.int64)
        return rows[rows < len(shown.points)]
    if "cluster" in lasso:
        return np.flatnonzero(clusters_of_map(run.run, shown) == int(lasso["cluster"]))
    inside = _region(lasso).contains(unit_square(shown.points.xy))
    hidden = [int(place) for place in lasso.get("hidden") or []]
    if hidden:
        if (lasso.get("color") or CLUSTER) == CLUSTER:
            places = np.unique(clusters_of_map(run.run, shown), return_inverse=True)[1].reshape(-1)
        else:
            clusters, confidence = clusters_now(run.run, shown)
            places = point_colors(run, shown, lasso["color"], clusters, confidence)[0].values
        inside &= ~np.isin(places, hidden)
    return np.flatnonzero(inside)


def lasso_region(run: PanelRun, lasso: dict) -> Region | None:
    """Return the region that the database can look for, None where it cannot, or something in it was hidden."""
    if "polygon" not in lasso or lasso.get("hidden") or not has_places(run.run):
        return None
    return _region(lasso)


def _region(lasso: dict) -> Region:
    polygon = np.array(lasso["polygon"], np.float64)
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3 or not np.isfinite(polygon).all():
        raise ValueError(f"a lasso has at least 3 corners of 2 numbers, not {polygon.shape}; draw it again")
    return Region([np.vstack([polygon, polygon[:1]])], [])
