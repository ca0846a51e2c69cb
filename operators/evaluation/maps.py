"""Points that the map of a run shows, and what is known of each, as the samples are now."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fiftyone as fo
import numpy as np

from ...models.analysis.map_region import Region, region_of, unit_square
from ...models.labels import UNASSIGNED
from ..dataset.rows import label_path
from ..dataset.selections import selections
from ..dataset.targets import resolve_target
from ..runs.labels import read_labels
from ..runs.map_clusters import keep_clusters, kept_clusters
from ..runs.map_places import LISTED
from ..runs.map_points import MapPoints
from ..runs.run import Run

SHOWN = 30_000  # points that a browser draws at once; of more a sample is shown
_SEED = 51
_VALUES = (fo.StringField, fo.IntField, fo.FloatField, fo.BooleanField)


@dataclass(frozen=True)
class ShownMap:
    """The points of a map that are shown.

    Args:
        points: the map
        rows: ``(n,)`` the rows of the map that are shown, always the same of a run
    """

    points: MapPoints
    rows: np.ndarray

    @classmethod
    def of(cls, points: MapPoints) -> "ShownMap":
        """Choose what is shown: all, of many a sample."""
        if len(points) <= SHOWN:
            return cls(points, np.arange(len(points)))
        chosen = np.random.default_rng(_SEED).choice(len(points), SHOWN, replace=False)
        return cls(points, np.sort(chosen))

    @property
    def xy(self) -> np.ndarray:
        """Their positions."""
        return self.points.xy[self.rows]

    @cached_property
    def ids(self) -> list[str]:
        """Their sample ids, or label ids of patches."""
        return self.points.ids(self.rows)

    @property
    def whole(self) -> bool:
        """True if all points are shown."""
        return len(self.rows) == len(self.points)

    def region(self, chosen: np.ndarray) -> Region | None:
        """Return the part of the map that a lasso is around, None if what it is around can be named one by one.

        The App tells which points a lasso is around, and not its outline: that is made of the points.

        Args:
            chosen: places in ``rows``
        """
        if not len(chosen) or (self.whole and len(chosen) <= LISTED):
            return None
        is_chosen = np.zeros(len(self.rows), bool)
        is_chosen[chosen] = True
        return region_of(unit_square(self.points.xy)[self.rows], is_chosen)

    def around(self, chosen: np.ndarray) -> np.ndarray:
        """Return the rows of the map that a lasso is around, of which some are shown.

        Args:
            chosen: places in ``rows``
        """
        region = self.region(chosen)
        if region is None:
            return self.rows[chosen]
        return np.flatnonzero(region.contains(unit_square(self.points.xy)))


def clusters_now(run: Run, shown: ShownMap) -> tuple[np.ndarray, np.ndarray]:
    """Read the clusters of what is shown as the labels are now.

    Returns:
        a tuple of ``(n,)`` cluster ids, -2 without a label or of what is gone, and ``(n,)`` confidence
    """
    found = run.labels(ids=None if shown.whole else shown.ids)
    place = {row_id: row for row, row_id in enumerate(found.ids)}
    rows = np.array([place.get(row_id, -1) for row_id in shown.ids], np.int64)
    there = rows >= 0
    clusters, confidence = np.full(len(rows), UNASSIGNED), np.full(len(rows), np.nan)
    clusters[there], confidence[there] = found.clusters[rows[there]], found.confidence[rows[there]]
    return clusters, confidence


def clusters_of_map(run: Run, shown: ShownMap) -> np.ndarray:
    """Return ``(n,)`` the clusters of a whole map as the labels are now, -2 without one; read if they are not kept."""
    found = kept_clusters(run, shown.points.digest)
    if found is None:
        found, _ = clusters_now(run, shown)
        keep_clusters(run, shown.points.digest, found)
    return found


def inside_view(run: Run, shown: ShownMap, samples: fo.core.collections.SampleCollection) -> np.ndarray:
    """Return ``(n,)`` whether each of what is shown is among ``samples``; all are in the whole dataset."""
    if samples is run.dataset:
        return np.ones(len(shown.rows), bool)
    try:
        target = resolve_target(run.as_seen(samples), run.config.patches_field)
    except ValueError:  # an empty view, or one of patches of another field
        return np.ones(len(shown.rows), bool)
    found = set(read_labels(target, run.field, ids=None if shown.whole else shown.ids).ids)
    return np.array([row_id in found for row_id in shown.ids], bool)


def value_fields(run: Run) -> dict[str, str]:
    """Return the labels of what points may be colored by, by path: fields of samples, attributes of patches."""
    target, own = run.target, run.target.local_path(run.field)
    root = f"{target.labels}." if target.labels else ""
    schema = target.source.get_field_schema(flat=True)
    found = {}
    for path, kind in schema.items():
        name = path.removeprefix(root)
        if not path.startswith(root) or name.startswith("_") or path == own or path.startswith(f"{own}."):
            continue
        if isinstance(kind, fo.EmbeddedDocumentField) and issubclass(kind.document_type, fo.Classification):
            found[f"{path}.label"] = name
        elif "." not in name and type(kind) in _VALUES and name not in ("id", "filepath"):
            found[path] = name
    return found


def values_now(run: Run, shown: ShownMap, path: str) -> list[Any]:
    """Read a value of each of what is shown, None where there is none.

    Args:
        run: the run
        shown: what is shown
        path: one of :func:`value_fields`
    """
    source, target = run.target.source, run.target
    by_id: dict[str, Any] = {}
    if target.patches_field:
        root, listed = label_path(source, target.patches_field)
        by_id.update(zip(*source.values([f"{root}.id", path], unwind=listed), strict=True))
    else:
        for part in [source] if shown.whole else selections(source, shown.ids):
            by_id.update(zip(*part.values(["id", path]), strict=True))
    return [by_id.get(row_id) for row_id in shown.ids]
