"""Values of images with more than 8 bits, as 8-bit levels: in a range that is given, or guessed from one image.

Of color images with 16 bits Pillow keeps the higher byte. The lower one is what it takes for the higher in the other
order of bytes.
"""

import re
import sys
from typing import Any

import numpy as np
from PIL import Image

INTEGERS, FLOATS = "integers", "floats"
_DEEP_COLOR = re.compile(r"(RGBA?;16)([BLN])")
_DECODERS = ("zip", "raw", "libtiff")  # of PNG and TIFF, that take what they are told for how values are stored
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def kind_of(image: Image.Image) -> str | None:
    """Return ``integers`` or ``floats`` if an image has more than 8 bits, judged by its header; else None."""
    if image.mode.startswith("I") or is_deep_color(image):
        return INTEGERS
    return FLOATS if image.mode == "F" else None


def is_deep_color(image: Image.Image) -> bool:
    """Return whether an image is a file with 16 bits per color that is not decoded yet."""
    tiles = getattr(image, "tile", None) or []
    return bool(tiles) and all(_DEEP_COLOR.fullmatch(_raw_mode(tile)) for tile in tiles)


def values_of(image: Image.Image) -> np.ndarray:
    """Return the values of an image as its file has them, ``(height, width)`` or ``(height, width, channels)``."""
    if not is_deep_color(image):
        return np.asarray(image)
    with Image.open(image.filename) as again:  # type: ignore[attr-defined]
        again.tile = [_in_other_order(tile) for tile in again.tile]
        low = np.asarray(again)
    return np.asarray(image).astype(np.uint16) << 8 | low


def in_range(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return levels of values of which ``low`` is black and ``high`` white; NaN is black."""
    exact = np.float64 if values.dtype.kind in "iu" and values.dtype.itemsize > 2 else np.float32
    levels = np.subtract(values, low, dtype=exact)
    levels *= 255 / (high - low)
    levels = np.nan_to_num(levels, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    return np.round(np.clip(levels, 0, 255)).astype(np.uint8)


def guessed(values: np.ndarray) -> np.ndarray:
    """Return levels of the values of an image without a set; what the same file gives never changes.

    16-bit values are divided by 256, never clipped. Floats are taken as ``[0, 1]`` or ``[0, 255]`` if their range says
    so, else scaled from their minimum to their maximum.
    """
    if values.dtype.kind == "f":
        return _guessed_floats(values)
    if values.dtype.itemsize == 2 or (values.min() >= 0 and 255 < values.max() <= 65535):
        return (values.astype(np.uint16) >> 8).astype(np.uint8)
    if values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8)
    return _guessed_floats(values.astype(np.float64))


def _guessed_floats(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    values = np.where(finite, values, values[finite].min())
    low, high = values.min(), values.max()
    if low < 0 or high > 255:
        values = (values - low) * (255 / max(high - low, np.finfo(np.float32).tiny))
    elif high <= 1:
        values = values * 255
    return np.round(values).astype(np.uint8)


def _raw_mode(tile: tuple) -> str:
    """Return how a tile is stored, as its decoder is told; empty if that decoder cannot be told."""
    arguments = tile[3] if tile[0] in _DECODERS else ""
    return str(arguments[0]) if isinstance(arguments, tuple) and arguments else str(arguments)


def _in_other_order(tile: Any) -> Any:
    mode = _DEEP_COLOR.sub(lambda found: found[1] + _OTHER_ORDER[found[2]], _raw_mode(tile))
    arguments = mode if isinstance(tile[3], str) else (mode, *tile[3][1:])
    return type(tile)(*tile[:3], arguments) if hasattr(tile, "_fields") else (*tile[:3], arguments)
