"""The fully connected autoencoder of DEC: d-500-500-2000-10, trained to reconstruct its input.

When to choose it: small, centered, simple images such as digits, spectra drawn as images, or masks. On natural images
its code holds color and layout, not content; choose SimCLR there.

Paper: Xie, Girshick, Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016, section 3.2.1: ReLU
except at the code and the output, optionally pretrained layer by layer with denoising (dropout 0.2). Ours differs in
AdamW instead of SGD with a rate of 0.1, and in pixels in [0, 1].
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from .pixels import Pixels, propose_side
from .recipe import Precision, Recipe, Triple

if TYPE_CHECKING:
    import torch

    from .augmentation import Augmentation
    from .engine import Engine
    from .reconstruction import Reconstruction

Denoising = Annotated[
    float, Field(ge=0, lt=1, description="Share of each layer's inputs that is set to 0 while training; DEC uses 0.2")
]
# SimCLR's twice as large rate leaves the convolutional one at the mean image for some seeds
RATES = {"adamw": 2e-3}
# Inputs stay in [0, 1], and so do reconstructions
UNCHANGED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


class CodeRecipe(Recipe):
    """Base of the autoencoders.

    Args:
        code: length of the code
        denoising: share of each layer's inputs that is set to 0
        weight_decay: of filters and matrices
        shared: as :class:`models.training.recipe.Recipe`'s

    Attributes:
        most_side: the largest side in pixels that it proposes
    """

    loss_name = "mean squared error"
    usual_rates = RATES
    most_side = 0

    def __init__(
        self,
        code: Annotated[int, Field(ge=1, le=4096, description="Length of the code, which is the vector")] = 10,
        *,
        denoising: Denoising = 0.0,
        weight_decay: float = 0.0,
        **shared: Any,
    ):
        super().__init__(weight_decay=weight_decay, **shared)
        self.code = code
        self.denoising = denoising

    def propose_side(self, items: list[tuple]) -> int:
        """At most ``most_side`` pixels."""
        return propose_side(items, most=self.most_side)

    def constants(self, pixels: Pixels) -> tuple[Triple, Triple]:
        """None: inputs stay in [0, 1], and so do reconstructions."""
        return UNCHANGED

    def augmentation(self) -> "Augmentation":
        """A small crop: neighbors should survive that; flips and colors may be the content."""
        from .augmentation import Augmentation

        return Augmentation(crop=0.8, flip="none", color=0.0, grey=0.0)

    def inputs(self, images: "torch.Tensor", generator: "torch.Generator", batch: int, rows: slice) -> tuple:
        """The images in [0, 1]; the network corrupts them itself."""
        return images.float() / 255, None

    def objective(self, outputs: "torch.Tensor", targets: None, engine: "Engine") -> "torch.Tensor":
        """The mean squared error over the images of all processes."""
        return engine.gather(outputs).mean()

    def trivial(self, pixels: Pixels, engine: "Engine") -> float:
        """The error of the mean image."""
        from .reconstruction import mean_image_error

        return mean_image_error(pixels, 1 if pixels.grey else 3)


class Autoencoder(CodeRecipe):
    """Reconstruction through a narrow code.

    Args:
        layers: widths of the hidden layers
        layerwise_epochs: epochs in which each layer is trained alone before all are trained together
        precision: number format
        shared: as :class:`CodeRecipe`'s
    """

    kind = "autoencoder"
    title = "Autoencoder"
    when = "Learns to reconstruct; for small, centered, simple images such as digits, and for the DEC family"
    order = 20
    most_side = 64  # the first layer has a weight per pixel

    def __init__(
        self,
        layers: Annotated[
            str, Field(pattern=r"^[1-9]\d{0,4}(-[1-9]\d{0,4})*$", description="Widths of the hidden layers")
        ] = "500-500-2000",
        *,
        layerwise_epochs: Annotated[
            int, Field(ge=0, description="Epochs in which each layer is trained alone before all are trained together")
        ] = 0,
        precision: Precision = "float32",
        **shared: Any,
    ):
        super().__init__(precision=precision, **shared)
        self.layers = layers
        self.layerwise_epochs = layerwise_epochs

    def check(self, n: int, processes: int = 1) -> None:
        """As of any recipe.

        Raises:
            ValueError: if one is refused; also if layers are to be trained alone in several processes
        """
        super().check(n, processes)
        if self.layerwise_epochs and processes > 1:
            raise ValueError(
                f"layerwise_epochs={self.layerwise_epochs} needs one process, not {processes}; set it to 0, or train "
                "in one"
            )

    def seconds_per_image(self, side: int) -> float:
        """Of an epoch, on one CPU core, to the order of magnitude: 6 operations per weight, both halves."""
        widths = [3 * side**2, *(int(width) for width in self.layers.split("-")), self.code]
        return 12 * sum(wide * narrow for wide, narrow in pairwise(widths)) / 3e10

    def architecture(self, pixels: Pixels) -> dict:
        """Input and layers."""
        return {
            "image_size": pixels.array.shape[-1],
            "channels": 1 if pixels.grey else 3,
            "layers": [int(width) for width in self.layers.split("-")],
            "code": self.code,
        }

    def build(self, architecture: dict, pretrained: bool = False) -> "Reconstruction":
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

    def enter(self, network: Any, stage: str) -> None:
        """Choose the layer that is trained alone, if any."""
        network.layer = int(stage.split()[1]) - 1 if stage.startswith("layer") else None
