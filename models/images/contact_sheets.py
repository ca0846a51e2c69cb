"""Small pictures of images: thumbnails to embed in a page, and contact sheets with a title to print or send."""

import unicodedata

from .reading import ImageError
from .thumbnails import GAP, MARGIN, TILE, TITLE, thumbnail

COLUMNS = 6
_INK, _PAPER, _EMPTY = (30, 33, 38), (255, 255, 255), (236, 238, 241)
_LONGEST_TITLE = 80


def titled_sheet(items: list[tuple[str, list[float] | None]], title: str, columns: int = COLUMNS):
    """A picture of many, in rows under a title.

    Args:
        items: ``(filepath, box)`` pairs, box None for a whole image
        title: one line above them
        columns (6): images per row

    Returns:
        a tuple of the PIL image and the reasons, by position, of those that could not be shown; their places stay
        empty
    """
    from PIL import Image, ImageDraw, features

    columns = max(1, min(columns, len(items)))
    rows = -(-len(items) // columns)
    width = max(2 * MARGIN + columns * (TILE + GAP) - GAP, 3 * TILE)
    height = MARGIN + TITLE + rows * (TILE + GAP) - GAP + MARGIN
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = _font(22)
    # a name from right to left must not turn the whole line round
    line = {"direction": "ltr"} if features.check("raqm") else {}
    draw.text((MARGIN, MARGIN), _fitting(title, font, width - 2 * MARGIN), fill=_INK, font=font, **line)
    failed = {}
    for place, (filepath, box) in enumerate(items):
        left = MARGIN + place % columns * (TILE + GAP)
        top = MARGIN + TITLE + place // columns * (TILE + GAP)
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=_EMPTY)
        try:
            image = _grown(thumbnail(filepath, box))
        except ImageError as error:
            failed[place] = error.reason
            continue
        sheet.paste(image, (left + (TILE - image.width) // 2, top + (TILE - image.height) // 2))
    return sheet, failed


def _grown(image):
    """Images much smaller than a tile, enlarged to fill it."""
    scale = TILE / max(image.size)
    if scale < 1.5:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size)


def _font(size: int):
    """The font that comes with Matplotlib, which FiftyOne needs, for its many scripts; else Pillow's own."""
    from importlib.util import find_spec
    from pathlib import Path

    from PIL import ImageFont

    try:
        folder = Path(find_spec("matplotlib").submodule_search_locations[0])
        return ImageFont.truetype(str(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size)
    except (AttributeError, ImportError, OSError):
        pass
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError):  # Pillow 10.0, or one built without FreeType: a small font of pixels
        return ImageFont.load_default()


def _fitting(title: str, font, width: int) -> str:
    """As much of a title as fits, with ``?`` for the letters that the font lacks and without its missing emoji."""
    kept = " ".join(title.split())[:_LONGEST_TITLE]
    lacking = {c for c in set(kept) if not _drawable(font, c)}
    signs = {c for c in lacking if unicodedata.category(c) in ("So", "Sk", "Cf", "Mn", "Cn")}
    shown = "".join("?" if c in lacking else c for c in kept if c not in signs)
    shown = " ".join(shown.split())
    while shown and font.getlength(shown) > width:
        shown = shown[:-2].rstrip("…") + "…" if len(shown) > 2 else ""
    return shown


def _drawable(font, letter: str) -> bool:
    if letter == " " or letter.isascii():
        return True
    missing = font.getmask("\U0010fffd")
    try:
        drawn = font.getmask(letter)
    except UnicodeEncodeError:
        return False
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
