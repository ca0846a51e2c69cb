"""Clusters of the points of a run's map, kept beside its positions, so that a map of a million is drawn in a second.

They are those of one state of the labels, like statistics: after an edit, or a deletion of samples, they are read anew.
"""

import base64
from datetime import datetime, timezone

import numpy as np

from ...models.labels import UNASSIGNED
from ..dataset.private import dataset_id, open_store
from .map_points import MapPoints
from .stored_run import StoredRun

_STORE = "constellation_map_clusters"
_PER_DOCUMENT = 2_000_000  # of four bytes each, a third more as text; a document holds 16 MB
_CACHED = 4

_cache: dict[tuple[str, str], tuple[tuple, np.ndarray]] = {}


def kept_clusters(run: StoredRun, digest: str) -> np.ndarray | None:
    """Return ``(n,)`` the cluster of each point, -2 without one; None if they are not kept, or not as they are now.

    Args:
        run: the run
        digest: of the map, see :class:`operators.runs.map_points.MapPoints`
    """
    state = (digest, run.state, _last_deletion(run))
    known = _cache.get(_name(run))
    if known and known[0] == state:
        return known[1]
    first = _stored(run, 0)
    if first is None or (first["digest"], first["state"], first["deleted"]) != state:
        return None
    parts = [first, *(_stored(run, number) for number in range(1, first["parts"]))]
    if any(part is None or part["at"] != first["at"] for part in parts):  # a writer was killed
        return None
    text = b"".join(base64.b64decode(part["clusters"]) for part in parts if part)
    return _remember(run, state, np.frombuffer(text, "<i4"))


def keep_clusters(run: StoredRun, digest: str, clusters: np.ndarray) -> None:
    """Keep the cluster of each point, ``(n,)``, in place of those that were kept."""
    state = (digest, run.state, _last_deletion(run))
    store, at = open_store(run.dataset, _STORE), datetime.now(timezone.utc).isoformat()
    starts = range(0, max(len(clusters), 1), _PER_DOCUMENT)
    head = {"digest": digest, "state": run.state, "deleted": state[2], "at": at, "parts": len(starts)}
    for number, start in enumerate(starts):
        part = np.ascontiguousarray(clusters[start : start + _PER_DOCUMENT], "<i4")
        # as text: the App's server turns what stores hold into JSON
        store.set(f"{_key(run)}:{number}", {**head, "clusters": base64.b64encode(part.tobytes()).decode()})
    _remember(run, state, np.asarray(clusters))


def clusters_at(points: MapPoints, ids: list[str], clusters: np.ndarray) -> np.ndarray:
    """Return the clusters of points ``(n,)``, -2 without one, of those of images or patches by their ids."""
    rows = points.rows(ids, missing=len(points))
    found = np.full(len(points) + 1, UNASSIGNED, np.int64)
    found[rows] = clusters
    return found[:-1]


def drop_clusters(run: StoredRun) -> None:
    """Delete what is kept of a run."""
    _cache.pop(_name(run), None)
    first = _stored(run, 0)
    for number in range(first["parts"] if first else 0):
        open_store(run.dataset, _STORE).delete(f"{_key(run)}:{number}")


def _last_deletion(run: StoredRun) -> str | None:
    deleted = run.dataset.last_deletion_at
    return None if deleted is None else deleted.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _stored(run: StoredRun, number: int) -> dict | None:
    found: dict | None = open_store(run.dataset, _STORE).get(f"{_key(run)}:{number}")
    return found


def _key(run: StoredRun) -> str:
    return run.config.uid or run.key


def _name(run: StoredRun) -> tuple[str, str]:
    return str(dataset_id(run.dataset)), _key(run)


def _remember(run: StoredRun, state: tuple, clusters: np.ndarray) -> np.ndarray:
    if len(_cache) >= _CACHED:
        del _cache[next(iter(_cache))]
    _cache[_name(run)] = state, clusters
    return clusters
