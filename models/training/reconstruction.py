"""Common part of both autoencoders: a network that returns how badly it reconstructs each image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from .checkpoint import replacing
from .pixels import Pixels, spread_places

_SAMPLED = 5000


class Front(nn.Module):
    """``(b, 3, side, side)`` to what is reconstructed: one channel if all images are grey.

    Args:
        channels: 1 or 3
        flat: whether to flatten
    """

    def __init__(self, channels: int, flat: bool):
        super().__init__()
        self.channels, self.flat = channels, flat

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """``(b, c, side, side)``, or ``(b, c * side * side)`` if flat."""
        images = images.mean(1, keepdim=True) if self.channels == 1 else images
        return images.flatten(1) if self.flat else images


class Reconstruction(nn.Module):
    """Blocks and their mirror image; ``forward`` returns the squared error per image, ``(b,)``.

    Args:
        front: the :class:`Front`
        blocks: from the input to the code
        mirror: from the code to the input, in the order of ``blocks``: ``mirror[i]`` undoes ``blocks[i]``
        denoising: share of the inputs of a layer that are set to 0 in training
    """

    def __init__(self, front: Front, blocks: Sequence[nn.Module], mirror: Sequence[nn.Module], denoising: float):
        super().__init__()
        self.encoder = nn.Sequential(front, *blocks)
        self.decoder = nn.Sequential(*reversed(mirror))
        self.denoising = denoising
        self.layer = None  # trains one layer and its mirror alone, as DEC's pretraining does

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Errors ``(b,)`` of the images, or of the layer that is trained alone."""
        target = self.encoder[0](images)
        if self.layer is None:
            found = self.decoder(self.encoder[1:](self._corrupted(target)))
        else:
            position = self.layer + 1
            with torch.no_grad():
                target = self.encoder[1:position](target)
            hidden = self.encoder[position](self._corrupted(target))
            found = self.decoder[-position](self._corrupted(hidden))
        return (found.float() - target.float()).square().flatten(1).mean(1)

    def _corrupted(self, values: torch.Tensor) -> torch.Tensor:
        return F.dropout(values, self.denoising, self.training) if self.denoising else values


def mean_image_error(pixels: Pixels, channels: int) -> float:
    """The error of the best constant reconstruction, the mean image; pixels in [0, 1].

    Args:
        pixels: :class:`models.training.pixels.Pixels`
        channels: 1 or 3
    """
    values = np.asarray(pixels.array[spread_places(len(pixels), _SAMPLED)], np.float32) / 255
    values = values.mean(1) if channels == 1 else values
    return float(values.var(0).mean())


def save_picture(network: Reconstruction, images: torch.Tensor, path: Path) -> None:
    """Save originals above their reconstructions.

    Args:
        network: in any mode
        images: float ``(n, 3, side, side)`` in [0, 1] on the network's device
        path: an image file, which is replaced; it becomes ``(2 * side, n * side)`` pixels

    Raises:
        ValueError: if it cannot be written
    """
    training = network.training
    with torch.inference_mode():
        network.eval()
        front = network.encoder[0]
        channels, side = front.channels, images.shape[-1]
        found = network.decoder(network.encoder(images)).float().reshape(-1, channels, side, side).expand(-1, 3, -1, -1)
        original = (images.mean(1, keepdim=True) if channels == 1 else images).expand(-1, 3, -1, -1)
    network.train(training)
    rows = [row.permute(2, 0, 3, 1).reshape(side, -1, 3) for row in (original, found)]
    picture = Image.fromarray((torch.cat(rows).clamp(0, 1) * 255).round().byte().cpu().numpy())
    with replacing(path) as partial:
        picture.save(partial, path.suffix.removeprefix("."))
