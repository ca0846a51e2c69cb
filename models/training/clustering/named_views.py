"""The views that a stage of clustering may show, by name: "weak", "simclr" and "strong".

Sources: FixMatch (Sohn et al., NeurIPS 2020, section 2.3) for weak views, which are flipped and shifted by up to an
eighth, and for strong ones, which are weak ones with distortions and a square cut out of them, see
:mod:`models.training.clustering.strong_augmentation`; SimCLR for the crops and color jitter of its own. Ours differs in
weak views that are also rotated where the user says that up means nothing.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from ..augmentation import Augmentation
    from ..views import ViewsRecipe
    from .strong_augmentation import StrongAugmentation

ViewName = Literal["weak", "simclr", "strong"]
Views = Annotated[
    ViewName,
    Field(
        description="Views while clustering: weak flips and shifts, simclr crops and jitters colors, strong distorts "
        "and cuts out"
    ),
]
Operations = Annotated[int, Field(ge=0, le=10, description="Random distortions of a strong view")]
Strength = Annotated[float, Field(ge=0, le=1, description="How far those distortions go")]
Cutout = Annotated[float, Field(ge=0, le=1, description="Side of the square cut out of a strong view, as a share")]
_SHIFT = 0.125


def weak_view(recipe: "ViewsRecipe") -> "Augmentation":
    """Flips as the recipe allows them, shifts, and its rotation."""
    from ..augmentation import Augmentation

    return Augmentation(
        crop=1.0, flip=recipe.flip, color=0.0, grey=0.0, rotation=recipe.rotation, blur=0.0, shift=_SHIFT
    )


def strong_view(recipe: "ViewsRecipe", operations: int, strength: float, cutout: float) -> "StrongAugmentation":
    """Weak views, distorted; in color only where the recipe's own views change it."""
    from .strong_augmentation import StrongAugmentation

    return StrongAugmentation(weak_view(recipe), operations, strength, cutout, recipe.color > 0)
