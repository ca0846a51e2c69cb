"""Encoders trained here, by the operator ``train_encoder``: ``"trained:<name>"`` is the one of that name.

Each is a class of its own, since its form, its title and its cost are its own; nothing is read but the head of its
checkpoint until it is loaded.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..training.store import names, path_of, record_of
from .base import Encoder, Normalize, Precision

if TYPE_CHECKING:
    import torch

PREFIX = "trained"
# Seconds per image, pixel and weight on one core, from 0.2 ms for the small network at 32 pixels
_SECONDS_PER_PIXEL_WEIGHT = 5e-13


class Trained(Encoder):
    """An encoder of the model store.

    Args:
        normalize: whether to scale vectors to length 1
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``
    """

    model = ""  # its name in the store

    @classmethod
    def from_argument(cls, text: str) -> dict:
        """Return nothing: the class already is that of the name."""
        return {}

    @property
    def weights(self) -> str:
        """The training that the weights come from."""
        record = record_of(self.model)
        return f"{record['kind']}, epoch {record['epoch']}"

    @property
    def settings(self) -> dict:
        """Parameters with data and epoch, so that vectors of an encoder trained further do not mix with older ones."""
        record = record_of(self.model)
        return {**super().settings, "epoch": record["epoch"], "data": record["data"]["digest"]}

    @property
    def rendering(self) -> dict | None:
        """Rule by which the images that it was trained on became RGB; None if that was decided image by image."""
        return record_of(self.model).get("rendering")

    def is_cached(self) -> bool:
        """Return whether it is in the store."""
        return path_of(self.model).is_file()

    def build(self) -> tuple["torch.nn.Module", Preprocessing]:
        """Build the encoder without what only training needs.

        Raises:
            ValueError: if the checkpoint is damaged or of another version
        """
        from ..training.checkpoint import read_tensors
        from ..training.network import encoder_from

        record, path = record_of(self.model), path_of(self.model)
        network = encoder_from(record, read_tensors(path, "network."), str(path))
        return network, Preprocessing.from_dict(record["preprocessing"])


class TrainedCode(Trained):
    """A trained encoder whose vectors' lengths mean something: clusters are balls in its code.

    Args:
        normalize: whether to scale vectors to length 1
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``
    """

    def __init__(self, normalize: Normalize = False, device: Device = "auto", precision: Precision = "auto"):
        super().__init__(normalize, device, precision)


def trained_encoders() -> list[str]:
    """Return ``trained:<name>`` of every encoder in the store."""
    return [f"{PREFIX}:{name}" for name in names()]


def trained_class(model: str) -> type[Trained]:
    """Return the encoder class of a name in the store.

    Raises:
        ValueError: if there is no such encoder or its file is damaged
    """
    record_of(model)
    return _class(model, path_of(model).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _class(model: str, written: int) -> type[Trained]:
    """Make one class per state of a checkpoint: forms and validation keep what they learned of a class."""
    record = record_of(model)
    side = record["architecture"]["image_size"]
    base = TrainedCode if record.get("raw_codes") else Trained
    return type(
        "Trained",
        (base,),
        {
            "__doc__": base.__doc__,
            "model": model,
            "name": f"{PREFIX}:{model}",
            "title": f"{PREFIX}:{model} ({record['kind']}, {record['epoch']} epochs, {record['data']['n']:,} images)",
            "seconds_per_image": 2e-4 + _SECONDS_PER_PIXEL_WEIGHT * side**2 * record["weights"],
        },
    )
