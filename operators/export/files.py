"""Destinations of exports: nothing of the user's is overwritten unasked, and a failed export leaves nothing behind.

Everything is written beside its destination and moved there when it is complete.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...models.paths import local_path
from ..outputs.plots import shorten

# Lists the files of an export in its folder, so that a repeated one can take the old ones away
LISTING = ".constellation_export.json"
_MAX_SLUG = 40
_SHOWN = 200


def destination(path: str, name: str, suffix: str, overwrite: bool) -> Path:
    """Return the absolute path of an export.

    Args:
        path: what the user entered
        name: the file's name if ``path`` is a folder
        suffix: ``".csv"`` for an export of one file, ``""`` for one that fills a folder
        overwrite: whether what is there may be replaced

    Raises:
        ValueError: if it is no path of this machine, exists or cannot be written
    """
    goal = local_path(path)
    try:
        goal = _checked(goal, name, suffix, overwrite)
        _check_writable(goal)
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise ValueError(
            f"{shorten(str(goal), _SHOWN)!r} cannot be written, {error.strerror or error}; choose another path"
        ) from None
    return goal


def _checked(path: Path, name: str, suffix: str, overwrite: bool) -> Path:
    """Return the file or folder to write; refuse it if it exists and may not be replaced."""
    if suffix and (path.is_dir() or path.suffix.lower() != suffix):
        path = path / f"{name}{suffix}"
    if suffix and path.exists() and not overwrite:
        raise ValueError(f"{str(path)!r} exists; choose another path or set overwrite=True")
    if not suffix and path.exists() and not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file, not a folder; choose a new or empty folder")
    if not suffix and path.is_dir() and not overwrite and any(path.iterdir()):
        raise ValueError(f"folder {str(path)!r} is not empty; choose another or set overwrite=True")
    return path


def _check_writable(path: Path) -> None:
    """Check the nearest folder that exists; a full disk shows only when writing."""
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    if place == path and not path.is_dir():
        place = path.parent
    if not place.is_dir():
        raise ValueError(f"{str(path)!r} cannot be written, {str(place)!r} is a file; choose another path")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(f"{str(path)!r} cannot be written, no permission in {str(place)!r}; choose another path")


@contextmanager
def staged(path: Path, folder: bool) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when the block ends well, and disappears if it does not.

    Args:
        path: from :func:`destination`
        folder: whether a folder is filled; else one file is written

    Yields:
        a path beside ``path``: a new folder, or a file that does not exist yet

    Raises:
        ValueError: if the disk refuses
    """
    stage = path.parent / f".{path.name[:40]}.{uuid.uuid4().hex[:8]}"
    new = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            stage.mkdir()
        yield stage
        if folder:
            _settle(stage, path)
        else:
            os.replace(stage, path)
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else str(path)
        raise ValueError(
            f"{str(path)!r} cannot be written, {error.strerror or error} at {os.path.basename(where)!r}; "
            "choose another path"
        ) from error
    finally:
        if stage.is_dir():
            shutil.rmtree(stage, ignore_errors=True)
        else:
            stage.unlink(missing_ok=True)
        for parent in new:  # innermost first; those that hold the export stay
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def _settle(stage: Path, path: Path) -> None:
    files = sorted(str(file.relative_to(stage)) for file in stage.rglob("*") if file.is_file())
    (stage / LISTING).write_text(json.dumps(files), encoding="utf-8")
    if not path.exists():
        os.rename(stage, path)
        return
    _clear(path, files)
    for name in [*files, LISTING]:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / name, path / name)


def _clear(path: Path, wanted: list[str]) -> None:
    """Delete what an earlier export put into a folder, and nothing else.

    Raises:
        ValueError: if a file that no export wrote is in the way of ``wanted``
    """
    try:
        listed = json.loads((path / LISTING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        listed = []
    listed = [str(name) for name in listed] if isinstance(listed, list) else []
    known = set(listed)
    taken = next((name for name in wanted if name not in known and os.path.lexists(path / name)), None)
    if taken is not None:
        raise ValueError(f"{taken!r} in {str(path)!r} is not from an earlier export; choose another folder")
    root = path.resolve()
    for name in listed:
        file = path / name
        # an edited listing must not lead out of the folder
        if file.is_file() and file.parent.resolve().is_relative_to(root):
            file.unlink()
            if file.parent != path and not any(file.parent.iterdir()):
                file.parent.rmdir()


def slug(cluster: int, name: str, width: int = 2) -> str:
    """Return a file name for a cluster: its number, and the letters and digits of its name; never a path.

    Args:
        cluster: its id, -1 for noise
        name: its name, untrusted text
        width (2): digits of the number
    """
    words = "".join(c if c.isalnum() else " " for c in name).split()
    short = "_".join(words)[:_MAX_SLUG].strip("_")
    number = "noise" if cluster < 0 else f"{cluster:0{width}d}"
    return number if not short or short.lower() in (number, f"cluster_{number}") else f"{number}_{short}"
