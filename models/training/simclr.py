"""SimCLR: two random views of an image should get the same vector, views of different images different ones.

When to choose it: images far from the web's photographs (microscopes, satellites, factories, scans), some thousands of
them, and time: tens of epochs at least. The augmentations say what does *not* matter, so they are the main choice:
turn flips off for digits and text, color off where color is the signal, rotation on where up means nothing.

Paper: Chen, Kornblith, Norouzi, Hinton, A Simple Framework for Contrastive Learning of Visual Representations, ICML
2020. Ours differs in crops that are at most 4:3 distorted and never empty, in augmentations with a fixed order (see
``augmentation.py``), in AdamW as the default optimizer, which needs no tuning on small data, and in a temperature of
0.2, MoCo v2's, between the paper's 0.1 on ImageNet and 0.5 on CIFAR-10: batches for a CPU have few hard negatives,
which a lower one weighs more, at the price of images of one class that are pushed apart more than at 0.5. Features are
the backbone's, before the projector.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from .pixels import Pixels
from .recipe import Triple
from .views import Backbone, ViewsRecipe

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .augmentation import Augmentation
    from .engine import Engine


class SimCLR(ViewsRecipe):
    """Contrastive training.

    Args:
        backbone: the network that makes the features
        image_size: side in pixels, proposed from the images if left out
        batch_size: images per step; each has ``2 * batch_size - 2`` negatives
        blur: share of views that are blurred
        blur_sigma: widest blur in pixels of the view
        projection: length of the vectors that the loss compares
        hidden: width of the projector
        warmup_epochs: epochs until the peak rate
        shared: as :class:`models.training.views.ViewsRecipe`'s
    """

    kind = "simclr"
    title = "SimCLR"
    when = "Learns what stays the same under crops, flips and color changes; for any kind of image"
    order = 10
    loss_name = "NT-Xent"

    def __init__(
        self,
        backbone: Backbone = "small",
        image_size: int | None = None,
        batch_size: int = 256,
        *,
        blur: Annotated[float, Field(ge=0, le=1, description="Share of views that are blurred")] = 0.0,
        blur_sigma: Annotated[
            float | None,
            Field(gt=0, le=20, description="Widest blur in pixels; left out, 2 at 224 pixels and at least 1"),
        ] = None,
        projection: Annotated[
            int, Field(ge=8, le=2048, description="Length of the vectors that the loss compares")
        ] = 128,
        hidden: Annotated[int, Field(ge=8, le=8192, description="Width of the projector's hidden layer")] = 256,
        warmup_epochs: int = 5,
        **shared: Any,
    ):
        super().__init__(
            backbone=backbone, image_size=image_size, batch_size=batch_size, warmup_epochs=warmup_epochs, **shared
        )
        self.blur = blur
        self.blur_sigma = blur_sigma
        self.projection = projection
        self.hidden = hidden

    def check_side(self, side: int) -> None:
        """Build the backbone for nothing: whether a model of timm exists and takes a size is not known otherwise.

        Raises:
            ValueError: see :func:`models.training.backbones.build_backbone`
        """
        from .backbones import build_backbone

        build_backbone(self._backbone(side), self.pretrained)

    def constants(self, pixels: Pixels) -> tuple[Triple, Triple]:
        """Those of the images, or those that published weights were trained with."""
        from .backbones import pretrained_constants

        known = pretrained_constants(self._backbone(pixels.array.shape[-1])) if self.pretrained else None
        return known or super().constants(pixels)

    def _backbone(self, side: int) -> dict:
        return {"backbone": self.backbone, "timm_model": self.timm_model, "image_size": side}

    def architecture(self, pixels: Pixels) -> dict:
        """Backbone, input size and projector."""
        backbone = self._backbone(pixels.array.shape[-1])
        return {**backbone, "hidden": self.hidden, "projection": self.projection}

    def build(self, architecture: dict, pretrained: bool = False) -> Any:
        """Backbone and projector, an MLP with batch normalization.

        Raises:
            ValueError: see :func:`models.training.backbones.build_backbone`
        """
        from torch import nn

        from .backbones import build_backbone, features_of

        encoder = build_backbone(architecture, pretrained)
        width = features_of(encoder, architecture["image_size"])
        projector = build_projector(width, architecture["hidden"], architecture["projection"])
        return nn.Sequential(OrderedDict(encoder=encoder, projector=projector))

    def augmentation(self) -> "Augmentation":
        """One random view, which may be blurred."""
        from .augmentation import Augmentation

        return Augmentation(self.crop, self.flip, self.color, self.grey, self.blur, self.rotation, self.blur_sigma)

    def objective(self, outputs: "torch.Tensor", targets: None, engine: "Engine") -> "torch.Tensor":
        """NT-Xent over the views of all processes."""
        from .nt_xent import nt_xent

        first, second = outputs.chunk(2)
        return nt_xent(engine.gather(first), engine.gather(second), self.temperature)

    def verdict(self, loss: float, trivial: float, spread: float) -> str | None:
        """See :func:`models.training.diagnostics.verdict`."""
        from .diagnostics import verdict

        return verdict(loss, trivial, spread, contrastive=True)

    def trivial(self, pixels: Pixels, engine: "Engine") -> float:
        """``ln(2b - 1)``."""
        from .nt_xent import trivial_loss

        return trivial_loss(self.batch_size)


def build_projector(width: int, hidden: int, projection: int) -> "nn.Sequential":
    """The layers between features ``(b, width)`` and what the loss compares, ``(b, projection)``."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(width, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, projection),
    )
