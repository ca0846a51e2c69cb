"""Folders of vectors that an encoder fills: files of some thousand vectors each, whole or not there at all.

A file gets its name when it is complete, and its ids are there before; so what was killed leaves finished files only,
and the next call goes on after them. The encoder is recorded beside them as it is in a field.
"""

import errno
import json
import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from ...models.encoders.base import Encoder, same_encoder
from ..dataset.rows import Rows
from ..dataset.vector_files import RECORD, file_record, has_files, open_files
from ..dataset.vector_names import is_brain
from ..dataset.vector_shards import ARRAY, IDS
from ..dataset.vector_sources import outside_ids

DTYPES = ("float32", "float16")
_PART = ".part"


class FolderStore:
    """A folder of ``.npy`` files with ids beside them.

    Args:
        rows: the images or patches
        path: the absolute path of the folder
        dtype (None): ``"float32"`` or ``"float16"``, by default what the folder has, else float32
    """

    def __init__(self, rows: Rows, path: str, dtype: str | None = None) -> None:
        self.rows, self.path = rows, path
        self.dtype = dtype or self.record().get("dtype") or DTYPES[0]

    def missing(self) -> list[str]:
        """Return the ids without a vector in the folder."""
        there = outside_ids(self.rows, self.path) if has_files(self.path) else set()
        return [row_id for row_id in self.rows.ids if row_id not in there]

    def record(self) -> dict:
        """Return encoder, settings and rendering of the folder, empty if they are not on record."""
        return file_record(self.path)

    def same_settings(self, encoder: Encoder) -> bool:
        """Return whether the origin of the folder is unrecorded, or recorded with these settings."""
        record = self.record()
        return not record or (record["encoder"]["name"] == encoder.name and record.get("settings") == encoder.settings)

    def check_origin(self, identity: dict) -> None:
        """Raise ValueError if the folder has vectors of another encoder."""
        recorded = self.record().get("encoder")
        if not has_files(self.path) or (recorded and same_encoder(recorded, identity)):
            return
        made_by = f"{recorded['name']} ({recorded['weights']})" if recorded else "an encoder that is not on record"
        raise ValueError(
            f"{self.path} holds vectors of {made_by}, not of {identity['name']} ({identity['weights']}) with these "
            "settings; choose a new folder"
        )

    def create(self, encoder: Encoder, rendering: dict | None, shared: bool = False) -> bool:
        """Make the folder and record its encoder; return whether there was none."""
        created = not os.path.isdir(self.path)
        begun = has_files(self.path) or (shared and self.same_settings(encoder))
        if not begun or not self.record():
            record = {"encoder": encoder.identity, "settings": encoder.settings, "rendering": rendering}
            self._keep({**record, "dtype": self.dtype})
        return created

    def drop(self) -> None:
        """Take away the folder, of which nothing but the record is there."""
        Path(self.path, RECORD).unlink(missing_ok=True)
        os.rmdir(self.path)

    def keep_rendering(self, rendering: dict) -> None:
        """Record what was decided of how the images become RGB."""
        record = self.record()
        self._keep({**record, "rendering": {**(record.get("rendering") or {}), **rendering}})

    def write(self, ids: Sequence[str], sample_ids: Sequence[str], vectors: Sequence[np.ndarray]) -> None:
        """Write a file of vectors, after its ids.

        Raises:
            ValueError: if the disk is full, or a value is too large for 16 bits
        """
        X = np.asarray(vectors, np.float32)
        if self.dtype == "float16":
            finite, largest = np.isfinite(X), float(np.finfo(np.float16).max)
            if (np.abs(X[finite]) > largest).any():
                raise ValueError(
                    f"a vector of {self.path} has the value {np.abs(X[finite]).max():.0f}, and float16 ends at "
                    f"{largest:.0f}; compute them into a new folder with dtype='float32'"
                )
        stem = Path(self.path, uuid.uuid4().hex)
        names = "".join(f"{row_id}\n" for row_id in ids).encode()
        beside, array = stem.with_suffix(IDS[0]), stem.with_suffix(ARRAY)
        self._write(beside, lambda file: file.write(names))
        try:
            self._write(array, lambda file: np.save(file, X.astype(self.dtype)))
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

    def _keep(self, record: dict) -> None:
        text = json.dumps(record, indent=1).encode()
        self._write(Path(self.path, RECORD), lambda file: file.write(text))

    def _write(self, path: Path, write: Callable[[IO[bytes]], object]) -> None:
        """Write a file under another name and rename it once it is on the disk."""
        part = path.with_name(path.name + _PART)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as error:
            why = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"refuses: {error.strerror or error}"
            raise ValueError(
                f"the disk with {self.path} {why}; its finished files stay, so make room there and repeat the call, "
                "which goes on after them"
            ) from error
        finally:
            with suppress(OSError):  # which would hide why it was not written
                part.unlink(missing_ok=True)


def check_folder(path: str, dtype: str | None = None) -> None:
    """Check that an encoder may write vectors to a folder.

    Args:
        path: the absolute path
        dtype (None): the type of the numbers, None for that of the folder

    Raises:
        ValueError: if it is no folder, or holds files of others, or other numbers
    """
    if is_brain(path):
        raise ValueError(f"vectors of {path!r} are the Brain's and are not filled here; name a field, or set path")
    if os.path.exists(path) and not os.path.isdir(path):
        raise ValueError(f"{path} is a file, and vectors go to a folder; name one, which need not be there yet")
    record = file_record(path)
    if has_files(path) and not record:
        raise ValueError(f"{path} holds vectors that are not of this plugin, and is not filled; choose a new folder")
    known = record.get("dtype")
    if has_files(path) and dtype not in (None, known):
        raise ValueError(f"{path} holds vectors of {known}, not of {dtype}; leave dtype out, or choose a new folder")
    if has_files(path):
        open_files(path, labels=False)
