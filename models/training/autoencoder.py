"""The fully connected autoencoder of DEC: d-500-500-2000-10, trained to reconstruct its input.

When to choose it: small, centred, simple images such as digits, spectra drawn as images, or masks. On natural images
its code holds colour and layout, not content; choose SimCLR there.

Paper: Xie, Girshick, Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016, section 3.2.1: ReLU
except at the code and the output, optionally pretrained layer by layer with denoising (dropout 0.2). Ours differs in
AdamW instead of SGD with a rate of 0.1, and in pixels in [0, 1].
"""

from itertools import pairwise
from typing import Annotated

from pydantic import Field

from ..devices import Device
from .recipe import (
    BatchSize,
    ImageSize,
    LearningRate,
    MicroBatch,
    Optimizer,
    Precision,
    Recipe,
    Resize,
    Warmup,
    WeightDecay,
)

Code = Annotated[int, Field(ge=1, le=4096, description="Length of the code, which is the vector")]
Denoising = Annotated[
    float, Field(ge=0, lt=1, description="Share of each layer's inputs that is set to 0 while training; DEC uses 0.2")
]
# Neighbours should survive a small crop; flips and colours may be the content
_SHIFT = {"crop": 0.8, "flip": "none", "color": 0.0, "grey": 0.0}
_MOST_SIDE = 64
# SimCLR's twice as large rate leaves the convolutional one at the mean image for some seeds
RATES = {"adamw": 2e-3}


class Autoencoder(Recipe):
    """Reconstruction through a narrow code.

    Args:
        layers: widths of the hidden layers
        code: length of the code
        image_size: side in pixels, proposed from the images if left out
        batch_size: images per step
        denoising: share of each layer's inputs that is set to 0
        layerwise_epochs: epochs in which each layer is trained alone before all are trained together
        optimizer: ``adamw``, ``sgd`` or ``lars``
        learning_rate: peak rate, by default the optimiser's usual one
        weight_decay: of matrices
        warmup_epochs: epochs until the peak rate
        micro_batch: images per pass through the network
        resize: how images become square
        precision: number format
        device: where to compute
    """

    kind = "autoencoder"
    title = "Autoencoder"
    when = "Learns to reconstruct; for small, centred, simple images such as digits, and for the DEC family"
    loss_name = "mean squared error"
    usual_rates = RATES

    def __init__(
        self,
        layers: Annotated[
            str, Field(pattern=r"^[1-9]\d{0,4}(-[1-9]\d{0,4})*$", description="Widths of the hidden layers")
        ] = "500-500-2000",
        code: Code = 10,
        image_size: ImageSize = None,
        batch_size: BatchSize = 256,
        denoising: Denoising = 0.0,
        layerwise_epochs: Annotated[
            int, Field(ge=0, description="Epochs in which each layer is trained alone before all are trained together")
        ] = 0,
        optimizer: Optimizer = "adamw",
        learning_rate: LearningRate = None,
        weight_decay: WeightDecay = 0.0,
        warmup_epochs: Warmup = 1,
        micro_batch: MicroBatch = None,
        resize: Resize = "shortest",
        precision: Precision = "float32",
        device: Device = "auto",
    ):
        self.layers = layers
        self.code = code
        self.image_size = image_size
        self.batch_size = batch_size
        self.denoising = denoising
        self.layerwise_epochs = layerwise_epochs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.micro_batch = micro_batch
        self.resize = resize
        self.precision = precision
        self.device = device

    def check(self, n: int, processes: int = 1):
        """As of any recipe.

        Raises:
            ValueError: in one sentence; also if layers are to be trained alone in several processes
        """
        super().check(n, processes)
        if self.layerwise_epochs and processes > 1:
            raise ValueError(
                f"layerwise_epochs={self.layerwise_epochs} needs one process, not {processes}; set it to 0, or train "
                "in one"
            )

    def propose_side(self, items: list[tuple]) -> int:
        """At most 64 pixels: the first layer has a weight per pixel."""
        from .pixels import propose_side

        return propose_side(items, most=_MOST_SIDE)

    def seconds_per_image(self, side: int) -> float:
        """Of an epoch, on one CPU core, to the order of magnitude: 6 operations per weight, both halves."""
        widths = [3 * side**2, *(int(width) for width in self.layers.split("-")), self.code]
        return 12 * sum(wide * narrow for wide, narrow in pairwise(widths)) / 3e10

    def constants(self, pixels) -> tuple[tuple, tuple]:
        """None: inputs stay in [0, 1], and so do reconstructions."""
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def architecture(self, pixels) -> dict:
        """Input and layers."""
        return {
            "image_size": pixels.array.shape[-1],
            "channels": 1 if pixels.grey else 3,
            "layers": [int(width) for width in self.layers.split("-")],
            "code": self.code,
        }

    def build(self, architecture: dict, pretrained: bool = False):
        """The layers and their mirror image."""
        from torch import nn

        from .reconstruction import Front, Reconstruction

        channels, side = architecture["channels"], architecture["image_size"]
        widths = [channels * side**2, *architecture["layers"], architecture["code"]]
        blocks, mirror = [], []
        for position, (wide, narrow) in enumerate(pairwise(widths)):
            last = position == len(widths) - 2
            blocks.append(nn.Linear(wide, narrow) if last else nn.Sequential(nn.Linear(wide, narrow), nn.ReLU()))
            back = nn.Linear(narrow, wide)
            mirror.append(back if position == 0 else nn.Sequential(back, nn.ReLU()))
        return Reconstruction(Front(channels, flat=True), blocks, mirror, self.denoising)

    def stages(self, epochs: int) -> list[str]:
        """Layer by layer, then all together for ``epochs``."""
        layers = len(self.layers.split("-")) + 1 if self.layerwise_epochs else 0
        alone = [f"layer {layer + 1}" for layer in range(layers) for _ in range(self.layerwise_epochs)]
        return alone + [self.kind] * epochs

    def enter(self, network, stage: str):
        """Chooses the layer that is trained alone, if any."""
        network.layer = int(stage.split()[1]) - 1 if stage.startswith("layer") else None

    def augmentation(self):
        """A small crop."""
        from .augmentation import Augmentation

        return Augmentation(**_SHIFT)

    def inputs(self, images, generator, batch: int, rows: slice) -> tuple:
        """The images in [0, 1]; the network corrupts them itself."""
        return images.float() / 255, None

    def objective(self, outputs, targets, engine):
        """The mean squared error over the images of all processes."""
        return engine.gather(outputs).mean()

    def trivial(self, pixels, engine) -> float:
        """The error of the mean image."""
        from .reconstruction import mean_image_error

        return mean_image_error(pixels, 1 if pixels.grey else 3)
