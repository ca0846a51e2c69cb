"""The model store: one folder per trained encoder, ``<FiftyOne's model zoo>/constellation/<name>/``.

Set ``CONSTELLATION_MODEL_DIR`` to keep it elsewhere, such as on a disk that several machines share.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from ..paths import local_path
from .checkpoint import read_record, read_tensors, sweep, write_checkpoint

ENVIRONMENT = "CONSTELLATION_MODEL_DIR"
FILE = "encoder.safetensors"
PICTURE = "reconstruction.png"
SUFFIX = ".safetensors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def folder() -> Path:
    """Return the folder of the store, which need not exist."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser()
    import fiftyone as fo

    return Path(fo.config.model_zoo_dir) / "constellation"


def path_of(name: str) -> Path:
    """The checkpoint of ``name``, whether it exists or not.

    Raises:
        ValueError: if it is not a name, which above all must not lead out of the store
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"name={name!r} is not valid; use up to 64 letters, digits, _ and -, starting with no sign")
    return folder() / name / FILE


def names(unfinished: bool = False) -> list[str]:
    """The trained encoders, sorted; those without a finished epoch only if ``unfinished``."""
    found = []
    for path in sorted(folder().glob(f"*/{FILE}")):
        if not _NAME.fullmatch(path.parent.name):
            continue
        try:
            if unfinished or read_record(path)["epoch"] > 0:
                found.append(path.parent.name)
        except (ValueError, KeyError):  # a damaged file is no encoder; naming it says why
            continue
    return found


def record_of(name: str) -> dict:
    """The record of a trained encoder.

    Raises:
        ValueError: if there is none or it is damaged
    """
    path = path_of(name)
    if not path.is_file():
        known = names()
        close = get_close_matches(name, known, 1)
        some = f"did you mean {close[0]!r}?" if close else f"the trained ones are {', '.join(known) or 'none yet'}"
        raise ValueError(f"there is no trained encoder {name!r}; {some}")
    return read_record(path)


def check_free(name: str) -> None:
    """Refuse a name that is taken.

    Raises:
        ValueError: with the remedies
    """
    if path_of(name).is_file():
        try:
            record = read_record(path_of(name))
            state = f"{record['kind']}, {record['epoch']} of {record['planned']} epochs"
        except (ValueError, KeyError):
            state = "damaged"
        raise ValueError(
            f"an encoder {name!r} exists ({state}); choose another name, pass resume=True to continue it, or delete it"
        )


@contextmanager
def claimed(name: str) -> Iterator[None]:
    """Hold the right to write an encoder, whatever dataset it is trained on; a killed process loses it at once.

    Args:
        name: the encoder, whether it exists or not

    Raises:
        ValueError: if another training of this machine holds it
    """
    try:
        import fcntl
    except ImportError:  # Windows, where the lock of the dataset has to do
        yield
        return
    path = path_of(name).parent.with_name(f".{name}.lock")
    with _lock_file(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep(path_of(name))
        except BlockingIOError:
            raise ValueError(
                f"encoder {name!r} is in use by a training that still runs; stop that one, or wait for its end"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield


def _lock_file(path: Path) -> BinaryIO:
    """A file of no content; it stays, because whoever waits for a deleted file waits for nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "ab")
    except OSError as error:
        raise ValueError(
            f"the model store {str(path.parent)!r} cannot be written ({error.strerror}); name another in {ENVIRONMENT}"
        ) from error


def delete(name: str) -> dict:
    """Delete an encoder, damaged ones too.

    Returns:
        ``{"name", "deleted", "bytes"}``

    Raises:
        ValueError: if there is none, or it is being trained
    """
    path = path_of(name)
    if not path.is_file():
        record_of(name)
    with claimed(name):
        size = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
        shutil.rmtree(path.parent)
    return {"name": name, "deleted": str(path.parent), "bytes": size}


def export(name: str, destination: str) -> dict:
    """Copy an encoder into one file, without the state that only training needs.

    Args:
        name: the encoder
        destination: a folder, or a file that does not exist yet

    Returns:
        ``{"name", "path", "bytes"}``

    Raises:
        ValueError: if there is no such encoder or the file exists
    """
    record = record_of(name)
    target = local_path(destination)
    target = target / f"{name}{SUFFIX}" if target.is_dir() else target
    if target.suffix != SUFFIX:
        raise ValueError(
            f"path={str(destination)!r} is no folder and does not end in {SUFFIX}; name an existing folder"
        )
    if target.exists():
        raise ValueError(f"{str(target)!r} exists; choose another file")
    write_checkpoint(target, record, {f"network.{k}": v for k, v in read_tensors(path_of(name), "network.").items()})
    return {"name": name, "path": str(target), "bytes": target.stat().st_size}


def import_file(source: str, name: str | None = None) -> dict:
    """Add an exported encoder to the store, after it has made a vector.

    Args:
        source: a file made by :func:`export`
        name (None): its name here, by default the one it had

    Returns:
        ``{"name", "kind", "dimension", "path"}``

    Raises:
        ValueError: if the file is no encoder, is damaged, or the name is taken
    """
    from .network import encoder_from

    origin = local_path(source)
    record = read_record(origin)
    name = str(name or record.get("name"))
    check_free(name)
    encoder_from(record, read_tensors(origin, "network."), repr(str(origin)))
    with claimed(name):
        check_free(name)
        write_checkpoint(path_of(name), {**record, "name": name}, read_tensors(origin, ""))
    return {"name": name, "kind": record["kind"], "dimension": record["dimension"], "path": str(path_of(name))}
