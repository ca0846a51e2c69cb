"""Which images speak for a cluster, and what is sent of them: small, plain JPEG without anything the camera wrote."""

import io
import math

import numpy as np

from ..images.reading import crop, read_image

MARGIN = 0.15  # of a patch's sides, on each side: what surrounds an object helps to name it
QUALITY = 85
_SMALLEST = 224  # smaller images are enlarged to this, for a model sees little in 32 pixels
_NEAR_COPY = 0.2  # of the median distance between members
_TYPICAL = 0.9  # the share of members, nearest first, from which the varied half is taken
_TILE, _CAPTION, _GAP = 256, 22, 6


def choose(X, n: int, first=0) -> list[int]:
    """Images that show what a cluster is and how it varies.

    The first half are taken in the order given, most typical first; the others farthest-first (Gonzalez 1985) among
    the 90 % nearest to the center. Near-duplicates, closer than a fifth of the median distance between members, are
    left out while there are others.

    Args:
        X: ``(m, d)`` vectors of the members
        n: how many to choose
        first (0): how many rows, from the top, are known as typical and lead in this order

    Returns:
        at most ``n`` row numbers
    """
    X = np.asarray(X, dtype=np.float32)
    n = min(n, len(X))
    distance = np.linalg.norm(X - X.mean(axis=0), axis=1)
    ranked = np.argsort(distance[first:], kind="stable") + first
    order = [*range(first), *ranked.tolist()]
    near = _NEAR_COPY * _median_distance(X)
    chosen, copies = [], []
    gap = np.full(len(X), np.inf, dtype=np.float32)
    for row in order:
        if len(chosen) == math.ceil(n / 2):
            break
        _take(X, row, chosen, gap) if gap[row] > near else copies.append(row)
    typical = set(np.argsort(distance, kind="stable")[: math.ceil(_TYPICAL * len(X))].tolist())
    while len(chosen) < n:
        open_rows = [row for row in typical if gap[row] > near and row not in chosen]
        if not open_rows:
            break
        _take(X, max(open_rows, key=lambda row: (gap[row], -row)), chosen, gap)
    rest = [row for row in [*order, *copies] if row not in chosen]
    distinct = sorted(rest, key=lambda row: bool(gap[row] <= near))  # stable: distinct ones keep their order
    return (chosen + list(dict.fromkeys(distinct)))[:n]


def _take(X, row, chosen, gap):
    chosen.append(row)
    np.minimum(gap, np.linalg.norm(X - X[row], axis=1), out=gap)


def _median_distance(X):
    if len(X) < 2:
        return 0.0
    rows = np.linspace(0, len(X) - 1, min(len(X), 64)).astype(int)
    between = np.linalg.norm(X[rows][:, None] - X[rows][None], axis=2)
    return float(np.median(between[np.triu_indices(len(rows), 1)]))


def prepare(filepath: str, box: list[float] | None, side: int) -> bytes:
    """An image, or a patch with some of what surrounds it, as JPEG.

    Args:
        filepath: the image file
        box: relative ``[x, y, width, height]``, or None for the whole image
        side: pixels of the longer side, at most

    Returns:
        the bytes of a JPEG file with no metadata

    Raises:
        models.encoders.images.ImageError: if the file or the box cannot be used
    """
    image = crop(read_image(filepath, _needed(box, side)), None if box is None else _widened(box))
    return _jpeg(_scaled(image, side))


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a JPEG in pixels; decodes nothing."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size


def contact_sheet(pictures: list[bytes], captions: list[str]) -> bytes:
    """One JPEG with all pictures as captioned tiles.

    Args:
        pictures: JPEG files
        captions: a short text for each

    Returns:
        the bytes of a JPEG file
    """
    from PIL import Image, ImageDraw, ImageFont

    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    step = (_TILE + _GAP, _TILE + _CAPTION + _GAP)
    sheet = Image.new("RGB", (columns * step[0] + _GAP, rows * step[1] + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = _GAP + place % columns * step[0], _GAP + place // columns * step[1]
        draw.text((x + 2, y), caption, fill="black", font=font)
        with Image.open(io.BytesIO(picture)) as tile:
            tile.thumbnail((_TILE, _TILE))
            sheet.paste(tile, (x + (_TILE - tile.width) // 2, y + _CAPTION + (_TILE - tile.height) // 2))
    return _jpeg(sheet)


def _needed(box, side):
    """The shorter side that the file must keep so that the crop still has ``side`` pixels."""
    sides = [length for length in (box or [])[2:4] if length and length > 0]
    return side / min([1.0, *sides])


def _widened(box):
    if len(box) != 4:
        return box  # no box; cropping says so
    x, y, w, h = box
    return [x - MARGIN * w, y - MARGIN * h, w * (1 + 2 * MARGIN), h * (1 + 2 * MARGIN)]


def _scaled(image, side):
    from PIL import Image

    longer = max(image.size)
    target = side if longer > side else min(max(longer, _SMALLEST), side)
    if target == longer:
        return image
    size = [max(round(length * target / longer), 1) for length in image.size]
    return image.resize(size, Image.Resampling.BICUBIC)


def _jpeg(image) -> bytes:
    from PIL import Image

    plain = Image.new("RGB", image.size)  # a new image: comments and profiles of the old one do not come along
    plain.paste(image)
    file = io.BytesIO()
    plain.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
