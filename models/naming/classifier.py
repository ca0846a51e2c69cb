"""Names from the offline encoder's own classifier: ImageNet's 1,000 classes, no download and no server.

Clusters are compared with each other, so that a class which the classifier sees everywhere names none of them. Class
names are those of OpenAI's CLIP prompts, as open_clip ships them.
"""

from typing import TYPE_CHECKING

from ..encoders.efficientnet_lite0 import EfficientNetLite0
from ..images.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch


class ImageNetClassifier(EfficientNetLite0):
    """The bundled encoder with its classifier: its "vectors" are the scores of the classes before softmax.

    Args:
        image_size: height and width to which images are scaled
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
    """

    name = None  # no encoder to choose: 1,000 correlated scores cluster worse than the vectors they come from

    def __init__(self, image_size: int = 224, device: str = "auto"):
        super().__init__(image_size=image_size, normalize=False, device=device, precision="float32")

    def build(self) -> tuple["torch.nn.Module", Preprocessing]:
        """Build the whole network.

        Raises:
            ValueError: if the package with its weights is not installed
        """
        return self.build_whole()


def imagenet_words() -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of its classifiers."""
    from open_clip import IMAGENET_CLASSNAMES

    return list(IMAGENET_CLASSNAMES)
