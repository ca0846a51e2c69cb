"""The convolutional autoencoder of the DEC family: three strided convolutions, a linear code, the transposed mirror.

When to choose it: as the fully connected one, where position varies or images are larger than about 32 pixels.

Paper: Guo, Liu, Zhu, Yin, Deep Clustering with Convolutional Autoencoders, ICONIP 2017, section 4.1: 5 x 5, 5 x 5 and
3 x 3 filters with stride 2 and 32-64-128 channels, and a linear code. Ours differs in padding that takes any image size
from 8 pixels.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from .autoencoder import CodeRecipe
from .pixels import Pixels

if TYPE_CHECKING:
    from .reconstruction import Reconstruction

_KERNELS = (5, 5, 3)


class ConvAutoencoder(CodeRecipe):
    """Reconstruction through a narrow code with convolutions.

    Args:
        channels: of the three convolutions
        shared: as :class:`models.training.autoencoder.CodeRecipe`'s
    """

    kind = "conv_autoencoder"
    title = "Convolutional autoencoder"
    when = "As the autoencoder, where position varies or images are larger than 32 pixels"
    order = 30
    most_side = 128

    def __init__(
        self,
        channels: Annotated[
            str, Field(pattern=r"^[1-9]\d{0,3}(-[1-9]\d{0,3}){2}$", description="Channels of the three convolutions")
        ] = "32-64-128",
        **shared: Any,
    ):
        super().__init__(**shared)
        self.channels = channels

    def seconds_per_image(self, side: int) -> float:
        """Measured at 32 pixels: 2 ms on one CPU core."""
        return 0.002 * (side / 32) ** 2

    def architecture(self, pixels: Pixels) -> dict:
        """Input and layers."""
        return {
            "image_size": pixels.array.shape[-1],
            "channels": 1 if pixels.grey else 3,
            "filters": [int(width) for width in self.channels.split("-")],
            "code": self.code,
        }

    def build(self, architecture: dict, pretrained: bool = False) -> "Reconstruction":
        """The convolutions, the code, and their transposed mirror image."""
        from torch import nn

        from .reconstruction import Front, Reconstruction

        channels, side = architecture["channels"], architecture["image_size"]
        widths = [channels, *architecture["filters"]]
        blocks, mirror = [], []
        for position, kernel in enumerate(_KERNELS):
            wide, narrow, half = widths[position], widths[position + 1], (side + 1) // 2
            padding = kernel // 2
            blocks.append(nn.Sequential(nn.Conv2d(wide, narrow, kernel, 2, padding), nn.ReLU()))
            # of the two sizes that a stride of 2 maps to one, the mirror must return the right one
            extra = side - ((half - 1) * 2 - 2 * padding + kernel)
            back = nn.ConvTranspose2d(narrow, wide, kernel, 2, padding, extra)
            mirror.append(back if position == 0 else nn.Sequential(back, nn.ReLU()))
            side = half
        shape, code = (widths[-1], side, side), architecture["code"]
        size = widths[-1] * side**2
        blocks.append(nn.Sequential(nn.Flatten(), nn.Linear(size, code)))
        mirror.append(nn.Sequential(nn.Linear(code, size), nn.ReLU(), nn.Unflatten(1, shape)))
        return Reconstruction(Front(channels, flat=False), blocks, mirror, self.denoising)
