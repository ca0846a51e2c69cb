"""Vectors in files: the shards of a file or folder as one table, found by the ids of samples or by their files.

Nothing but the names of the rows is kept in memory, as one sorted array of bytes: 24 a vector where they are ids.
"""

import json
import os
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .rows import Rows
from .vector_shards import FILEPATH, Shard, find_shards, open_shard

RECORD = "constellation.json"  # in a folder that we write: the encoder of its vectors
_KEPT = 4  # tables whose names of rows are kept; those of five million vectors take 160 MB
_opened: OrderedDict[tuple[str, bool], tuple[tuple, "VectorFiles"]] = OrderedDict()


class VectorFiles:
    """The vectors of a file or folder.

    Args:
        path: the absolute path of a ``.npy`` or Parquet file, or of a folder of such
        labels: whether they belong to labels, not to samples

    Raises:
        ValueError: if there are none, or of several widths
    """

    def __init__(self, path: str, labels: bool) -> None:
        self.path, self._labels = path, labels
        self._shards: list[Shard] = [open_shard(one) for one in _shards_of(path)]
        self._starts = np.cumsum([0, *(shard.count for shard in self._shards)])
        widths: dict[int, Path] = {}
        for shard in self._shards:
            if shard.count:
                widths.setdefault(shard.width, shard.path)
        if len(widths) > 1:
            (a, one), (b, other) = list(widths.items())[:2]
            raise ValueError(
                f"{one} holds vectors of {a} dimensions and {other} of {b}; take away the files that do not belong here"
            )
        self.width = next(iter(widths), 0)
        self.count = int(self._starts[-1])

    def find(self, rows: Rows) -> np.ndarray:
        """Return ``(n,)`` where the vector of each row is in the files, -1 for those without.

        Raises:
            ValueError: if an id is there twice, or none belongs to a sample of the dataset
        """
        if not rows.ids or not self.count:
            return np.full(len(rows.ids), -1)
        kind, names, order = self._index
        wanted = _names(rows) if kind == FILEPATH else np.array(rows.ids, bytes)
        near = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
        return np.where(names[near] == wanted, order[near], -1)

    def read(self, places: np.ndarray, into: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Read the vectors at ``places`` ``(m,)``, as :meth:`find` returns them, to ``into[rows]``, block by block.

        Returns:
            ``(m,)`` whether there is a vector: a table may have rows without
        """
        order = np.argsort(places, kind="stable")
        places, rows = places[order], rows[order]
        there = np.zeros(len(places), bool)
        bounds = np.searchsorted(places, self._starts)
        for shard, start, low, high in zip(self._shards, self._starts, bounds, bounds[1:], strict=False):
            if low < high:
                there[order[low:high]] = shard.read(places[low:high] - start, into, rows[low:high])
        return there

    def some_names(self, n: int) -> list[str]:
        """Return up to ``n`` of the ids or file paths, drawn from all of them."""
        return [name.decode() for name in self._index[1][:: self.count // n + 1].tolist()]

    @cached_property
    def _index(self) -> tuple[str, np.ndarray, np.ndarray]:
        """Kind of names that rows have, the names in ascending order, and where the vector of each is."""
        found = [(shard.path, *shard.keys(self._labels)) for shard in self._shards if shard.count]
        kinds = {kind: path for path, kind, _ in reversed(found)}
        if len(kinds) > 1:
            one, other = kinds.values()
            ways = " and ".join(kinds)
            raise ValueError(f"{one} and {other} name their vectors by {ways}; write both in one way, by id if you can")
        kind = next(iter(kinds))
        names = np.concatenate([keys for _, _, keys in found])
        if kind == FILEPATH:
            if self._labels:
                raise ValueError(
                    f"{self.path} names its vectors by {names[0].decode()!r}, and patches are known by the ids of "
                    "their labels only; write those"
                )
            names = _absolute(names, self.path)
        order = np.argsort(names, kind="stable")
        names = names[order]
        self._check_once(names, order)
        return kind, names, order

    def _check_once(self, names: np.ndarray, order: np.ndarray) -> None:
        twice = np.flatnonzero(names[1:] == names[:-1])
        if not len(twice):
            return
        first = int(twice[0])
        shards = np.searchsorted(self._starts, order[first : first + 2], "right") - 1
        where = " and in ".join(dict.fromkeys(self._shards[i].path.name for i in shards.tolist()))
        raise ValueError(
            f"{self.path} has {names[first].decode()!r} twice, in {where}, and so {len(twice):,} ids in all; write "
            "each once"
        )


def open_files(path: str, labels: bool) -> VectorFiles:
    """Open the vectors of a file or folder; what was opened before is kept as long as its files do not change.

    Args:
        path: the absolute path
        labels: whether they belong to labels, not to samples

    Raises:
        ValueError: if there are none
    """
    state = tuple((one.name, (at := one.stat()).st_mtime_ns, at.st_size) for one in _shards_of(path))
    known = _opened.pop((path, labels), None)
    files = known[1] if known and known[0] == state else VectorFiles(path, labels)
    _opened[path, labels] = state, files
    while len(_opened) > _KEPT:
        _opened.popitem(last=False)
    return files


def has_files(path: str) -> bool:
    """Return whether there are files of vectors at a path."""
    return bool(find_shards(Path(path)))


def file_record(path: str) -> dict[str, Any]:
    """Return encoder and settings that filled a folder of ours; empty of other folders and of files."""
    try:
        record = json.loads(Path(path, RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and record.get("encoder") else {}


def _shards_of(path: str) -> list[Path]:
    shards = find_shards(Path(path))
    if not shards:
        what = "holds no .npy or Parquet files" if os.path.isdir(path) else "is not there"
        raise ValueError(f"{path}, where vectors should be, {what}; put the files back, or compute the vectors again")
    return shards


def _names(rows: Rows) -> np.ndarray:
    """Return the files of samples as bytes, in the order of ``rows``."""
    files = dict(rows.values("filepath"))
    return np.array([str(files.get(row_id) or "").encode() for row_id in rows.ids], bytes)


def _absolute(names: np.ndarray, path: str) -> np.ndarray:
    """Return file paths as FiftyOne has them; relative ones are of the folder with the vectors."""
    if all(name.startswith(b"/") for name in names.tolist()):
        return names
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    return np.array([os.path.normpath(os.path.join(folder, name.decode())).encode() for name in names.tolist()], bytes)
