"""Rendering of a set of images: what is black and white in all of them, and what lies behind transparency.

What is decided image by image makes images look alike, or different, that are not. So both are decided once for a set
of images, from a sample of its files, and kept with what was made of them. Nothing is decided before an image needs it:
ordinary sets, of opaque images with 8 bits, are never read twice.

* Values of more than 8 bits: the percentiles 0.5 and 99.5 of the set are black and white, as nnU-Net has it (Isensee et
  al. 2021), apart for integers and floats, which are seldom of one unit.
* Transparency: white lies behind it, as on a page, unless more images of the set can be seen on black or on gray.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from ..parameters import SEED
from .values import FLOATS, INTEGERS, kind_of, values_of

BACKGROUND = "background"
WHITE, BLACK, GRAY = 255, 0, 128
_BACKGROUNDS = (WHITE, BLACK, GRAY)  # in this order where as many images can be seen
_VISIBLE = 32  # mean difference from the background, of 255, from which on an image can be seen
_CLIPPED = 0.5  # percent of the values at either end
_FILES, _HEADERS = 200, 5000  # that are read and opened at most, if there is one to judge by among them
_PIXELS = 4096  # of each file
_CHUNK, _READERS = 32, 4


class Rendering:
    """Rule by which the images of a set become RGB; safe to use from several threads.

    Args:
        paths (()): the files of the set, or a function that returns them, called if something is to be decided
        decided (None): what was decided before, as :meth:`as_dict` returned it
    """

    def __init__(self, paths: Iterable[str] | Callable[[], Iterable[str]] = (), decided: dict | None = None) -> None:
        self._paths = paths
        self._decided: dict = dict(decided or {})
        self._lock = threading.Lock()

    def as_dict(self) -> dict:
        """Return what was decided, plain JSON: ``[low, high]`` of integers and floats, and the background's gray."""
        # of a copy, for another thread may decide just now
        return {key: value for key, value in dict(self._decided).items() if value is not None}

    def range_of(self, kind: str) -> tuple[float, float] | None:
        """Return the values that are black and white, None if no file of the set says.

        Args:
            kind: ``integers`` or ``floats``
        """
        return self._decide(kind, lambda: _range(self._sample(lambda image: _values(image, kind))))

    def background(self) -> int:
        """Return the gray behind transparency, 0 to 255."""
        found = self._decide(BACKGROUND, lambda: _background(self._sample(_contrasts)))
        return WHITE if found is None else found

    def notes(self) -> list[str]:
        """Return what was decided and is not what a page would show, for people."""
        known = self.as_dict()
        ends = {kind: known[kind] for kind in (INTEGERS, FLOATS) if kind in known}
        ranges = " and ".join(f"{kind} from {low:g} to {high:g}" for kind, (low, high) in ends.items())
        found = [f"images of more than 8 bits are shown in one range, {ranges}"] if ranges else []
        if known.get(BACKGROUND, WHITE) != WHITE:
            name = "black" if known[BACKGROUND] == BLACK else "gray"
            found.append(f"transparent images are shown on {name}, where more of them can be seen than on white")
        return found

    def _decide(self, key: str, decide: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._decided:
                self._decided[key] = decide()
            return self._decided[key]

    def _sample(self, describe: Callable[[Image.Image], np.ndarray | None]) -> list[np.ndarray]:
        """Describe some files of the set, drawn by a seed whatever their order.

        Args:
            describe: a function of an open image that returns None if its header rules it out, and else an array, empty
                if it says nothing
        """
        paths = sorted(set(self._paths() if callable(self._paths) else self._paths))
        order = np.random.default_rng(SEED).permutation(len(paths))
        found: list[np.ndarray] = []
        n_read = 0

        def described(place: int) -> np.ndarray | None:
            try:
                with Image.open(paths[place]) as image:
                    return describe(image)
            except Exception:  # whatever a decoder raises is said when it is that file's turn
                return None

        with ThreadPoolExecutor(_READERS) as readers:
            for start in range(0, len(order), _CHUNK):
                some = [one for one in readers.map(described, order[start : start + _CHUNK]) if one is not None]
                n_read += len(some)
                found += [one for one in some if len(one)]
                if found and (n_read >= _FILES or start + _CHUNK >= _HEADERS):
                    break
        return found


def _values(image: Image.Image, kind: str) -> np.ndarray | None:
    """Return some finite values of an image of a kind."""
    if kind_of(image) != kind:
        return None
    values = values_of(image)
    values = (values[..., :3] if values.ndim == 3 else values).ravel()
    return _some(values[np.isfinite(values)]).astype(np.float64)


def _range(found: list[np.ndarray]) -> list[float] | None:
    if not found:
        return None
    values = np.concatenate(found)
    low, high = np.percentile(values, [_CLIPPED, 100 - _CLIPPED]).tolist()
    if high <= low:  # nearly all are one value, and the others are what there is to see
        low, high = float(values.min()), float(values.max())
    return [low, high if high > low else low + 1]


def _contrasts(image: Image.Image) -> np.ndarray | None:
    """Return how much an image stands out from each background, mean difference of 255 over what is not transparent."""
    if not image.has_transparency_data or image.mode[0] in "IF":
        return None
    pixels = np.asarray(image.convert("RGBA")).reshape(-1, 4)
    if pixels[:, 3].min() == 255:  # opaque everywhere
        return np.empty(0)
    pixels = _some(pixels[pixels[:, 3] > 0]).astype(np.float64)
    if not len(pixels):
        return np.empty(0)
    alpha = pixels[:, 3] / 255
    differences = [np.abs(pixels[:, :3] - gray).max(axis=1) for gray in _BACKGROUNDS]
    return np.array([(alpha * difference).sum() / alpha.sum() for difference in differences])


def _background(found: list[np.ndarray]) -> int | None:
    if not found:
        return None
    visible = (np.stack(found) >= _VISIBLE).sum(axis=0)
    return _BACKGROUNDS[int(visible.argmax())]


def _some(values: np.ndarray) -> np.ndarray:
    """Return at most so many values, at random places, for textures have a period."""
    if len(values) <= _PIXELS:
        return values
    return values[np.random.default_rng(SEED).integers(0, len(values), _PIXELS)]
