"""Vectors as FiftyOne stores them: bytes, lists of numbers, arrays of one row, points of a map."""

import io
import zlib
from functools import lru_cache
from typing import Any

import numpy as np


def decode(stored: Any) -> np.ndarray | None:
    """Return a stored value as a vector ``(d,)``; None if there is none, or an empty one.

    Args:
        stored: FiftyOne's bytes, a list of numbers, an array or a GeoJSON point; arrays and lists may have further
            dimensions of size 1

    Raises:
        ValueError: if it is something else; the message says what, to follow "holds"
    """
    if isinstance(stored, dict) and stored.get("type") == "Point":
        stored = stored["coordinates"]
    if stored is None:
        return None
    array = _to_array(stored)
    if not array.size:
        return None
    if not array.ndim or array.size != max(array.shape):
        raise ValueError(f"arrays of {array.ndim} dimensions, e.g. {array.shape}; vectors have one")
    return array.reshape(-1)


def _to_array(stored: Any) -> np.ndarray:
    try:
        array = _unpack(stored) if isinstance(stored, bytes) else np.asarray(stored)
        if array.dtype == object:  # numbers and None, which is not finite
            array = np.array([np.nan if value is None else 1.0 * value for value in array.ravel()]).reshape(array.shape)
    except (ValueError, TypeError, IndexError, EOFError, zlib.error):
        raise ValueError(f"values of type {type(stored).__name__} that are no vectors") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"values of type {type(stored).__name__} that are no numbers")
    return array


def _unpack(data: bytes) -> np.ndarray:
    data = zlib.decompress(data)
    start = 10 + int.from_bytes(data[8:10], "little") if data[6] == 1 else 12 + int.from_bytes(data[8:12], "little")
    shape, fortran, dtype = _header(data[:start])
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")


@lru_cache(maxsize=64)
def _header(header: bytes) -> tuple:
    """Read a header of the .npy format; a field's vectors share it, and parsing it costs more than a vector."""
    file = io.BytesIO(header)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)
