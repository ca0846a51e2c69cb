"""SimCLR: two random views of an image should get the same vector, views of different images different ones.

When to choose it: images far from the web's photographs (microscopes, satellites, factories, scans), some thousands of
them, and time: tens of epochs at least. The augmentations say what does *not* matter, so they are the main choice:
turn flips off for digits and text, colour off where colour is the signal, rotation on where up means nothing.

Paper: Chen, Kornblith, Norouzi, Hinton, A Simple Framework for Contrastive Learning of Visual Representations, ICML
2020. Ours differs in crops that are at most 4:3 distorted and never empty, in augmentations with a fixed order (see
``augmentation.py``), and in AdamW as the default optimiser, which needs no tuning on small data. Features are the
backbone's, before the projector.
"""

from typing import Annotated

from pydantic import Field

from ..devices import Device
from ..parameters import parameters
from .recipe import (
    Backbone,
    BatchSize,
    Color,
    Crop,
    Flip,
    Grey,
    ImageSize,
    LearningRate,
    MicroBatch,
    Optimizer,
    Precision,
    Pretrained,
    Recipe,
    Resize,
    Rotation,
    Temperature,
    TimmModel,
    Warmup,
    WeightDecay,
)

_LARGE_IMAGE = 64


class SimCLR(Recipe):
    """Contrastive training.

    Args:
        backbone: the network that makes the features
        image_size: side in pixels, proposed from the images if left out
        batch_size: images per step; each has ``2 * batch_size - 2`` negatives
        flip: which mirror images count as the same
        crop: smallest share of the area that a crop keeps
        color: strength of brightness, contrast, saturation and hue jitter
        grey: share of views without colour
        blur: share of views that are blurred
        rotation: largest angle in degrees
        blur_sigma: widest blur in pixels of the view
        temperature: of the loss
        projection: length of the vectors that the loss compares
        hidden: width of the projector
        timm_model: the model's name if the backbone is ``timm``
        pretrained: start from published weights
        optimizer: ``adamw``, ``sgd`` or ``lars``
        learning_rate: peak rate, by default the optimiser's usual one
        weight_decay: of filters and matrices
        warmup_epochs: epochs until the peak rate
        micro_batch: images per pass through the network
        resize: how images become square
        precision: number format
        device: where to compute
    """

    kind = "simclr"
    title = "SimCLR"
    when = "Learns what stays the same under crops, flips and colour changes; for any kind of image"
    loss_name = "NT-Xent"

    def __init__(
        self,
        backbone: Backbone = "small",
        image_size: ImageSize = None,
        batch_size: BatchSize = 256,
        flip: Flip = "horizontal",
        crop: Crop = 0.2,
        color: Color = 1.0,
        grey: Grey = 0.2,
        blur: Annotated[float, Field(ge=0, le=1, description="Share of views that are blurred")] = 0.0,
        rotation: Rotation = 0.0,
        temperature: Temperature = 0.2,
        blur_sigma: Annotated[
            float | None,
            Field(gt=0, le=20, description="Widest blur in pixels; left out, 2 at 224 pixels and at least 1"),
        ] = None,
        projection: Annotated[
            int, Field(ge=8, le=2048, description="Length of the vectors that the loss compares")
        ] = 128,
        hidden: Annotated[int, Field(ge=8, le=8192, description="Width of the projector's hidden layer")] = 256,
        timm_model: TimmModel = None,
        pretrained: Pretrained = False,
        optimizer: Optimizer = "adamw",
        learning_rate: LearningRate = None,
        weight_decay: WeightDecay = 1e-4,
        warmup_epochs: Warmup = 5,
        micro_batch: MicroBatch = None,
        resize: Resize = "shortest",
        precision: Precision = "auto",
        device: Device = "auto",
    ):
        given = locals()
        for name in parameters(type(self)):
            setattr(self, name, given[name])

    def seconds_per_image(self, side: int) -> float:
        """Measured for ``small`` and ResNet-18 at 32 pixels, scaled by operations for the others."""
        at_32 = {"small": 0.0018, "resnet18": 0.046, "resnet34": 0.09, "resnet50": 0.1, "efficientnet_lite0": 0.004}
        # from 64 pixels on the ResNets have their usual stem, which does a sixteenth of the work
        stem = 16 if self.backbone.startswith("resnet") and side >= _LARGE_IMAGE else 1
        return at_32.get(self.backbone, 0.1) * (side / 32) ** 2 / stem

    def check_side(self, side: int):
        """Builds the backbone for nothing: whether a model of timm exists and takes a size is not known otherwise.

        Raises:
            ValueError: see :func:`models.training.backbones.build_backbone`
        """
        from .backbones import build_backbone

        build_backbone(self._backbone(side), self.pretrained)

    def constants(self, pixels) -> tuple[tuple, tuple]:
        """Those of the images, or those that published weights were trained with."""
        from .backbones import pretrained_constants

        known = pretrained_constants(self._backbone(pixels.array.shape[-1])) if self.pretrained else None
        return known or super().constants(pixels)

    def _backbone(self, side: int) -> dict:
        return {"backbone": self.backbone, "timm_model": self.timm_model, "image_size": side}

    def architecture(self, pixels) -> dict:
        """Backbone, input size and projector."""
        backbone = self._backbone(pixels.array.shape[-1])
        return {**backbone, "hidden": self.hidden, "projection": self.projection}

    def build(self, architecture: dict, pretrained: bool = False):
        """Backbone and projector, an MLP with batch normalisation.

        Raises:
            ValueError: see :func:`models.training.backbones.build_backbone`
        """
        from torch import nn

        from .backbones import build_backbone, features_of

        encoder = build_backbone(architecture, pretrained)
        width = features_of(encoder, architecture["image_size"])
        projector = build_projector(width, architecture["hidden"], architecture["projection"])
        return nn.Sequential(_named(encoder=encoder, projector=projector))

    def augmentation(self):
        """The augmentations of this recipe."""
        from .augmentation import Augmentation

        return Augmentation(self.crop, self.flip, self.color, self.grey, self.blur, self.rotation, self.blur_sigma)

    def inputs(self, images, generator, batch: int, rows: slice) -> tuple:
        """Two views of each image, ``(2b, 3, side, side)``: first all first ones, then all second ones."""
        import torch

        augment = self.augmentation()
        first, second = augment.draw(batch, generator)[rows], augment.draw(batch, generator)[rows]
        return torch.cat([first(images), second(images)]), None

    def objective(self, outputs, targets, engine):
        """NT-Xent over the views of all processes."""
        from .nt_xent import nt_xent

        first, second = outputs.chunk(2)
        return nt_xent(engine.gather(first), engine.gather(second), self.temperature)

    def trivial(self, pixels, engine) -> float:
        """``ln(2b - 1)``."""
        from .nt_xent import trivial_loss

        return trivial_loss(self.batch_size)


def build_projector(width: int, hidden: int, projection: int):
    """The layers between features ``(b, width)`` and what the loss compares, ``(b, projection)``."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(width, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, projection),
    )


def _named(**modules):
    from collections import OrderedDict

    return OrderedDict(modules)
