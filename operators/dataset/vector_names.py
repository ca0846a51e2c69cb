"""Names of vectors: of fields, or of what lies outside the samples, which a field is never called."""

import os

BRAIN = "brain:"
# With so few dimensions vectors are coordinates more often than directions, and their length means something
COORDINATES = 16


def is_file(name: str) -> bool:
    """Return whether vectors of this name are in a file or folder: it is an absolute path."""
    return os.path.isabs(name)


def is_brain(name: str) -> bool:
    """Return whether vectors of this name are in the results of a Brain run: ``brain:<key>``."""
    return name.startswith(BRAIN)


def is_outside(name: str) -> bool:
    """Return whether vectors of this name are in no field."""
    return is_file(name) or is_brain(name)


def plain(name: str) -> str:
    """Return a name of which other names can be made: of a file or folder its own without the folders before it."""
    if not is_outside(name):
        return name
    stem = os.path.splitext(os.path.basename(name.removeprefix(BRAIN)))[0]
    return "".join(letter if letter.isalnum() else "_" for letter in stem).strip("_") or "vectors"
