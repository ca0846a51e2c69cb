"""Preprocessing of a decoded image to the network's input, as data: the constants that an encoder records."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
INTERPOLATIONS = tuple(_FILTERS)
_MOST_WASTE = 8  # times the pixels that the crop keeps; above that only those are made
RESIZE_MODES = ("shortest", "longest", "squash")


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop or pad, and normalization constants; bit for bit what open_clip and timm do at inference.

    Args:
        size: height and width of the network's input
        mean: per-channel mean of images in ``[0, 1]``
        std: per-channel standard deviation
        interpolation: ``bicubic``, ``bilinear``, ``lanczos`` or ``nearest``
        resize_mode: ``shortest`` (shorter side fits, the rest is cropped), ``longest`` (longer side fits, the rest
            is padded) or ``squash`` (both sides fit, the aspect ratio is lost)
        crop_fraction: with ``shortest`` and ``squash``, the part of each side that the center crop keeps
        fill: padding value, 0 to 255, or one per channel

    Raises:
        ValueError: if the interpolation or the resize mode is unknown
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"
    crop_fraction: float = 1.0
    fill: int | tuple[int, int, int] = 0

    def __post_init__(self) -> None:
        if self.interpolation not in _FILTERS:
            raise ValueError(f"interpolation={self.interpolation!r} is unknown; use one of {', '.join(_FILTERS)}")
        if self.resize_mode not in RESIZE_MODES:
            raise ValueError(f"resize_mode={self.resize_mode!r} is unknown; use one of {', '.join(RESIZE_MODES)}")

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Return the network's input as pixels, uint8 ``(3, height, width)``; batches are divided by ``std`` later."""
        size = self._resized(image.width, image.height)
        kept = [_kept(full, wanted) for full, wanted in zip(size, self.size[::-1], strict=True)]
        image = self._padded(_resize(image, size, kept, _FILTERS[self.interpolation]))
        return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))

    @property
    def resolution(self) -> int:
        """The larger side, in pixels, to which an image is scaled before cropping."""
        return int(max(self.size) / self.crop_fraction)

    @classmethod
    def from_dict(cls, recorded: dict[str, Any]) -> "Preprocessing":
        """Make the preprocessing that :meth:`as_dict` has recorded."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in recorded.items()}
        return cls(**values)

    def as_dict(self) -> dict:
        """Return the values as plain JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def _resized(self, w: int, h: int) -> tuple[int, int]:
        height, width = (int(side / self.crop_fraction) for side in self.size)
        if self.resize_mode == "squash":
            return width, height
        if self.resize_mode == "shortest" and height == width:
            # torchvision's Resize(int) truncates the longer side
            return (width, int(width * h / w)) if w <= h else (int(height * w / h), height)
        scale = (max if self.resize_mode == "longest" else min)(h / height, w / width)
        return max(round(w / scale), 1), max(round(h / scale), 1)

    def _padded(self, image: Image.Image) -> Image.Image:
        height, width = self.size
        if image.size == (width, height):
            return image
        fill = self.fill if isinstance(self.fill, tuple) else (self.fill,) * 3
        canvas = Image.new("RGB", (width, height), fill)
        canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        return canvas


def _kept(full: int, wanted: int) -> tuple[int, int]:
    """Return first and last pixel of the middle ``wanted`` of ``full``, or all if there are fewer."""
    first = max(round((full - wanted) / 2), 0)
    return first, min(first + wanted, full)


def _resize(
    image: Image.Image, size: tuple[int, int], kept: list[tuple[int, int]], resample: Image.Resampling
) -> Image.Image:
    """Resize to ``size`` and crop to the part between ``kept``; of a long strip only that part is ever computed.

    Both ways the filter reaches across the edges of the part. They differ by rounding, which depends on the order that
    Pillow takes the two directions in, so that usual shapes are resized as the libraries do it.
    """
    (left, right), (top, bottom) = kept
    if size[0] * size[1] > _MOST_WASTE * (right - left) * (bottom - top):
        x, y = (length / full for length, full in zip(image.size, size, strict=True))
        return image.resize((right - left, bottom - top), resample, (left * x, top * y, right * x, bottom * y))
    whole = image.resize(size, resample) if size != image.size else image
    return whole.crop((left, top, right, bottom))
