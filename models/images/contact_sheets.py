"""Contact sheets: a page with a title, numbered tiles for a model, or squares on a card, all in rows."""

import contextlib
import io
import math
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont, features

from .reading import ImageError
from .rendering import Rendering
from .thumbnails import TILE, square, thumbnail, to_jpeg

COLUMNS = 6  # of a page with a title
SQUARE = 96  # pixels, on a card
MARGIN, TITLE = 16, 44
_GAP, _SQUARE_GAP = 6, 3
_CAPTIONED, _CAPTION, _CAPTION_QUALITY = 256, 22, 85
_INK, _PAPER, _EMPTY, _UNREADABLE = (30, 33, 38), (255, 255, 255), (236, 238, 241), (127, 127, 127)
_LONGEST_TITLE = 80
_READERS = 4

Picture = tuple[str, "list[float] | None"]  # a file path and a relative box [x, y, width, height]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class _Layout(NamedTuple):
    """Cells of equal size in rows.

    Args:
        n: how many cells there are
        columns: cells per row
        tile: width and height of the picture in a cell, in pixels
        gap: pixels between cells
        margin (0): pixels around all cells
        header (0): pixels between the upper margin and the first row
        caption (0): pixels above the picture of each cell
    """

    n: int
    columns: int
    tile: int
    gap: int
    margin: int = 0
    header: int = 0
    caption: int = 0

    def paper(self, least_width: int = 0) -> Image.Image:
        """Return an empty sheet that holds all cells."""
        rows = max(-(-self.n // self.columns), 1)
        width = 2 * self.margin + self.columns * (self.tile + self.gap) - self.gap
        height = 2 * self.margin + self.header + rows * (self.caption + self.tile + self.gap) - self.gap
        return Image.new("RGB", (max(width, least_width), height), _PAPER)

    def corner(self, place: int) -> tuple[int, int]:
        """Return the left and upper edge of a cell's picture."""
        row, column = divmod(place, self.columns)
        left = self.margin + column * (self.tile + self.gap)
        return left, self.margin + self.header + self.caption + row * (self.caption + self.tile + self.gap)

    def fill(self, sheet: Image.Image, tiles: Iterable[Image.Image | None]) -> None:
        """Paste each tile into the middle of its cell; None leaves the cell empty."""
        for place, tile in enumerate(tiles):
            if tile is not None:
                left, top = self.corner(place)
                sheet.paste(tile, (left + (self.tile - tile.width) // 2, top + (self.tile - tile.height) // 2))


def plain_sheet(
    pictures: list[Picture], columns: int = 3, side: int = SQUARE, rendering: Rendering | None = None
) -> bytes:
    """Draw some pictures, cut square, side by side without words.

    Args:
        pictures: ``(filepath, box)`` pairs, box None for a whole image
        columns (3): pictures per row, at most; few pictures have as many rows as columns
        side (96): width and height of each, in pixels
        rendering (None): that of the set that they belong to

    Returns:
        the bytes of a JPEG file; a picture that cannot be read is a gray square
    """

    def read(picture: Picture) -> Image.Image:
        try:
            return square(*picture, side, rendering)
        except ImageError:
            return Image.new("RGB", (side, side), _UNREADABLE)

    layout = _Layout(len(pictures), max(min(columns, math.ceil(math.sqrt(len(pictures)))), 1), side, _SQUARE_GAP)
    sheet = layout.paper()
    with ThreadPoolExecutor(_READERS) as readers:  # decoding releases the interpreter's lock
        layout.fill(sheet, readers.map(read, pictures))
    return to_jpeg(sheet)


def captioned_sheet(pictures: list[bytes], captions: list[str]) -> bytes:
    """Draw some pictures as tiles, each below its caption.

    Args:
        pictures: JPEG files
        captions: a short text for each

    Returns:
        the bytes of a JPEG file
    """
    columns = max(math.ceil(math.sqrt(len(pictures))), 1)
    layout = _Layout(len(pictures), columns, _CAPTIONED, _GAP, margin=_GAP, caption=_CAPTION)
    sheet = layout.paper()
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for place, (_, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = layout.corner(place)
        draw.text((left + 2, top - _CAPTION), caption, fill="black", font=font)
    layout.fill(sheet, _opened(pictures))
    return to_jpeg(sheet, _CAPTION_QUALITY)


def titled_sheet(
    items: list[Picture], title: str, columns: int = COLUMNS, rendering: Rendering | None = None
) -> tuple[Image.Image, dict[int, str]]:
    """Draw some pictures in rows under a title.

    Args:
        items: ``(filepath, box)`` pairs, box None for a whole image
        title: one line above them
        columns (6): images per row, at most
        rendering (None): that of the set that they belong to

    Returns:
        a tuple of the PIL image and the reasons, by position, of those that could not be shown; their places stay
        empty
    """
    layout = _Layout(len(items), max(1, min(columns, len(items))), TILE, _GAP, MARGIN, TITLE)
    sheet = layout.paper(least_width=3 * TILE)
    draw, font = ImageDraw.Draw(sheet), _font(22)
    # a name from right to left must not turn the whole line round
    direction = "ltr" if features.check("raqm") else None
    shown = _fitting(title, font, sheet.width - 2 * MARGIN)
    draw.text((MARGIN, MARGIN), shown, fill=_INK, font=font, direction=direction)
    failed: dict[int, str] = {}

    def read() -> Iterator[Image.Image | None]:
        for place, (filepath, box) in enumerate(items):
            try:
                yield _grown(thumbnail(filepath, box, rendering=rendering))
            except ImageError as error:
                failed[place] = error.reason
                yield None

    for place in range(len(items)):
        left, top = layout.corner(place)
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=_EMPTY)
    layout.fill(sheet, read())
    return sheet, failed


def _opened(pictures: list[bytes]) -> Iterator[Image.Image]:
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as image:
            image.thumbnail((_CAPTIONED, _CAPTIONED))
            yield image


def _grown(image: Image.Image) -> Image.Image:
    """Enlarge an image much smaller than a tile to fill it."""
    scale = TILE / max(image.size)
    if scale < 1.5:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size)


def _font(size: int) -> Font:
    """Load the font that comes with Matplotlib, which FiftyOne needs, for its many scripts; else Pillow's own."""
    package = find_spec("matplotlib")
    for folder in (package and package.submodule_search_locations) or []:
        with contextlib.suppress(ImportError, OSError):
            return ImageFont.truetype(str(Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size)
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError):  # Pillow 10.0, or one built without FreeType: a small font of pixels
        return ImageFont.load_default()


def _fitting(title: str, font: Font, width: int) -> str:
    """Return as much of a title as fits, with ``?`` for letters that the font lacks and without its missing emoji."""
    kept = " ".join(title.split())[:_LONGEST_TITLE]
    lacking = {c for c in set(kept) if not _drawable(font, c)}
    signs = {c for c in lacking if unicodedata.category(c) in ("So", "Sk", "Cf", "Mn", "Cn")}
    shown = "".join("?" if c in lacking else c for c in kept if c not in signs)
    shown = " ".join(shown.split())
    while shown and font.getlength(shown) > width:
        shown = shown[:-2].rstrip("…") + "…" if len(shown) > 2 else ""
    return shown


def _drawable(font: Font, letter: str) -> bool:
    if letter == " " or letter.isascii():
        return True
    missing = font.getmask("\U0010fffd")
    try:
        drawn = font.getmask(letter)
    except UnicodeEncodeError:
        return False
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
