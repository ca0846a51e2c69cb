"""Common part of recipes that learn from random views of an image: what may change, and the network that sees it."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from .recipe import Recipe

if TYPE_CHECKING:
    import torch

    from .augmentation import Augmentation

Backbone = Annotated[
    Literal["small", "resnet18", "resnet34", "resnet50", "efficientnet_lite0", "timm"],
    Field(description="small suits a CPU; ResNets and timm models need a GPU"),
]
_LARGE_IMAGE = 64


class ViewsRecipe(Recipe):
    """Base of recipes that learn what two random views of an image have in common.

    Args:
        flip: which mirror images count as the same
        crop: smallest share of the area that a crop keeps
        color: strength of brightness, contrast, saturation and hue jitter
        rotation: largest angle in degrees
        grey: share of views without color
        temperature: of the loss
        backbone: the network that makes the features
        timm_model: the model's name if the backbone is ``timm``
        pretrained: start from published weights
        shared: as :class:`models.training.recipe.Recipe`'s
    """

    def __init__(
        self,
        flip: Annotated[
            Literal["none", "horizontal", "both"],
            Field(description="Which mirror images count as the same; none for digits and text, both seen from above"),
        ] = "horizontal",
        crop: Annotated[
            float, Field(gt=0, le=1, description="Smallest share of the area that a crop keeps; 1 is no cropping")
        ] = 0.2,
        color: Annotated[
            float, Field(ge=0, le=2, description="Strength of color jitter; 0 where color is the signal")
        ] = 1.0,
        rotation: Annotated[
            float, Field(ge=0, le=180, description="Largest angle in degrees; 180 where up means nothing")
        ] = 0.0,
        grey: Annotated[float, Field(ge=0, le=1, description="Share of views without color")] = 0.2,
        *,
        temperature: Annotated[
            float, Field(ge=0.01, le=1, description="Lower values push the most similar images apart; 0.1 to 0.5")
        ] = 0.2,
        backbone: Backbone = "small",
        timm_model: Annotated[str | None, Field(description="timm's name of the model if the backbone is timm")] = None,
        pretrained: Annotated[bool, Field(description="Start from published weights instead of random ones")] = False,
        **shared: Any,
    ):
        super().__init__(**shared)
        self.flip = flip
        self.crop = crop
        self.color = color
        self.rotation = rotation
        self.grey = grey
        self.temperature = temperature
        self.backbone = backbone
        self.timm_model = timm_model
        self.pretrained = pretrained

    def seconds_per_image(self, side: int) -> float:
        """Measured for ``small`` and ResNet-18 at 32 pixels, scaled by operations for the others."""
        at_32 = {"small": 0.0018, "resnet18": 0.046, "resnet34": 0.09, "resnet50": 0.1, "efficientnet_lite0": 0.004}
        # from 64 pixels on the ResNets have their usual stem, which does a sixteenth of the work
        stem = 16 if self.backbone.startswith("resnet") and side >= _LARGE_IMAGE else 1
        return at_32.get(self.backbone, 0.1) * (side / 32) ** 2 / stem

    def augmentation(self) -> "Augmentation":
        """One random view."""
        from .augmentation import Augmentation

        return Augmentation(self.crop, self.flip, self.color, self.grey, 0.0, self.rotation)

    def inputs(self, images: "torch.Tensor", generator: "torch.Generator", batch: int, rows: slice) -> tuple:
        """Two views of each image, ``(2b, 3, side, side)``: first all first ones, then all second ones."""
        import torch

        augment = self.augmentation()
        first, second = augment.draw(batch, generator)[rows], augment.draw(batch, generator)[rows]
        return torch.cat([first(images), second(images)]), None
