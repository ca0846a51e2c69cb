"""Encoders trained here, by the operator ``train_encoder``: ``"trained:<name>"`` is the one of that name.

Each is a class of its own, since its form, its title and its cost are its own; nothing is read but the head of its
checkpoint until it is loaded.
"""

from functools import lru_cache

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..training.store import names, path_of, record_of
from .base import Encoder, Normalize, Precision

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
        """Nothing: the class already is that of the name."""
        return {}

    @property
    def weights(self) -> str:
        """Which training the weights come from."""
        record = record_of(self.model)
        return f"{record['kind']}, epoch {record['epoch']}"

    @property
    def settings(self) -> dict:
        """With data and epoch, so that vectors of an encoder that was trained further are not mixed with older ones."""
        record = record_of(self.model)
        return {**super().settings, "epoch": record["epoch"], "data": record["data"]["digest"]}

    def is_cached(self) -> bool:
        """Whether it is in the store."""
        return path_of(self.model).is_file()

    def build(self) -> tuple:
        """The encoder without what only training needs.

        Raises:
            ValueError: in one sentence, if the checkpoint is damaged or of another version
        """
        from ..training.checkpoint import read_tensors
        from ..training.network import encoder_from

        record, path = record_of(self.model), path_of(self.model)
        network = encoder_from(record, read_tensors(path, "network."), str(path))
        given = {key: tuple(v) if isinstance(v, list) else v for key, v in record["preprocessing"].items()}
        return network, Preprocessing(**given)


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
    """``trained:<name>`` of every encoder in the store."""
    return [f"{PREFIX}:{name}" for name in names()]


def trained_class(model: str) -> type[Trained]:
    """The encoder class of a name in the store.

    Raises:
        ValueError: in one sentence, if there is no such encoder or its file is damaged
    """
    record_of(model)
    return _class(model, path_of(model).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _class(model: str, written: int) -> type[Trained]:
    """One class per state of a checkpoint: forms and validation keep what they learned of a class."""
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
