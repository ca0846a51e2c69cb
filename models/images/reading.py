"""Image files to RGB, from any kind of file: color modes, bit depths, orientation, animation, damage.

The range of values of more than 8 bits, and what lies behind transparency, is decided for a set of images, see
``rendering.py``; for a single image the range is guessed, and white lies behind it, as on a page. Orientation recorded
by the camera (EXIF) is applied. Of an animation the first frame counts.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .rendering import Rendering
from .values import INTEGERS, guessed, in_range, is_deep_color, kind_of, values_of

MISSING = "missing file"
UNREADABLE = "unreadable image"
TRUNCATED = "truncated image"
TOO_LARGE = "image too large"
NO_PERMISSION = "no permission to read the file"
EMPTY_BOX = "empty box"
NO_VALUES = "image without values: all of them are NaN"
# Kinds of files with a remedy, which stands in the reason because reasons are all that is shown of many failures
ADDRESS = "address instead of a file: download the images first"
HEIC = "HEIC image: install pillow-heif or convert it"
DICOM = "DICOM image: convert it to PNG"
_UNKNOWN = {".heic": HEIC, ".heif": HEIC, ".dcm": DICOM, ".dicom": DICOM}
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:/)|(.*/[A-Za-z][A-Za-z0-9+.-]+:/)")

# Decoding a JPEG at 1/2, 1/4 or 1/8 scale is only worth its loss when enough pixels remain for the resize
_DRAFT_MARGIN = 2
_TRUNCATION = ("truncated", "broken data stream", "premature", "not processed", "unexpected end")


class ImageError(ValueError):
    """An image that cannot be used; ``reason`` is a short phrase, the same for all images with that problem."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


def read_image(filepath: str, at_least: float | None = None, rendering: Rendering | None = None) -> Image.Image:
    """Decode a file into an RGB image.

    Args:
        filepath: path of an image file
        at_least: the pixels that the shorter side must keep; JPEG files at least twice as large are decoded at
            1/2, 1/4 or 1/8 scale, several times faster. None decodes at full size
        rendering (None): that of the set that the image belongs to, None for a single image

    Returns:
        a PIL image in mode ``RGB``

    Raises:
        ImageError: if the file is missing, damaged, too large or no image
    """
    with reading(filepath), Image.open(filepath) as image:
        if at_least is not None and image.format == "JPEG":
            side = max(round(at_least * _DRAFT_MARGIN), 1)
            image.draft(image.mode, (side, side))
        shown = _in_8_bits(image, rendering) if rendering and is_deep_color(image) else image
        return to_rgb(ImageOps.exif_transpose(shown), rendering)


@contextmanager
def reading(filepath: str) -> Iterator[None]:
    """Make whatever decoding and preparing a file raises that file's failure, and nobody else's.

    Decoders raise what they like on damaged files: AVIF's RuntimeError, TIFF's TypeError, DDS's NotImplementedError.

    Raises:
        ImageError: in place of any exception
    """
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(_missing(filepath), filepath) from None
    except PermissionError:
        raise ImageError(NO_PERMISSION, filepath) from None
    except UnidentifiedImageError:
        raise ImageError(_UNKNOWN.get(Path(filepath).suffix.lower(), UNREADABLE), filepath) from None
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageError(TOO_LARGE, f"{filepath}, {error}") from None
    except Exception as error:
        damaged = any(word in str(error).lower() for word in _TRUNCATION)
        raise ImageError(TRUNCATED if damaged else UNREADABLE, f"{filepath}, {error}") from None


def _missing(filepath: str) -> str:
    return ADDRESS if _ADDRESS.match(filepath) else MISSING


def side_to_keep(side: float, boxes: Sequence[list[float] | None]) -> float:
    """Return the shorter side that a file must keep so that the smallest of some boxes in it still has ``side``.

    Args:
        side: pixels
        boxes: relative ``[x, y, width, height]``, None for the whole image
    """
    sides = [length for box in boxes if box is not None for length in box[2:4] if length and length > 0]
    return side / min([1.0, *sides])


def to_rgb(image: Image.Image, rendering: Rendering | None = None) -> Image.Image:
    """Convert any PIL image to ``RGB``, as the head of this file says.

    Args:
        image: the image
        rendering (None): that of the set that it belongs to, None for a single image

    Raises:
        ImageError: if all its values are NaN
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if kind := kind_of(image):
        values = np.asarray(image)
        if values.dtype.kind == "f" and not np.isfinite(values).any():
            raise ImageError(NO_VALUES)
        known = rendering.range_of(kind) if rendering else None
        levels = in_range(values, *known) if known else guessed(values)
        return Image.fromarray(np.ascontiguousarray(levels)).convert("RGB")
    if image.has_transparency_data:
        return _opaque(image.convert("RGBA"), rendering)
    return image.convert("RGB")


def crop(image: Image.Image, box: list[float] | None) -> Image.Image:
    """Cut out the part of ``image`` inside ``box``, relative ``[x, y, width, height]``; the whole image if it is None.

    Raises:
        ImageError: if less than one pixel of the box lies inside the image, or it is not a box
    """
    if box is None:
        return image
    values = np.asarray(box, dtype=float)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise ImageError(EMPTY_BOX, f"{box}")
    x, y, w, h = values
    # truncated as FiftyOne does when it extracts patches, so that both see the same pixels
    left, right = np.clip([x * image.width, (x + w) * image.width], 0, image.width).astype(int)
    top, bottom = np.clip([y * image.height, (y + h) * image.height], 0, image.height).astype(int)
    if right <= left or bottom <= top:
        raise ImageError(EMPTY_BOX, f"{box}")
    return image.crop((left, top, right, bottom))


def _in_8_bits(image: Image.Image, rendering: Rendering) -> Image.Image:
    """Return a color image with 16 bits in the range of its set; its alpha has a range of its own."""
    known = rendering.range_of(INTEGERS)
    if known is None:
        return image
    values = values_of(image)
    levels = [in_range(values[..., :3], *known), guessed(values[..., 3:])]
    shown = Image.fromarray(np.concatenate(levels, axis=2))
    shown.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    return shown


def _opaque(image: Image.Image, rendering: Rendering | None) -> Image.Image:
    """Return an RGBA image on its background; the color beneath a transparent pixel is arbitrary."""
    if image.getchannel("A").getextrema()[0] == 255:  # opaque everywhere
        return image.convert("RGB")
    gray = rendering.background() if rendering else 255
    return Image.alpha_composite(Image.new("RGBA", image.size, (gray, gray, gray)), image).convert("RGB")
