"""The convolutional autoencoder of the DEC family: three strided convolutions, a linear code, the transposed mirror.

When to choose it: as the fully connected one, where position varies or images are larger than about 32 pixels.

Paper: Guo, Liu, Zhu, Yin, Deep Clustering with Convolutional Autoencoders, ICONIP 2017, section 4.1: 5 x 5, 5 x 5 and
3 x 3 filters with stride 2 and 32-64-128 channels. Ours differs in a code without ReLU, whose units would die, and in
padding that takes any image size from 8 pixels.
"""

from typing import Annotated

from pydantic import Field

from ..devices import Device
from .autoencoder import Autoencoder, Code, Denoising
from .recipe import BatchSize, ImageSize, LearningRate, MicroBatch, Optimizer, Precision, Resize, Warmup, WeightDecay

_KERNELS = (5, 5, 3)
_MOST_SIDE = 128


class ConvAutoencoder(Autoencoder):
    """Reconstruction through a narrow code with convolutions.

    Args:
        channels: of the three convolutions
        code: length of the code
        image_size: side in pixels, proposed from the images if left out
        batch_size: images per step
        denoising: share of the pixels that is set to 0
        optimizer: ``adamw``, ``sgd`` or ``lars``
        learning_rate: peak rate, by default the optimiser's usual one
        weight_decay: of filters and matrices
        warmup_epochs: epochs until the peak rate
        micro_batch: images per pass through the network
        resize: how images become square
        precision: number format
        device: where to compute
    """

    kind = "conv_autoencoder"
    title = "Convolutional autoencoder"
    when = "As the autoencoder, where position varies or images are larger than 32 pixels"

    def __init__(
        self,
        channels: Annotated[
            str, Field(pattern=r"^[1-9]\d{0,3}(-[1-9]\d{0,3}){2}$", description="Channels of the three convolutions")
        ] = "32-64-128",
        code: Code = 10,
        image_size: ImageSize = None,
        batch_size: BatchSize = 256,
        denoising: Denoising = 0.0,
        optimizer: Optimizer = "adamw",
        learning_rate: LearningRate = None,
        weight_decay: WeightDecay = 0.0,
        warmup_epochs: Warmup = 1,
        micro_batch: MicroBatch = None,
        resize: Resize = "shortest",
        precision: Precision = "auto",
        device: Device = "auto",
    ):
        super().__init__(
            code=code,
            image_size=image_size,
            batch_size=batch_size,
            denoising=denoising,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            warmup_epochs=warmup_epochs,
            micro_batch=micro_batch,
            resize=resize,
            precision=precision,
            device=device,
        )
        self.channels = channels

    def propose_side(self, items: list[tuple]) -> int:
        """At most 128 pixels."""
        from .pixels import propose_side

        return propose_side(items, most=_MOST_SIDE)

    def seconds_per_image(self, side: int) -> float:
        """Measured at 32 pixels: 2 ms on one CPU core."""
        return 0.002 * (side / 32) ** 2

    def architecture(self, pixels) -> dict:
        """Input and layers."""
        return {
            "image_size": pixels.array.shape[-1],
            "channels": 1 if pixels.grey else 3,
            "filters": [int(width) for width in self.channels.split("-")],
            "code": self.code,
        }

    def build(self, architecture: dict, pretrained: bool = False):
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
