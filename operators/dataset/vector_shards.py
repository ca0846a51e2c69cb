"""Files of vectors: NumPy arrays with ids beside them, and Parquet tables; none is ever read whole.

The vectors of ``a.npy`` ``(n, d)`` belong to the ids, or file paths, in ``a.ids.txt``, one a line, or ``a.ids.npy``.
Such an array is mapped into memory; of a table only the groups of rows with vectors that are asked for are read.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 16_384  # rows that are in memory at a time besides the array that they are read into
IDS = (".ids.txt", ".ids.npy")
PARQUET, ARRAY = ".parquet", ".npy"
ID, FILEPATH = "id", "filepath"
_OF_SAMPLES, _OF_LABELS = ("sample_id", "id", "_id", FILEPATH), ("label_id", "id", "_id")
_VECTORS = ("embedding", "embeddings", "vector", "vectors", "emb")
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


class ArrayShard:
    """A ``.npy`` file of shape ``(n, d)`` with its ids beside it.

    Args:
        path: the file

    Raises:
        ValueError: if it is no such array, or has no ids
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f"{path} cannot be read ({_short(error)}); write it again, or take it away") from None
        if self._array.ndim != 2 or self._array.dtype.kind not in "fiu":
            found = f"{self._array.dtype} of shape {self._array.shape}"
            raise ValueError(f"{path} holds {found}, not vectors; write numbers of shape (n, d)")
        self.count, self.width = self._array.shape

    def keys(self, labels: bool) -> tuple[str, np.ndarray]:
        """Return whether the rows are named by ``id`` or ``filepath``, and ``(n,)`` those names as bytes."""
        stem = str(self.path)[: -len(ARRAY)]
        beside = next((name for end in IDS if os.path.isfile(name := stem + end)), None)
        if beside is None:
            raise ValueError(f"{self.path} has no ids beside it; write one id or file path a line into {stem}{IDS[0]}")
        if beside.endswith(ARRAY):
            keys = _as_bytes(np.load(beside, allow_pickle=False))
        else:
            keys = np.array(Path(beside).read_bytes().split(b"\n"), bytes)
            keys = keys[:-1] if len(keys) and not keys[-1] else keys
            keys = np.char.rstrip(keys, b"\r") if len(keys) else np.empty(0, "S1")
        if len(keys) != self.count:
            raise ValueError(f"{beside} has {len(keys):,} ids for {self.count:,} vectors; write one for each")
        return _kind(keys), keys

    def read(self, rows: np.ndarray, into: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Read the vectors of ``rows`` ``(m,)``, ascending, to ``into[places]``; return ``(m,)`` which there are."""
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            low, high = int(some[0]), int(some[-1]) + 1
            block = self._array[low:high] if high - low == len(some) else self._array[some]
            into[places[start : start + BLOCK]] = block
        return np.ones(len(rows), bool)


class TableShard:
    """A Parquet file with a column of ids or file paths, and one of vectors.

    Args:
        path: the file

    Raises:
        ValueError: if it is no such file, or pyarrow is not installed
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as file:  # a folder may have more files than a process may have open
            self._groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            self._names = list(file.schema_arrow.names)
            self._column = self._vectors(file.schema_arrow)
            self.width = self._width(file)
        self.count = sum(self._groups)

    def keys(self, labels: bool) -> tuple[str, np.ndarray]:
        """Return whether the rows are named by ``id`` or ``filepath``, and ``(n,)`` those names as bytes."""
        column = next((name for name in (_OF_LABELS if labels else _OF_SAMPLES) if name in self._names), None)
        if column is None:
            wanted = "label_id or id" if labels else "sample_id, id or filepath"
            raise ValueError(f"{self.path} has no ids, only {_some(self._names)}; add a column {wanted}")
        with _opened(self.path) as file:
            parts = [_as_bytes(np.array(part.column(0).to_pylist())) for part in file.iter_batches(columns=[column])]
        keys = np.concatenate(parts) if parts else np.empty(0, "S1")
        return FILEPATH if column == FILEPATH else _kind(keys), keys

    def read(self, rows: np.ndarray, into: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Read the vectors of ``rows`` ``(m,)``, ascending, to ``into[places]``; return ``(m,)`` which there are."""
        there = np.zeros(len(rows), bool)
        starts = np.cumsum([0, *self._groups])
        counts = np.diff(np.searchsorted(rows, starts))
        with _opened(self.path) as file:
            for group in np.flatnonzero(counts).tolist():
                for first, valid, vectors in self._blocks(file, group):
                    start = starts[group] + first
                    begin, end = np.searchsorted(rows, (start, start + len(valid))).tolist()
                    found = rows[begin:end] - start
                    known = valid[found]
                    there[begin:end] = known
                    into[places[begin:end][known]] = vectors[(np.cumsum(valid) - 1)[found[known]]]
        return there

    def _blocks(self, file: Any, group: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield the first row of a block, ``(n,)`` which of its rows have a vector, and those ``(m, d)``."""
        from pyarrow.compute import list_value_length

        first = 0
        for part in file.iter_batches(batch_size=BLOCK, row_groups=[group], columns=[self._column]):
            column = part.column(0)
            valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), bool)
            lengths = np.unique(list_value_length(column).drop_null().to_numpy(zero_copy_only=False))
            if odd := [int(length) for length in lengths if length != self.width]:
                raise ValueError(
                    f"{self.path} holds vectors of {self.width} and of {odd[0]} dimensions; write those of one length"
                )
            yield first, valid, column.flatten().to_numpy(zero_copy_only=False).reshape(-1, self.width)
            first += len(valid)

    def _vectors(self, schema: Any) -> str:
        """Return the column of the vectors."""
        import pyarrow.types as kinds

        found = {}
        for field in schema:
            lists = kinds.is_list(field.type) or kinds.is_large_list(field.type) or kinds.is_fixed_size_list(field.type)
            if lists and (kinds.is_floating(field.type.value_type) or kinds.is_integer(field.type.value_type)):
                found[field.name] = field.type
        named = next((name for name in _VECTORS if name in found), None)
        if named is None and len(found) != 1:
            what = f"several columns of vectors, {_some(list(found))}" if found else "no column with lists of numbers"
            raise ValueError(f"{self.path} has {what}; call the one that is meant 'embedding'")
        return str(named or next(iter(found)))

    def _width(self, file: Any) -> int:
        kind = file.schema_arrow.field(self._column).type
        if hasattr(kind, "list_size"):
            return int(kind.list_size)
        from pyarrow.compute import list_value_length

        for part in file.iter_batches(batch_size=256, columns=[self._column]):
            for length in list_value_length(part.column(0)).drop_null()[:1].to_pylist():
                return int(length)
        return 0


