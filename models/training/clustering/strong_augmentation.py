"""Strong random views: an ordinary view, some random distortions at random magnitudes, and a square cut out.

What a network is sure of in an ordinary view it should also say of a strong one: self-labeling and FixMatch learn from
the difference. As in ``augmentation.py`` everything is a batched tensor operation, all geometry one sampling.

Source: Cubuk et al., RandAugment, CVPR workshops 2020, with FixMatch's ranges (Sohn et al., NeurIPS 2020, appendix D);
DeVries and Taylor, Cutout, 2017. Ours differs in a fixed order (geometry, color, the rest), in leaving out histogram
equalization, and in color operations only where views may have color jitter: where color is the signal, so it is here.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..augmentation import GREY, Augmentation, Draw

_GEOMETRY = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
_COLOR = ("brightness", "contrast", "saturation")
_PIXELS = ("autocontrast", "posterize", "solarize", "sharpness")
_DEGREES, _SHIFT = 30.0, 0.3


@dataclass(frozen=True)
class StrongAugmentation:
    """Strengths of the differences between strong views.

    Args:
        ordinary: the :class:`models.training.augmentation.Augmentation` they start from
        operations (4): distortions per view, drawn with replacement
        strength (1.0): multiplies their ranges; 0 leaves only the square
        cutout (0.5): side of the square, as a share of the image's; 0 cuts nothing
        colored (None): whether colors change, by default where those of the ordinary views do
    """

    ordinary: Augmentation
    operations: int = 4
    strength: float = 1.0
    cutout: float = 0.5
    colored: bool | None = None

    def draw(self, n: int, generator: torch.Generator) -> "StrongDraw":
        """Random parameters for ``n`` views, on the CPU, so that a seed means the same on every device."""
        view = self.ordinary.draw(n, generator)
        colored = self.ordinary.color > 0 if self.colored is None else self.colored
        names = _GEOMETRY + ((*_COLOR, *_PIXELS) if colored else ())
        chosen = torch.randint(len(names), (n, self.operations), generator=generator)
        size = self.strength * (2 * torch.rand(n, self.operations, generator=generator) - 1)
        corner = torch.rand(n, 2, generator=generator)
        geometry, colors, pixels = view.geometry, view.colors, torch.zeros(n, len(_PIXELS))
        for step in range(self.operations):
            sizes = {name: torch.where(chosen[:, step] == i, size[:, step], 0.0) for i, name in enumerate(names)}
            geometry = _moved(geometry, sizes)
            if colored:
                colors = _colored(colors, sizes)
                drawn = [(sizes[name] != 0) * sizes[name].abs() for name in _PIXELS]
                pixels = torch.maximum(pixels, torch.stack(drawn, 1))
        return StrongDraw(Draw(geometry, colors, view.blur), pixels, corner, self.cutout)


@dataclass(frozen=True)
class StrongDraw:
    """Random parameters of ``n`` strong views; slices select views.

    Args:
        view: geometry and color
        pixels: ``(n, 4)`` magnitudes in [0, 1] of what is done to pixels one by one, 0 for not at all
        corner: ``(n, 2)`` center of the square, in [0, 1]
        cutout: side of the square as a share of the image's
    """

    view: Draw
    pixels: torch.Tensor
    corner: torch.Tensor
    cutout: float

    def __getitem__(self, rows: slice | torch.Tensor) -> "StrongDraw":
        return StrongDraw(self.view[rows], self.pixels[rows], self.corner[rows], self.cutout)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """The views of uint8 ``(n, 3, side, side)``, float32 in [0, 1]."""
        views = self.view(images)
        magnitudes = self.pixels.to(views.device)
        for column, change in enumerate((_autocontrast, _posterize, _solarize, _sharpen)):
            rows = torch.nonzero(magnitudes[:, column]).flatten()
            if len(rows):
                views[rows] = change(views[rows], magnitudes[rows, column].view(-1, 1, 1, 1))
        return self._cut(views.clamp(0, 1))

    def _cut(self, views: torch.Tensor) -> torch.Tensor:
        """Fill the square with the mean color of the view."""
        if not self.cutout:
            return views
        side = views.shape[-1]
        place = (torch.arange(side, device=views.device) + 0.5) / side
        near = [(place - self.corner[:, [axis]].to(views.device)).abs() < self.cutout / 2 for axis in (0, 1)]
        inside = near[0][:, None, :, None] & near[1][:, None, None, :]
        return torch.where(inside, views.mean((2, 3), keepdim=True), views)


def _moved(geometry: torch.Tensor, sizes: dict[str, torch.Tensor]) -> torch.Tensor:
    """``(n, 2, 3)`` matrices with another affine distortion after them; all but one of ``sizes`` are 0 for a view."""
    angle = sizes["rotate"] * math.radians(_DEGREES)
    cos, sin = torch.cos(angle), torch.sin(angle)
    last = torch.zeros(len(geometry), 3, 3)
    last[:, 0] = torch.stack([cos, _SHIFT * sizes["shear_x"] - sin, 2 * _SHIFT * sizes["translate_x"]], 1)
    last[:, 1] = torch.stack([_SHIFT * sizes["shear_y"] + sin, cos, 2 * _SHIFT * sizes["translate_y"]], 1)
    last[:, 2, 2] = 1
    return geometry @ last


def _colored(colors: torch.Tensor, sizes: dict[str, torch.Tensor]) -> torch.Tensor:
    """``(n, 3, 4)`` matrices with another brightness, contrast or saturation after them; see ``Augmentation``."""
    factors = [(1 + 0.9 * sizes[name]).view(-1, 1, 1) for name in _COLOR]
    brightness, contrast, saturation = factors
    grey = torch.tensor(GREY).expand(3, 3)
    colors = (saturation * torch.eye(3) + (1 - saturation) * grey) @ (brightness * contrast * colors)
    mean = torch.zeros(1, 3, 4)
    mean[..., 3] = 1
    return colors + (1 - contrast) * mean


def _autocontrast(views: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    low, high = views.amin((2, 3), keepdim=True), views.amax((2, 3), keepdim=True)
    return torch.where(high > low, (views - low) / (high - low).clamp(min=1e-6), views)


def _posterize(views: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    levels = 2 ** (8 - (4 * magnitude).round())
    return (views * (levels - 1)).round() / (levels - 1)


def _solarize(views: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    return torch.where(views > 1 - magnitude, 1 - views, views)


def _sharpen(views: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    return views + magnitude * (views - F.avg_pool2d(views, 3, 1, 1, count_include_pad=False))
