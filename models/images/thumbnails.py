"""Thumbnails: one image, or a part of it, made small, and its encoding as JPEG or as an address with the data in it."""

import base64
import io

from PIL import Image, ImageOps

from .reading import crop, read_image, reading, side_to_keep
from .rendering import Rendering

TILE = 128
QUALITY = 80
# Up to this many pixels PNG is the smaller encoding, and exact
_TINY = 48 * 48


def thumbnail(
    filepath: str, box: list[float] | None = None, side: int = TILE, rendering: Rendering | None = None
) -> Image.Image:
    """Return an image, or a box in it, no larger than ``side`` pixels either way; small ones stay as they are.

    Args:
        filepath: path of an image file
        box (None): relative ``[x, y, width, height]``
        side (128): the longest side, in pixels
        rendering (None): that of the set that the image belongs to

    Returns:
        a PIL image in mode ``RGB``

    Raises:
        ImageError: if the file cannot be used
    """
    with reading(filepath):
        image = _read(filepath, box, side, rendering)
        image.thumbnail((side, side))
        return image


def square(filepath: str, box: list[float] | None, side: int, rendering: Rendering | None = None) -> Image.Image:
    """Return the middle of an image, or of a box in it, ``side`` pixels wide and high.

    Args:
        filepath: path of an image file
        box: relative ``[x, y, width, height]``, or None for the whole image
        side: width and height of the result, in pixels
        rendering (None): that of the set that the image belongs to

    Returns:
        a PIL image in mode ``RGB``

    Raises:
        ImageError: if the file cannot be used
    """
    with reading(filepath):
        return ImageOps.fit(_read(filepath, box, side, rendering), (side, side), Image.Resampling.BICUBIC)


def to_jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    """Encode an RGB image as a JPEG file with no metadata."""
    plain = Image.new("RGB", image.size)  # a new image: comments and profiles of the old one do not come along
    plain.paste(image)
    file = io.BytesIO()
    plain.save(file, "JPEG", quality=quality)
    return file.getvalue()


def data_url(image: Image.Image) -> str:
    """Return an RGB image as a ``data:`` URL, JPEG unless it is tiny, when PNG is smaller and exact."""
    if image.width * image.height > _TINY:
        return jpeg_url(to_jpeg(image))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return _url("png", file.getvalue())


def jpeg_url(jpeg: bytes) -> str:
    """Return a JPEG file as a ``data:`` URL."""
    return _url("jpeg", jpeg)


def _read(filepath: str, box: list[float] | None, side: int, rendering: Rendering | None) -> Image.Image:
    return crop(read_image(filepath, side_to_keep(side, [box]), rendering), box)


def _url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
