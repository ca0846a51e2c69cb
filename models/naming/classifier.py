"""Names from the offline encoder's own classifier: ImageNet's 1,000 classes, no download and no server.

Clusters are compared with each other, so that a class which the classifier sees everywhere names none of them. Class
names are those of OpenAI's CLIP prompts, as open_clip ships them.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..encoders.efficientnet_lite0 import EfficientNetLite0
from ..images.preprocessing import Preprocessing
from ..weights import LITE0_PACKAGE, load_lite0

if TYPE_CHECKING:
    import torch

# Length of the network's vectors, for those stored at length 1: 14 to 17 on photographs, digits, faces and textures
LENGTH = 16.0


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


def is_own(identity: dict | None) -> bool:
    """Return whether vectors are of the network below this classifier, whatever the size of its images."""
    known = identity or {}
    return known.get("name") == EfficientNetLite0.name and known.get("weights") == LITE0_PACKAGE


def class_scores(vectors: np.ndarray) -> np.ndarray:
    """Score the classes from vectors of the network, so that it need not run again.

    Args:
        vectors: ``(n, 1280)``, of length 1 or as they come from the network

    Returns:
        ``(n, 1000)`` float32 scores before softmax
    """
    head = load_lite0().get_classifier()
    weight, bias = (tensor.detach().numpy() for tensor in (head.weight, head.bias))
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(np.abs(lengths - 1) < 1e-2, LENGTH, 1.0) * vectors @ weight.T + bias


def imagenet_words() -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of its classifiers."""
    from open_clip import IMAGENET_CLASSNAMES

    return list(IMAGENET_CLASSNAMES)
