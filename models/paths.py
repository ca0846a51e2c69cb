"""Paths of files and folders on this machine, as people enter them."""

import os
import re
from pathlib import Path

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def local_path(path: object) -> Path:
    """Return the absolute path that was entered, ``~`` replaced.

    Args:
        path: text or a ``Path``

    Raises:
        ValueError: if it is no path, or an address such as ``s3://bucket/file``, which would become a local folder
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError(f"path={path!r} is not a path; give a file or folder on this machine")
    if _URL.match(text):
        raise ValueError(f"path={text!r} is an address; give a path on this machine, and copy the file")
    return Path(os.path.abspath(os.path.expanduser(text)))
