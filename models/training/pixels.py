"""Images decoded once into one uint8 array, in memory or, where that would fill it, in a memory-mapped file.

Decoding a 32-pixel file costs 17 times more than a view of it; an epoch over the cache decodes nothing.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..encoders.batches import cores
from ..encoders.images import ImageError, crop, read_image
from ..encoders.preprocessing import Preprocessing

_CHUNK = 256
# Of the free memory: the rest is for the network, and for whatever else runs here
_MEMORY_SHARE = 0.4
_SIDES = (32, 48, 64, 96, 128, 160, 192, 224)
_PROBED = 64


@dataclass
class Pixels:
    """Decoded images.

    Args:
        array: uint8 ``(n, 3, side, side)``, an array or a memory map
        ids: one per image
        skipped: counts of the images that could not be read, by reason
        digest: SHA-256 of the pixels, which tells whether a run resumes on the same data
        mean: per-channel mean in [0, 1]
        std: per-channel standard deviation in [0, 1]
        grey: whether no image has colour
    """

    array: np.ndarray
    ids: list[str]
    skipped: dict[str, int]
    digest: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    grey: bool

    def __len__(self) -> int:
        return len(self.ids)


def decode(
    items: Sequence[tuple[str, list[float] | None]],
    ids: Sequence[str],
    preprocessing: Preprocessing,
    folder: Path,
    num_workers: int | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Pixels:
    """Reads and resizes images, or boxes in them; what cannot be read is skipped and counted.

    Args:
        items: ``(filepath, relative box or None)`` pairs
        ids: one per item
        preprocessing: the resize
        folder: where the memory-mapped file goes if the images do not fit into memory
        num_workers (None): decoding threads, by default one per core
        progress (None): called with ``(fraction, message)`` after each chunk; it may raise to stop

    Returns:
        :class:`Pixels`

    Raises:
        ValueError: in one sentence, if no image can be read or all are identical
    """
    array = _allocate((len(items), 3, *preprocessing.size), folder)
    kept, skipped, done = [], Counter(), 0
    with ThreadPoolExecutor(num_workers or cores()) as pool:
        for start in range(0, len(items), _CHUNK):
            chunk = range(start, min(start + _CHUNK, len(items)))
            for position, result in zip(chunk, pool.map(lambda i: _read(items[i], preprocessing), chunk), strict=True):
                if isinstance(result, str):
                    skipped[result] += 1
                else:
                    array[len(kept)] = result
                    kept.append(ids[position])
            done += len(chunk)
            if progress:
                progress(done / len(items), f"{done:,} of {len(items):,} images")
    if not kept:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items())
        raise ValueError(f"none of the {len(items):,} images can be read ({reasons}); check their paths")
    return describe(array[: len(kept)], kept, dict(skipped))


def propose_side(filepaths: Sequence[str], multiple: int = 1, most: int = 224) -> int:
    """The side in pixels to train at: the smallest usual one that holds the median image, from a few file headers.

    Args:
        filepaths: image files
        multiple (1): the side is a multiple of this
        most (224): and at most this

    Returns:
        the side in pixels, 32 if no file can be read
    """
    sides = []
    for path in filepaths[:: max(1, len(filepaths) // _PROBED)][:_PROBED]:
        try:
            with Image.open(path) as image:
                sides.append(min(image.size))
        except (OSError, ValueError, SyntaxError):
            continue
    median = float(np.median(sides)) if sides else _SIDES[0]
    side = min(next((s for s in _SIDES if s >= median), most), most)
    return max(side // multiple * multiple, multiple)


def _read(item, preprocessing) -> np.ndarray | str:
    filepath, box = item
    try:
        # a box may be a small part of its file, so the file is then read at full size
        image = crop(read_image(filepath, preprocessing.resolution if box is None else None), box)
    except ImageError as error:
        return error.reason
    return preprocessing(image)


def _allocate(shape: tuple, folder: Path) -> np.ndarray:
    import psutil

    if np.prod(shape, dtype=np.int64) <= _MEMORY_SHARE * psutil.virtual_memory().available:
        return np.empty(shape, np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"pixels-{os.getpid()}.u8"
    array = np.memmap(path, np.uint8, "w+", shape=shape)
    # without a name the file disappears with the process, however that ends
    if os.name == "posix":
        path.unlink()
    return array


def describe(array: np.ndarray, ids: list[str], skipped: dict[str, int]) -> Pixels:
    """Decoded images with their digest and colour statistics.

    Args:
        array: uint8 ``(n, 3, side, side)``
        ids: one per image
        skipped: counts of the images that could not be read, by reason

    Raises:
        ValueError: in one sentence, if all images are identical
    """
    sha, first = hashlib.sha256(f"{array.shape}".encode()), array[0]
    total, squares = np.zeros(3), np.zeros(3)
    grey = identical = True
    for start in range(0, len(array), _CHUNK):
        part = np.ascontiguousarray(array[start : start + _CHUNK])
        sha.update(part)
        values = part.astype(np.float32)
        total += values.sum((0, 2, 3), dtype=np.float64)
        squares += (values**2).sum((0, 2, 3), dtype=np.float64)
        grey = grey and bool((part[:, :1] == part[:, 1:]).all())
        identical = identical and bool((part == first).all())
    if identical and len(ids) > 1:
        raise ValueError(f"all {len(ids):,} images are identical; there is nothing to tell apart, use other images")
    count = array[:, 0].size
    mean = total / count / 255
    std = np.sqrt(np.maximum(squares / count / 255**2 - mean**2, 1e-6))
    return Pixels(
        array, ids, skipped, sha.hexdigest(), tuple(mean.round(4).tolist()), tuple(std.round(4).tolist()), grey
    )