Shard = ArrayShard | TableShard


def find_shards(path: Path) -> list[Path]:
    """List the files of vectors at a path, in the order of their names; none if there are none."""
    if os.path.isfile(path):  # no error for what is too long to be a path
        return [path] if path.suffix in (ARRAY, PARQUET) else []
    if not os.path.isdir(path):
        return []
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
    return [path / name for name in sorted(names) if name.endswith((ARRAY, PARQUET)) and not name.endswith(IDS)]


def open_shard(path: Path) -> Shard:
    """Open a file of vectors, of which only the header is read."""
    return TableShard(path) if path.suffix == PARQUET else ArrayShard(path)


def _opened(path: Path) -> Any:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ValueError(
            f"{path.name} is a Parquet file and pyarrow, which reads those, is not installed; run pip install pyarrow, "
            "or give .npy files"
        ) from None
    try:
        return ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read ({_short(error)}); write it again, or take it away") from None


def _as_bytes(names: np.ndarray) -> np.ndarray:
    if names.dtype.kind == "U":
        return np.char.encode(names, "utf-8")
    if names.dtype.kind == "S":
        return names
    if names.dtype.kind == "O":  # None among them
        return np.array([str(name or "").encode() for name in names.tolist()], bytes)
    return names.astype(bytes)


def _kind(keys: np.ndarray) -> str:
    """Return ``id`` if the first name looks like an id of FiftyOne's, else ``filepath``."""
    first = bytes(keys[0]) if len(keys) else b""
    return FILEPATH if len(first) != 24 or not _HEXADECIMAL.issuperset(first) else ID


def _some(names: list[str]) -> str:
    return ", ".join(map(str, names[:5])) + (", ..." if len(names) > 5 else "")


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:80] if str(error) else type(error).__name__
