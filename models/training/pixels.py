"""Images decoded once into one uint8 array, in memory or, where that would fill it, in a memory-mapped file.

Decoding a 32-pixel file costs 17 times more than a view of it; an epoch over the cache decodes nothing.
"""

import hashlib
import os
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..costs import cores
from ..images.preprocessing import Preprocessing
from ..images.reading import ImageError, crop, read_image, reading
from ..images.rendering import Rendering
from ..progress import Progress, quiet

_CHUNK = 256
# Of the free memory: the rest is for the network, and for whatever else runs here
_MEMORY_SHARE = 0.4
_READING_SHARE = 0.9  # of the time; the rest is for the digest
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
        grey: whether no image has color
        rendering: how the images became RGB, see :meth:`models.images.rendering.Rendering.as_dict`
    """

    array: np.ndarray
    ids: list[str]
    skipped: dict[str, int]
    digest: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    grey: bool
    rendering: dict = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def reasons(self) -> str:
        """The counts of the images that could not be read, in words."""
        return ", ".join(f"{count:,} {reason}" for reason, count in self.skipped.items())


def decode(
    items: Sequence[tuple[str, list[float] | None]],
    ids: Sequence[str],
    preprocessing: Preprocessing,
    folder: Path,
    num_workers: int | None = None,
    progress: Progress | None = None,
) -> Pixels:
    """Read and resize images, or boxes in them; what cannot be read is skipped and counted.

    Args:
        items: ``(filepath, relative box or None)`` pairs
        ids: one per item
        preprocessing: the resize
        folder: where the memory-mapped file goes if the images do not fit into memory
        num_workers (None): decoding threads, by default one per core
        progress (None): called with ``(fraction, message)`` after each image; it may raise to stop

    Returns:
        :class:`Pixels`

    Raises:
        ValueError: if no image can be read, all are identical, or there is no room for them
    """
    report, rendering = progress or quiet, Rendering([path for path, _ in items])
    array = _allocate((len(items), 3, *preprocessing.size), folder)
    kept: list[str] = []
    skipped: Counter[str] = Counter()
    pool = ThreadPoolExecutor(cores() if num_workers is None else max(1, num_workers))
    try:
        for start in range(0, len(items), _CHUNK):  # results of a whole data set would wait in memory
            chunk = range(start, min(start + _CHUNK, len(items)))
            results = pool.map(lambda i: _read(items[i], preprocessing, rendering), chunk)
            for position, result in zip(chunk, results, strict=True):
                if isinstance(result, str):
                    skipped[result] += 1
                else:
                    array[len(kept)] = result
                    kept.append(ids[position])
                done = position + 1
                report(_READING_SHARE * done / len(items), f"{done:,} of {len(items):,} images")
    finally:
        pool.shutdown(cancel_futures=True)  # a stop must not wait for images that nobody wants any more
    if not kept:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items())
        raise ValueError(f"none of the {len(items):,} images can be read ({reasons}); check their paths")
    rest = 1 - _READING_SHARE
    found = describe(array[: len(kept)], kept, dict(skipped), lambda share: report(1 - rest + rest * share, "digest"))
    return replace(found, rendering=rendering.as_dict())


def spread_places(n: int, most: int) -> np.ndarray:
    """Return at most ``most`` places of a list of ``n``, from all over it: its first ones may be of one kind."""
    return np.linspace(0, n - 1, min(most, n)).round().astype(int)


def propose_side(items: Sequence[tuple[str, list[float] | None]], most: int = 224) -> int:
    """The side in pixels to train at: the smallest usual one that holds the median image, from a few file headers.

    Args:
        items: ``(filepath, relative box or None)`` pairs; of a box its own size counts
        most (224): the largest side to propose

    Returns:
        the side in pixels, 32 if no file can be read
    """
    sides = []
    for path, box in (items[place] for place in spread_places(len(items), _PROBED)):
        try:
            with Image.open(path) as image:
                width, height = (1, 1) if box is None else box[2:]
                sides.append(min(width * image.width, height * image.height))
        except (OSError, ValueError, SyntaxError):
            continue
    median = float(np.median(sides)) if sides else _SIDES[0]
    return min(next((side for side in _SIDES if side >= median), most), most)


def _read(item: tuple[str, list[float] | None], preprocessing: Preprocessing, rendering: Rendering) -> np.ndarray | str:
    filepath, box = item
    least = preprocessing.resolution if box is None else None
    try:
        # a box may be a small part of its file, so the file is then read at full size
        with reading(filepath):
            return preprocessing(crop(read_image(filepath, least, rendering), box))
    except ImageError as error:
        return error.reason


def _allocate(shape: tuple, folder: Path) -> np.ndarray:
    import psutil

    needed = int(np.prod(shape, dtype=np.int64))
    # every process that a launcher started on this machine has a cache of its own
    share = _MEMORY_SHARE / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if needed <= share * psutil.virtual_memory().available:
        return np.empty(shape, np.uint8)
    path = folder / f"pixels-{uuid.uuid4().hex}.u8"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(path, "w+b") as file:
            _reserve(file, needed)
            array = np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ValueError(
            f"{shape[0]:,} images at {shape[-1]} pixels need {needed / 1e9:.1f} GB, more than memory and {folder} have "
            f"({error.strerror or error}); free space there, choose another model store with CONSTELLATION_MODEL_DIR, "
            "or a smaller image_size"
        ) from error
    # without a name the file disappears with the process, however that ends
    if os.name == "posix":
        path.unlink()
    return array


def _reserve(file: BinaryIO, size: int) -> None:
    """Take the room on the disk now: writing to a mapped page that finds no room later kills the whole process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)


def describe(
    array: np.ndarray, ids: list[str], skipped: dict[str, int], progress: Callable[[float], object] | None = None
) -> Pixels:
    """Decoded images with their digest and color statistics.

    Args:
        array: uint8 ``(n, 3, side, side)``
        ids: one per image
        skipped: counts of the images that could not be read, by reason
        progress (None): called with the share that is done; it may raise to stop

    Raises:
        ValueError: if all images are identical
    """
    sha, first = hashlib.sha256(f"{array.shape}".encode()), array[0]
    counts = np.zeros((3, 256), np.int64)  # of the values per channel
    grey = identical = True
    for start in range(0, len(array), _CHUNK):
        part = np.ascontiguousarray(array[start : start + _CHUNK])
        sha.update(part.data)
        counts += [np.bincount(part[:, channel].ravel(), minlength=256) for channel in range(3)]
        grey = grey and bool((part[:, :1] == part[:, 1:]).all())
        identical = identical and bool((part == first).all())
        if progress:
            progress((start + len(part)) / len(array))
    if identical and len(ids) > 1:
        raise ValueError(f"all {len(ids):,} images are identical; there is nothing to tell apart, use other images")
    values, share = np.arange(256) / 255, counts / array[:, 0].size
    mean = share @ values
    std = np.sqrt(np.maximum(share @ values**2 - mean**2, 1e-6))
    return Pixels(
        array, ids, skipped, sha.hexdigest(), tuple(mean.round(4).tolist()), tuple(std.round(4).tolist()), grey
    )
