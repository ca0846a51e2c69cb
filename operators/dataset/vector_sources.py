"""Vectors that are in no field: in files, or in the results of a Brain run; which of them a text means.

A text is a field if the schema has it, else a Brain key, else a path. What is meant is recorded so that it means the
same in any process: a field by its name, a Brain run as ``brain:<key>``, a file or folder by its absolute path.
"""

import os
from typing import Protocol

import fiftyone as fo
import numpy as np

from ...models.paths import local_path
from .private import is_frames, root_dataset
from .rows import Rows, storage_of
from .targets import Target
from .vector_files import file_record, has_files, open_files
from .vector_names import BRAIN, COORDINATES, is_brain, is_file
from .vector_shards import ARRAY, PARQUET

_LOOKED_UP = 1000  # names in files that are looked up in the dataset before all of them are said to be of another


class Outside(Protocol):
    """Vectors outside of the samples.

    Attributes:
        width: their dimension
        count: how many there are
    """

    width: int
    count: int

    def find(self, rows: Rows) -> np.ndarray:
        """Return ``(n,)`` the place of each row's vector, -1 for none."""

    def read(self, places: np.ndarray, into: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Read the vectors at ``places`` ``(m,)`` to ``into[rows]``; return ``(m,)`` whether there was one."""

    def some_names(self, n: int) -> list[str]:
        """Return up to ``n`` of the ids or file paths."""


class BrainVectors:
    """The vectors that a similarity index of FiftyOne's Brain keeps in its results.

    Args:
        dataset: the dataset
        key: the Brain key
        labels: whether vectors of labels are wanted

    Raises:
        ValueError: if there is no such index with vectors
    """

    def __init__(self, dataset: fo.Dataset, key: str, labels: bool) -> None:
        if key not in dataset.list_brain_runs():
            raise ValueError(f"there is no Brain run {key!r} any more; compute it, or the vectors, again")
        results = dataset.load_brain_results(key)
        if not hasattr(results, "get_embeddings"):
            raise ValueError(f"Brain run {key!r} keeps no vectors; name a similarity index, or a field")
        self._X, samples, found = results.get_embeddings()
        if (found is not None) != labels:
            of, other = ("patches", "images") if found is not None else ("images", "patches")
            raise ValueError(f"Brain run {key!r} has vectors of {of}, and {other} were asked for; name another")
        self._names = [str(name) for name in (found if labels else samples)]
        self.count: int = len(self._X)
        self.width: int = self._X.shape[1] if self.count else 0

    def find(self, rows: Rows) -> np.ndarray:
        """Return ``(n,)`` the place of each row's vector, -1 for none."""
        places = {name: place for place, name in enumerate(self._names)}
        return np.array([places.get(row_id, -1) for row_id in rows.ids], np.int64)

    def read(self, places: np.ndarray, into: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Read the vectors at ``places`` ``(m,)`` to ``into[rows]``."""
        into[rows] = self._X[places]
        return np.ones(len(places), bool)

    def some_names(self, n: int) -> list[str]:
        """Return up to ``n`` of the ids."""
        return self._names[:: len(self._names) // n + 1]


def resolve_sources(target: Target, names: list[str]) -> list[str]:
    """Return what names of vectors mean, as it is recorded, see the module's text.

    Args:
        target: the images or patches
        names: fields, Brain keys and paths

    Raises:
        ValueError: if a name means two things, or a path nothing
    """
    return [_resolved(target, name) for name in names]


def _resolved(target: Target, name: str) -> str:
    local, key = target.local_name(name), name.removeprefix(BRAIN)
    is_field = not is_brain(name) and not is_file(name) and _in_schema(target, local)
    runs = target.dataset.list_brain_runs() if not is_file(name) else []
    path = None if is_brain(name) else _path(name)
    found = [f"a field {local!r}"] * is_field + [f"a Brain run {key!r}"] * (key in runs)
    found += [f"a file or folder {path!r}"] * (path is not None and has_files(path))
    if len(found) > 1:
        raise ValueError(
            f"embeddings={name!r} may mean {' or '.join(found)}; write './{name}' for the path, '{BRAIN}{name}' for "
            "the Brain run, or rename what is not meant"
        )
    if is_field:
        return local
    if key in runs:
        return _of_brain(target, key)
    if path is not None and (has_files(path) or is_file(name)):
        return path
    if is_brain(name) or _looks_like_path(name):
        raise ValueError(
            f"embeddings={name!r} is neither a field nor a Brain run, and there are no .npy or Parquet files at "
            f"{path or key}; check the name, or compute vectors with an encoder"
        )
    return local


def open_outside(samples: fo.core.collections.SampleCollection, name: str, patches_field: str | None = None) -> Outside:
    """Open vectors that are in no field.

    Args:
        samples: a dataset or view
        name: as :func:`resolve_sources` returns it
        patches_field (None): the field of the labels that they belong to

    Raises:
        ValueError: if they are gone
    """
    labels = patches_field is not None
    if is_brain(name):
        return BrainVectors(root_dataset(samples), name.removeprefix(BRAIN), labels)
    return open_files(name, labels)


def read_outside(rows: Rows, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read vectors that are in no field.

    Args:
        rows: the images or patches
        name: as :func:`resolve_sources` returns it

    Returns:
        a tuple of vectors ``(n, d)``, ``(n,)`` whether each row has one, and notes

    Raises:
        ValueError: if they are gone, are not usable, or belong to other samples than those of the dataset
    """
    outside = open_outside(rows.collection, name, rows.patches_field)
    places = outside.find(rows)
    found = np.flatnonzero(places >= 0)
    if rows.ids and outside.count and not len(found):
        _check_known(rows, outside, name)
    X = np.zeros((len(rows.ids), outside.width), np.float64 if outside.width <= COORDINATES else np.float32)
    present = np.zeros(len(rows.ids), bool)
    present[found] = outside.read(places[found], X, found)
    over = outside.count - len(found)
    unknown = over and isinstance(rows.collection, fo.Dataset)
    note = f"{over:,} of the {outside.count:,} vectors in {name} belong to nothing in this dataset and were left out"
    return X, present, [note] if unknown else []


def outside_ids(rows: Rows, name: str) -> set[str]:
    """Return the ids of the rows that have a vector outside of the samples."""
    places = open_outside(rows.collection, name, rows.patches_field).find(rows)
    return {rows.ids[row] for row in np.flatnonzero(places >= 0).tolist()}


def outside_record(name: str) -> dict:
    """Return encoder and settings that made vectors outside of the samples, empty if they are not on record."""
    return file_record(name) if is_file(name) else {}


def _in_schema(target: Target, name: str) -> bool:
    """Return whether samples or labels have a field, or a document in which it may be; hidden ones too."""
    dataset, path = storage_of(target.source, target.local_path(name))
    own = path.removeprefix(f"{target.labels}.") if target.labels else path
    start = path[: len(path) - len(own)]
    return any(dataset.get_field(start + one) is not None for one in {own, own.split(".")[0]})


def _of_brain(target: Target, key: str) -> str:
    """Return the field that a Brain run took its vectors from, else the run."""
    config = target.dataset.get_brain_info(key).config
    field = getattr(config, "embeddings_field", None)
    if field and _in_schema(target, target.local_name(str(field))):
        return target.local_name(str(field))
    open_outside(target.source, BRAIN + key, target.patches_field)
    return BRAIN + key


def _path(name: str) -> str | None:
    try:
        return str(local_path(name))
    except ValueError:
        return None


def _looks_like_path(name: str) -> bool:
    return os.sep in name or name.startswith("~") or name.endswith((ARRAY, PARQUET))


def _check_known(rows: Rows, outside: Outside, name: str) -> None:
    """Raise ValueError if no vector belongs to the dataset, of which ``rows`` may be a small part."""
    some = outside.some_names(_LOOKED_UP)
    everything = root_dataset(rows.collection)
    if not isinstance(rows.collection, fo.Dataset):
        if rows.labels or everything.media_type == fo.core.media.GROUP or is_frames(rows.collection):
            return  # what lacks a vector is counted
        if len(everything.select(some) if len(some[0]) == 24 else everything.select_by("filepath", some)):
            return
    raise ValueError(
        f"none of the {outside.count:,} vectors in {name} belongs to these samples: it names them by ids or files such "
        f"as {some[0]!r}; write the ids of samples, of labels for patches, or their filepath"
    )
