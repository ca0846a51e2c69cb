"""Any image model of FiftyOne's Model Zoo that exposes embeddings, with its own preprocessing.

When to choose it: a model that you already use in FiftyOne. It runs as the zoo made it, so in its own precision.
"""

import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from .base import Encoder, Normalize, digest

if TYPE_CHECKING:
    from PIL import Image


class Zoo(Encoder):
    """A model of FiftyOne's Model Zoo.

    Args:
        model: its name, ``resnet50-imagenet-torch``
        normalize: whether to scale vectors to length 1
    """

    name = "zoo"
    title = "FiftyOne Model Zoo"
    when = "A model that you use in FiftyOne already"
    seconds_per_image = 0.15
    argument = "model"
    libraries = ("torch", "fiftyone")

    def __init__(
        self,
        model: Annotated[
            str, Field(min_length=1, description="Name of a model in FiftyOne's Model Zoo that exposes embeddings")
        ] = "resnet50-imagenet-torch",
        normalize: Normalize = True,
    ):
        super().__init__(normalize)
        self.model = model

    @property
    def weights(self) -> str:
        """The name of the model."""
        return self.model

    def is_cached(self) -> bool | None:
        """Return whether the zoo has downloaded the model; None if it does not know it."""
        import fiftyone.zoo as foz

        try:
            return foz.is_zoo_model_downloaded(self.model)
        except ValueError:
            return None

    def load(self) -> "Zoo":
        """Load the model through the zoo, once.

        Raises:
            ValueError: if the zoo does not have it, it cannot be loaded, or it makes no embeddings of images
        """
        if self._network is not None:
            return self
        import fiftyone.zoo as foz

        try:
            model = foz.load_zoo_model(self.model)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"the zoo model {self.model!r} cannot be loaded: {reason}; see foz.list_zoo_models(), or use "
                "efficientnet_lite0, which needs no network"
            ) from error
        if not model.has_embeddings or model.media_type != "image":
            raise ValueError(f"the zoo model {self.model!r} makes no embeddings of images; choose another one")
        # one fixed size per image, so that the transforms can run ahead in threads
        self._ahead = bool(model.transforms) and not model.ragged_batches
        model.preprocess = not self._ahead
        self._network = model
        blank = np.zeros((224, 224, 3), np.uint8)
        self._dimension = len(self.embed(blank))
        return self

    @property
    def identity(self) -> dict:
        """Plain JSON as of any encoder; its preprocessing is torchvision's description of the transforms."""
        from importlib.metadata import version

        model = self.load()._network
        module = next((m for m in vars(model).values() if hasattr(m, "state_dict")), None)
        transforms = re.sub(r" at 0x[0-9a-f]+", "", re.sub(r"\s+", " ", repr(model.transforms)))
        return {
            "name": self.name,
            "weights": self.weights,
            "digest": digest(module.state_dict()) if module is not None else self.model,
            "preprocessing": {"transforms": transforms},
            "dimension": self._dimension,
            "normalize": self.normalize,
            "precision": "the model's own",
            "libraries": {library: version(library) for library in self.libraries},
        }

    @property
    def resolution(self) -> None:
        """None: only the model knows what it needs, so images are decoded in full."""
        return None

    def prepare(self, image: "Image.Image") -> Any:
        """Apply the model's own transforms, or return the pixels if it wants to apply them itself."""
        model = self.load()._network
        return model.transforms(image) if self._ahead else np.asarray(image)

    def encode(self, prepared: list) -> np.ndarray:
        """Embed several images, each as :meth:`prepare` returned it, as float32 ``(b, d)``."""
        model = self.load()._network
        if not self._ahead:
            return self._finish(np.stack([np.ravel(model.embed(image)) for image in prepared]))
        if model.has_collate_fn:
            batch = model.collate_fn(prepared)
        else:
            import torch

            batch = torch.stack(prepared)
        return self._finish(np.reshape(model.embed_all(batch), (len(prepared), -1)))
