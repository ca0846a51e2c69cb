"""A training as its recipe sees it; loads no torch."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .pixels import Pixels

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .augmentation import Draw
    from .engine import Engine


class TrainingState(Protocol):
    """The part of :class:`models.training.trainer.Training` that recipes use.

    Attributes:
        network: what :meth:`Recipe.build` made, on the device
        device: where it is
        engine: the processes
        pixels: the images
        seed: everything random follows it
        stages: the name of what each epoch trains
        stage: that of the current epoch
        epoch: how many are done
        curve: an entry per epoch
        state: tensors by name that the recipe keeps between epochs
        memory: plain JSON that the recipe keeps
        truth: a class per image, only ever reported
    """

    network: Any
    device: "torch.device"
    engine: "Engine"
    pixels: Pixels
    seed: int
    stages: list[str]
    epoch: int
    curve: list[dict]
    state: dict[str, "torch.Tensor"]
    memory: dict[str, Any]
    truth: list | None

    @property
    def stage(self) -> str:
        """See :class:`TrainingState`."""

    def renew(self) -> None:
        """Forget what the optimizer gathered in the stage before."""

    def end_stage(self) -> None:
        """Leave out what is left of the stage of the epoch done last."""

    def repeat_stage(self, stage: str) -> None:
        """Go back to the first epoch of a stage."""

    def images(self, positions: "np.ndarray") -> "torch.Tensor":
        """The images at ``positions``, uint8 ``(b, 3, side, side)``, on the training device."""

    def features(
        self, images: "torch.Tensor", draw: "Draw | None" = None, network: Callable | None = None
    ) -> "torch.Tensor":
        """Float32 ``(n, d)`` of uint8 images or of views of them, without gradients."""

    def all_features(self, network: Callable | None = None) -> "torch.Tensor":
        """:meth:`features` of all images, on the CPU."""
