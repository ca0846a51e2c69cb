"""From a checkpoint back to networks."""

from typing import TYPE_CHECKING, cast

from . import recipe_class
from .backbones import features_of
from .checkpoint import load_weights
from .recipe import Recipe

if TYPE_CHECKING:
    from torch import nn


def recipe_from(record: dict) -> Recipe:
    """The recipe of a checkpoint.

    Raises:
        ValueError: if it is of another version of the plugin
    """
    from ..parameters import validated

    cls = recipe_class(record["kind"])
    return cls(**validated(cls, record["params"]))


def network_from(record: dict, weights: dict, what: str) -> "nn.Module":
    """The whole network with its weights, on the CPU.

    Args:
        record: of the checkpoint
        weights: the tensors of the checkpoint that start with ``network.``, without that
        what: names the checkpoint in the error

    Raises:
        ValueError: if the weights are of another architecture
    """
    try:
        network = recipe_from(record).build(record["architecture"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{what} has an incomplete record ({error!r}); use another copy or train again") from None
    load_weights(network, weights, what)
    return network


def encoder_from(record: dict, weights: dict, what: str) -> "nn.Module":
    """The encoder alone, which maps images ``(b, 3, side, side)`` to vectors ``(b, d)``.

    Raises:
        ValueError: as for :func:`network_from`, or if its vectors are not of the recorded length
    """
    encoder = cast("nn.Module", network_from(record, weights, what).encoder).eval()
    length = features_of(encoder, record["architecture"]["image_size"])
    if length != record["dimension"]:
        raise ValueError(f"{what} makes {length} features and records {record['dimension']}; use another copy")
    return encoder
