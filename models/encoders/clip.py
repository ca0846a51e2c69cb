"""CLIP and its kin through open_clip: vectors that follow meaning, in one space with text.

When to choose it: whenever its weights can be had; clusters follow what a picture shows rather than its texture.
Needs a download once, or a local checkpoint.

Paper: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021; weights of
LAION and others: Cherti et al., Reproducible scaling laws, CVPR 2023. Vectors equal open_clip's own. Ours never guesses
the preprocessing of a local checkpoint, because a wrong one goes unnoticed: the vectors look fine and mean less.
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import fiftyone.core.models as fom
import numpy as np
from pydantic import Field

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..weights import cached, from_hub
from .base import Encoder, Normalize, Precision

if TYPE_CHECKING:
    import open_clip
    import torch

_DEFAULT = ("ViT-B-32", "laion2b_s34b_b79k")
_DEFAULT_REPOSITORY = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
_WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
_CONFIG = "open_clip_config.json"
Triple = Annotated[str | None, Field(pattern=r"^\s*[\d.]+(\s*,\s*[\d.]+){2}\s*$")]


class Clip(Encoder, fom.PromptMixin):
    """Any open_clip model.

    Args:
        architecture: open_clip's name of the architecture, or ``hf-hub:<organization>/<repository>``
        pretrained: open_clip's tag of the weights, or the path of a local checkpoint
        image_mean: of a local checkpoint, the mean of each channel that it was trained with, ``"0.48, 0.46, 0.41"``
        image_std: of a local checkpoint, the standard deviation of each channel
        interpolation: of a local checkpoint, how images were resized
        resize_mode: of a local checkpoint, which side was made to fit
        normalize: whether to scale vectors to length 1
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``
    """

    name = "clip"
    title = "CLIP (open_clip)"
    when = "Photographs, and when words should relate to the vectors"
    seconds_per_image = 0.1
    argument = "architecture"
    libraries = ("torch", "open_clip_torch")

    def __init__(
        self,
        architecture: Annotated[
            str,
            Field(min_length=1, description="open_clip's name of the architecture, or hf-hub:<owner>/<name>"),
        ] = _DEFAULT[0],
        pretrained: Annotated[
            str, Field(description="open_clip's tag of the weights, or the path of a local checkpoint")
        ] = _DEFAULT[1],
        image_mean: Annotated[
            Triple, Field(description="Local checkpoint: mean of each channel in training, such as 0.48, 0.46, 0.41")
        ] = None,
        image_std: Annotated[
            Triple, Field(description="Local checkpoint: standard deviation of each channel in training")
        ] = None,
        interpolation: Annotated[
            Literal["bicubic", "bilinear"] | None, Field(description="Local checkpoint: how images were resized")
        ] = None,
        resize_mode: Annotated[
            Literal["shortest", "longest", "squash"] | None,
            Field(description="Local checkpoint: which side was made to fit the input"),
        ] = None,
        normalize: Normalize = True,
        device: Device = "auto",
        precision: Precision = "auto",
    ):
        super().__init__(normalize, device, precision)
        self.architecture = architecture
        self.pretrained = pretrained
        self.image_mean = image_mean
        self.image_std = image_std
        self.interpolation = interpolation
        self.resize_mode = resize_mode

    @classmethod
    def from_argument(cls, text: str) -> dict:
        """Split ``"ViT-B-32/openai"`` into architecture and weights; a path may stand for the weights."""
        architecture, _, pretrained = (text, "", "") if text.startswith("hf-hub:") else text.partition("/")
        return {"architecture": architecture, **({"pretrained": pretrained} if pretrained else {})}

    @property
    def weights(self) -> str:
        """Architecture and tag or path."""
        return self.architecture if self._on_hub else f"{self.architecture}/{self.pretrained}"

    @property
    def _on_hub(self) -> bool:
        return self.architecture.startswith("hf-hub:")

    @property
    def _local(self) -> Path | None:
        """The local checkpoint, if ``pretrained`` is a path rather than a tag."""
        text = os.path.expanduser(self.pretrained)
        is_path = os.path.isfile(text) or os.sep in text or text.endswith(_SUFFIXES)
        return Path(text) if is_path and not self._on_hub else None

    def is_cached(self) -> bool | None:
        """Return whether the weights are on this disk; None for tags whose file only open_clip knows."""
        if self._local:
            return self._local.is_file()
        if self._on_hub:
            return cached(self.architecture.removeprefix("hf-hub:"), *_WEIGHT_FILES)
        if (self.architecture, self.pretrained) == _DEFAULT:
            return cached(_DEFAULT_REPOSITORY, *_WEIGHT_FILES)
        return None

    def build(self) -> tuple["torch.nn.Module", Preprocessing]:
        """Build the open_clip model, its ``forward`` being ``encode_image``.

        Raises:
            ValueError: if the architecture, the tag, the checkpoint or its preprocessing is not to be had
        """
        import open_clip

        if not self._on_hub and self.architecture not in open_clip.list_models():
            raise ValueError(f"open_clip has no architecture {self.architecture!r}; see open_clip.list_models()")
        model, stated = self._from_disk(self._local) if self._local else (self._pretrained(), {})
        config = {**open_clip.get_model_preprocess_cfg(model), **stated}
        model.forward = model.encode_image
        size, fill = config["size"], config.get("fill_color", 0)
        size = (size, size) if isinstance(size, int) else tuple(size)
        mean, std = _three(config["mean"]), _three(config["std"])
        return model, Preprocessing(size, mean, std, config["interpolation"], config["resize_mode"], fill=fill)

    def _pretrained(self) -> "open_clip.CLIP | open_clip.CustomTextCLIP":
        import open_clip
        from open_clip.pretrained import download_pretrained

        tag = None
        if not self._on_hub:
            tag = self.pretrained
            known = open_clip.list_pretrained_tags_by_model(self.architecture)
            if tag not in known:
                raise ValueError(
                    f"open_clip has no weights {tag!r} for {self.architecture}, it has {', '.join(known) or 'none'}; "
                    "choose one of them or give the path of a local checkpoint"
                )
            config = open_clip.get_pretrained_cfg(self.architecture, tag)
            from_hub(lambda: download_pretrained(config), f"CLIP {self.weights}")
        quick = {"force_quick_gelu": True} if tag and config.get("quick_gelu") else {}
        return from_hub(
            lambda: open_clip.create_model(self.architecture, pretrained=tag, require_pretrained=True, **quick),
            f"CLIP {self.weights}",
        )

    def _from_disk(self, path: Path) -> tuple["open_clip.CLIP | open_clip.CustomTextCLIP", dict]:
        import open_clip

        if not path.is_file():
            raise ValueError(f"there is no checkpoint {str(path)!r}; give the path of an existing file or a tag")
        stated = self._stated_preprocessing(path)
        # the hub may still be asked for the tokenizer or the text tower's configuration
        model = from_hub(
            lambda: open_clip.create_model(self.architecture, pretrained_image=False, pretrained_text=False),
            f"open_clip's {self.architecture}",
        )
        try:
            # never unpickles: a checkpoint could run any code
            open_clip.load_checkpoint(model, str(path), weights_only=True)
        except Exception as error:
            reason = re.sub(r"\s+", " ", str(error))[:200]
            raise ValueError(
                f"{str(path)!r} does not load as {self.architecture}: {reason}; check the architecture, and "
                "save the checkpoint as a plain state_dict or as safetensors"
            ) from error
        return model, stated

    def _stated_preprocessing(self, path: Path) -> dict:
        """Return what the user or the file beside the checkpoint states; never a default."""
        beside = path.with_name(_CONFIG)
        stated = json.loads(beside.read_text()).get("preprocess_cfg", {}) if beside.is_file() else {}
        given = {
            "mean": _triple(self.image_mean),
            "std": _triple(self.image_std),
            "interpolation": self.interpolation,
            "resize_mode": self.resize_mode,
        }
        stated = {key: stated.get(key) if given[key] is None else given[key] for key in given}
        missing = [key for key in stated if stated[key] is None]
        if missing:
            names = [f"image_{key}" if key in ("mean", "std") else key for key in missing]
            raise ValueError(
                f"{path.name} does not say how its images were prepared; set {', '.join(names)}, or put the "
                f"{_CONFIG} it was published with beside it"
            )
        return stated

    @property
    def can_embed_prompts(self) -> bool:
        """Always true: text can be embedded."""
        return True

    def embed_prompt(self, prompt: str) -> np.ndarray:
        """Embed one text as float32 ``(d,)``, comparable with the image vectors."""
        return self.embed_prompts([prompt])[0]

    def embed_prompts(self, prompts: list[str]) -> np.ndarray:
        """Embed texts as float32 ``(n, d)``, comparable with the image vectors."""
        import open_clip
        import torch

        runtime = self.load()._network
        tokens = open_clip.get_tokenizer(self.architecture)(list(prompts)).to(runtime.device)
        with torch.inference_mode(), torch.autocast(runtime.device.type, runtime.dtype, enabled=runtime.autocast):
            return self._finish(runtime.network.encode_text(tokens).float().cpu().numpy())


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue


def _triple(text: str | None) -> list[float] | None:
    return None if text is None else [float(part) for part in text.split(",")]
