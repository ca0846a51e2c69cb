"""Places of vectors that an encoder fills: a field of the samples or of labels on them, or a folder of files."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ...models.encoders.base import Encoder
from ..dataset.rows import Rows, write_values
from ..dataset.targets import Target
from ..dataset.vector_fields import check_origin, check_vector_field, encoder_record, same_settings
from ..dataset.vector_names import is_outside
from ..dataset.vectors import missing_vectors
from .fields import create_vector_field, drop_vector_field, keep_rendering
from .shards import FolderStore, check_folder


class Store(Protocol):
    """A place of vectors."""

    def missing(self) -> list[str]:
        """Return the ids without a vector."""

    def record(self) -> dict:
        """Return encoder, settings and rendering of the vectors, empty if they are not on record."""

    def same_settings(self, encoder: Encoder) -> bool:
        """Return whether the origin of the vectors is unrecorded, or recorded with these settings."""

    def check_origin(self, identity: dict) -> None:
        """Raise ValueError if there are vectors of another encoder, or of an unrecorded one."""

    def create(self, encoder: Encoder, rendering: dict | None, shared: bool = False) -> bool:
        """Record the encoder before the first vector, unless other writers may have; return whether it is new."""

    def drop(self) -> None:
        """Take away a place that was created and has no vectors."""

    def keep_rendering(self, rendering: dict) -> None:
        """Record what was decided of how the images become RGB, before vectors follow it."""

    def write(self, ids: Sequence[str], sample_ids: Sequence[str], vectors: Sequence[np.ndarray]) -> None:
        """Write vectors, all of them or none."""


class FieldStore:
    """A vector field.

    Args:
        rows: the images or patches
        name: the field
    """

    def __init__(self, rows: Rows, name: str) -> None:
        self.rows, self.name = rows, name

    def missing(self) -> list[str]:
        """Return the ids without a vector."""
        return missing_vectors(self.rows, self.name)

    def record(self) -> dict:
        """Return encoder, settings and rendering of the field, empty if they are not on record."""
        return encoder_record(self.rows.collection, self.rows.path(self.name))

    def same_settings(self, encoder: Encoder) -> bool:
        """Return whether the origin of the field is unrecorded, or recorded with these settings."""
        return same_settings(self.rows, self.name, encoder)

    def check_origin(self, identity: dict) -> None:
        """Raise ValueError if the field has vectors of another encoder, or of an unrecorded one."""
        check_origin(self.rows, self.name, self.record().get("encoder"), identity)

    def create(self, encoder: Encoder, rendering: dict | None, shared: bool = False) -> bool:
        """Declare the field and record its encoder; return whether there was none."""
        return create_vector_field(self.rows, self.name, encoder, rendering, shared)

    def drop(self) -> None:
        """Delete the field."""
        drop_vector_field(self.rows, self.name)

    def keep_rendering(self, rendering: dict) -> None:
        """Record what was decided of how the images become RGB."""
        keep_rendering(self.rows, self.name, rendering)

    def write(self, ids: Sequence[str], sample_ids: Sequence[str], vectors: Sequence[np.ndarray]) -> None:
        """Write one vector per id."""
        path, of_labels = self.rows.path(self.name), bool(self.rows.labels)
        write_values(self.rows.collection, path, ids, sample_ids, vectors, of_labels=of_labels)


def store_of(rows: Rows, name: str, dtype: str | None = None) -> Store:
    """Return the place of vectors that is called ``name``.

    Args:
        rows: the images or patches
        name: a field, or the absolute path of a folder
        dtype (None): of files, ``"float32"`` or ``"float16"``, by default that of the folder, else float32
    """
    return FolderStore(rows, name, dtype) if is_outside(name) else FieldStore(rows, name)


def check_writable(of: Rows | Target, name: str, dtype: str | None = None) -> None:
    """Raise ValueError if vectors may not be written to a field or folder, see :func:`store_of`."""
    if is_outside(name):
        check_folder(name, dtype)
    else:
        check_vector_field(of.collection if isinstance(of, Rows) else of.source, name, of.labels)
