"""Images as they are sent to a model: small, plain JPEG files without anything the camera wrote."""

import io

from PIL import Image

from ..images.reading import crop, read_image, reading, side_to_keep
from ..images.rendering import Rendering
from ..images.thumbnails import to_jpeg

MARGIN = 0.15  # of a patch's sides, on each side: what surrounds an object helps to name it
QUALITY = 85
_SMALLEST = 224  # smaller images are enlarged to this, for a model sees little in 32 pixels


def prepare(filepath: str, box: list[float] | None, side: int, rendering: Rendering | None = None) -> bytes:
    """Return an image, or a patch with some of what surrounds it, as JPEG.

    Args:
        filepath: the image file
        box: relative ``[x, y, width, height]``, or None for the whole image
        side: pixels of the longer side, at most
        rendering (None): that of the set that the image belongs to

    Returns:
        the bytes of a JPEG file with no metadata

    Raises:
        models.images.reading.ImageError: if the file or the box cannot be used
    """
    with reading(filepath):
        image = read_image(filepath, side_to_keep(side, [box]), rendering)
        image = crop(image, None if box is None else _widened(box))
        return to_jpeg(_scaled(image, side), QUALITY)


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG in pixels; decodes nothing."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size


def _widened(box: list[float]) -> list[float]:
    if len(box) != 4:
        return box  # no box; cropping says so
    x, y, w, h = box
    return [x - MARGIN * w, y - MARGIN * h, w * (1 + 2 * MARGIN), h * (1 + 2 * MARGIN)]


def _scaled(image: Image.Image, side: int) -> Image.Image:
    longer = max(image.size)
    target = side if longer > side else min(max(longer, _SMALLEST), side)
    if target == longer:
        return image
    width, height = (max(round(length * target / longer), 1) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)
