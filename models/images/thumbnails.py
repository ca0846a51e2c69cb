"""Thumbnails: one image, or a part of it, made small."""

import base64
import io

from .reading import crop, read_image

TILE, GAP, MARGIN, TITLE = 128, 6, 16, 44


def thumbnail(filepath: str, box: list[float] | None = None, side: int = TILE):
    """An image, or a box in it, no larger than ``side`` pixels either way; small ones stay as they are.

    Args:
        filepath: path of an image file
        box (None): relative ``[x, y, width, height]``
        side (128): the longest side, in pixels

    Returns:
        a PIL image in mode ``RGB``

    Raises:
        ImageError: if the file cannot be used
    """
    shortest = min(box[2:4], default=1) if box else 1
    image = crop(read_image(filepath, side / shortest if shortest > 0 else None), box)
    image.thumbnail((side, side))
    return image


def data_url(image, quality: int = 80) -> str:
    """An image as a ``data:`` URL, JPEG unless it is tiny, when PNG is smaller and exact."""
    tiny = image.width * image.height <= 48 * 48
    buffer = io.BytesIO()
    image.save(buffer, "PNG" if tiny else "JPEG", **({"optimize": True} if tiny else {"quality": quality}))
    kind = "png" if tiny else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
