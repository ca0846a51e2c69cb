"""Positions of a run's images or patches on its 2-D map, kept beside the run.

They are kept as packed numbers, so that a map of a million is read in a second and without a look at any sample. They
are not among the results of the run, which are read and written as a whole at every edit, and are copied from the App's
map where they are missing: for runs of earlier versions, and for clones of a dataset.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import fiftyone as fo
import numpy as np

from ..dataset.private import dataset_id, open_store
from .stored_run import StoredRun

_STORE = "constellation_map_points"
_PER_DOCUMENT = 250_000  # of 27 letters each; a document holds 16 MB
_ID = 12  # bytes of an id
_CACHED = 4  # maps; one of a million is 20 MB

_cache: dict[tuple, "MapPoints"] = {}
_reading = Lock()  # what a widget asks at once reads a map once


@dataclass(frozen=True)
class MapPoints:
    """A map.

    Args:
        keys: ``(n, 12)`` uint8, sample ids, or label ids of patches, as bytes
        xy: ``(n, 2)`` float32 positions
    """

    keys: np.ndarray
    xy: np.ndarray

    @classmethod
    def of(cls, ids: Sequence[str], xy: np.ndarray) -> "MapPoints":
        """Make a map of ids as text."""
        keys = np.frombuffer(bytes.fromhex("".join(ids)), np.uint8).reshape(-1, _ID)
        return cls(keys, np.asarray(xy, np.float32))

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def digest(self) -> str:
        """A short text that another map, or another order of the same points, has not."""
        return hashlib.sha256(self.keys.tobytes() + self.xy.tobytes()).hexdigest()[:16]

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        keys = np.ascontiguousarray(self.keys).view(f"V{_ID}").reshape(-1)
        order = np.argsort(keys)
        return order, keys[order]

    def rows(self, ids: Sequence[str], missing: int | None = None) -> np.ndarray:
        """Return the rows of ids as text.

        Args:
            ids: sample ids, or label ids of patches
            missing (None): the row of what is not on the map, by default that is left out
        """
        if not len(ids) or not len(self):
            return np.full(0 if missing is None else len(ids), missing or 0, np.int64)
        wanted = np.frombuffer(bytes.fromhex("".join(ids)), np.uint8).view(f"V{_ID}")
        order, known = self._sorted
        places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        there = known[places] == wanted
        found = order[places]
        return found[there] if missing is None else np.where(there, found, missing)

    def ids(self, rows: np.ndarray) -> list[str]:
        """Return the ids at some rows as text."""
        text = np.ascontiguousarray(self.keys[rows]).tobytes().hex()
        return [text[start : start + 2 * _ID] for start in range(0, len(text), 2 * _ID)]


def has_map(run: StoredRun) -> bool:
    """Return whether a run has a map, at least by its record."""
    return run.config.visualization is not None or _name(run) in _cache or _stored(run, 0) is not None


def read_points(run: StoredRun) -> MapPoints | None:
    """Read the map of a run, None if it has none."""
    name = _name(run)
    with _reading:
        if name not in _cache:
            found = _read(run)
            if found is None and (found := points_of_map(run.dataset, run.config.visualization)) is not None:
                keep_points(run, found)
            if found is None:
                return None
            _remember(name, found)
        return _cache[name]


def points_of_map(dataset: fo.Dataset, brain_key: str | None) -> MapPoints | None:
    """Return the points of a map of the App, None if there is none."""
    if brain_key is None or brain_key not in dataset.list_brain_runs():
        return None
    results: Any = dataset.load_brain_results(brain_key)
    if results is None or results.points is None or results.points.shape[1] != 2:
        return None
    ids = results.sample_ids if results.label_ids is None else results.label_ids
    return MapPoints.of([str(key) for key in ids], results.points)


def keep_points(run: StoredRun, points: MapPoints) -> None:
    """Keep the map of a run, in place of one that it had."""
    drop_points(run)
    store, name = open_store(run.dataset, _STORE), _key(run)
    for number, start in enumerate(range(0, max(len(points), 1), _PER_DOCUMENT)):
        part = slice(start, start + _PER_DOCUMENT)
        # as text: the App's server turns what stores hold into JSON
        rows = {"keys": _packed(points.keys[part]), "xy": _packed(points.xy[part])}
        store.set(f"{name}:{number}", {"n": len(points), **rows})
    _remember(_name(run), points)


def drop_points(run: StoredRun) -> None:
    """Delete the positions of a run; the App's map stays."""
    _cache.pop(_name(run), None)
    first = _stored(run, 0)
    for number in range(-(-max(first["n"], 1) // _PER_DOCUMENT) if first else 0):
        open_store(run.dataset, _STORE).delete(f"{_key(run)}:{number}")


def _read(run: StoredRun) -> MapPoints | None:
    first = _stored(run, 0)
    if first is None:
        return None
    count = -(-max(first["n"], 1) // _PER_DOCUMENT)
    parts = [first, *(_stored(run, number) for number in range(1, count))]
    if None in parts:  # a writer was killed
        return None
    keys, xy = (b"".join(base64.b64decode(part[name]) for part in parts if part) for name in ("keys", "xy"))
    return MapPoints(np.frombuffer(keys, np.uint8).reshape(-1, _ID), np.frombuffer(xy, np.float32).reshape(-1, 2))


def _packed(rows: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(rows).tobytes()).decode()


def _stored(run: StoredRun, number: int) -> dict | None:
    return open_store(run.dataset, _STORE).get(f"{_key(run)}:{number}")


def _key(run: StoredRun) -> str:
    return run.config.uid or run.key


def _name(run: StoredRun) -> tuple:
    # a run that was made again under its key has another identity, one of an earlier version another map
    return str(dataset_id(run.dataset)), _key(run), run.config.visualization


def _remember(name: tuple, points: MapPoints) -> None:
    if len(_cache) >= _CACHED:
        del _cache[next(iter(_cache))]
    _cache[name] = points
