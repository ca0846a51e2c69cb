"""Contact sheets without words: pictures cut square and laid side by side, as small JPEG files."""

import io
from concurrent.futures import ThreadPoolExecutor

from .reading import ImageError, crop, read_image

SIDE = 96
GAP = 3
QUALITY = 80
EMPTY = (127, 127, 127)  # where a picture cannot be read
_READERS = 4


def contact_sheet(pictures: list[tuple], columns: int = 3, side: int = SIDE) -> bytes:
    """One JPEG with some pictures.

    Args:
        pictures: a file and a relative box ``[x, y, width, height]`` or None for each; at most what fits is read
        columns (3): how many stand side by side
        side (96): width and height of each in pixels

    Returns:
        the bytes of a JPEG file; a picture that cannot be read is a grey square
    """
    from PIL import Image

    columns = max(min(columns, len(pictures)), 1)
    rows = max(-(-len(pictures) // columns), 1)
    step = side + GAP
    sheet = Image.new("RGB", (columns * step - GAP, rows * step - GAP), "white")
    with ThreadPoolExecutor(_READERS) as readers:  # decoding releases the interpreter's lock
        for place, tile in enumerate(readers.map(lambda one: square(*one, side), pictures)):
            sheet.paste(tile, (place % columns * step, place // columns * step))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def square(filepath: str, box, side: int = SIDE):
    """The middle of a picture or patch, ``side`` pixels wide and high; grey if it cannot be read."""
    from PIL import Image, ImageOps

    shortest = min(box[2:4], default=1) if box else 1
    try:
        picture = crop(read_image(filepath, side / shortest if shortest > 0 else None), box)
    except ImageError:
        return Image.new("RGB", (side, side), EMPTY)
    return ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC)
