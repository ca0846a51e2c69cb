"""Any image model of timm: DINOv2, ConvNeXt, EVA, SigLIP, ResNet and a thousand more.

When to choose it: DINOv2 where fine visual differences matter more than names of things; a network of your own trained
with timm. Vectors are the pooled features before the classifier. Preprocessing is the model's own data configuration.

Library: Wightman, PyTorch Image Models, https://github.com/huggingface/pytorch-image-models.
"""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..paths import local_path
from ..weights import cached, from_hub
from .base import Encoder, Normalize, Precision

if TYPE_CHECKING:
    import torch

_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_RESIZE_MODES = {"center": "shortest", "squash": "squash", "border": "longest"}


class Timm(Encoder):
    """Any timm model.

    Args:
        model: timm's name, with or without its weights' tag: ``vit_small_patch14_dinov2.lvd142m``
        checkpoint: path of a local checkpoint of that model; by default the weights come from the hub
        image_size: height and width of the input; by default the size that the weights were trained with
        normalize: whether to scale vectors to length 1
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``
    """

    name = "timm"
    title = "timm model"
    when = "DINOv2 for fine-grained photographs, ConvNeXt and a thousand other backbones"
    seconds_per_image = 0.5
    argument = "model"
    libraries = ("torch", "timm")

    def __init__(
        self,
        model: Annotated[
            str, Field(min_length=1, description="timm's name of the model, such as vit_small_patch14_dinov2.lvd142m")
        ] = "vit_small_patch14_dinov2",
        checkpoint: Annotated[
            str | None, Field(description="Path of a local checkpoint; left out, the weights come from the hub")
        ] = None,
        image_size: Annotated[
            int | None, Field(ge=14, le=2048, description="Side of the input in pixels; left out, the model's own")
        ] = None,
        normalize: Normalize = True,
        device: Device = "auto",
        precision: Precision = "auto",
    ):
        super().__init__(normalize, device, precision)
        self.model = model
        self.checkpoint = checkpoint
        self.image_size = image_size

    @property
    def weights(self) -> str:
        """The model, and the checkpoint if it is a local one."""
        return f"{self.model}/{self.checkpoint}" if self.checkpoint else self.model

    def is_cached(self) -> bool:
        """Return whether the weights are on this disk."""
        if self.checkpoint:
            return Path(self.checkpoint).expanduser().is_file()
        exact = "." in self.model
        return cached(f"timm/{self.model}", *_WEIGHT_FILES) or (
            not exact and cached(f"timm/{self.model}.*", *_WEIGHT_FILES)
        )

    def build(self) -> tuple["torch.nn.Module", Preprocessing]:
        """Build the network without its classifier.

        Raises:
            ValueError: if timm does not know the model or its weights are not to be had
        """
        import timm

        if not timm.is_model(self.model):
            close = get_close_matches(self.model, timm.list_models(), 3)
            hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
            raise ValueError(f"timm has no model {self.model!r}; {hint}")
        if self.checkpoint:
            network = self._create(pretrained=False)
            self._read_checkpoint(network, self.checkpoint)
        else:
            network = from_hub(lambda: self._create(pretrained=True), f"timm's {self.model}")
        config = timm.data.resolve_model_data_config(network)
        height, width = (self.image_size,) * 2 if self.image_size else config["input_size"][1:]
        # 'random' is a training augmentation; timm evaluates such models with bicubic
        interpolation = "bicubic" if config["interpolation"] == "random" else config["interpolation"]
        mode = _RESIZE_MODES[config["crop_mode"]]
        mean, std = tuple(config["mean"]), tuple(config["std"])
        fill = tuple(round(255 * value) for value in mean) if mode == "longest" else 0
        return network, Preprocessing((height, width), mean, std, interpolation, mode, config["crop_pct"], fill)

    def _create(self, pretrained: bool) -> "torch.nn.Module":
        import timm

        options: dict[str, Any] = {"pretrained": pretrained, "num_classes": 0}
        if self.image_size:
            try:
                return timm.create_model(self.model, img_size=self.image_size, **options)
            except TypeError:  # convolutional networks take any size and no such option
                pass
        return timm.create_model(self.model, **options)

    def _read_checkpoint(self, network: "torch.nn.Module", checkpoint: str) -> None:
        import timm

        path = local_path(checkpoint)
        if not path.is_file():
            raise ValueError(f"there is no checkpoint {checkpoint!r}; give the path of an existing file")
        try:
            # never unpickles: a checkpoint could run any code
            state = timm.models.load_state_dict(str(path), weights_only=True)
            published = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
            state = published(state, network) if published else state
            wanted = network.state_dict()
            network.load_state_dict({key: value for key, value in state.items() if key in wanted}, strict=True)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{checkpoint!r} does not load as {self.model}: {reason}; check the model's name, and save the "
                "checkpoint as a plain state_dict or as safetensors"
            ) from error
