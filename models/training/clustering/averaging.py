"""An average of a network's weights, which lags behind them and is steadier: FixMatch's result is that of the average.

Source: Sohn et al., FixMatch, NeurIPS 2020, section 2.5, with a decay of .999. Ours differs in a decay that begins low,
``(1 + t) / (10 + t)`` after ``t`` steps, as in TensorFlow's ``ExponentialMovingAverage``: over a thousand steps .999
would hardly leave the weights that it starts from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..state import TrainingState

if TYPE_CHECKING:
    import torch

_AVERAGE = "average."
_DECAY = 0.999


def start(training: TrainingState) -> None:
    """Begin with the weights as they are."""
    training.state |= {f"{_AVERAGE}{name}": weight.clone() for name, weight in _weights(training)}


def place(training: TrainingState) -> None:
    """Move an average that was read from a checkpoint to the device."""
    for name, _ in _weights(training):
        training.state[_AVERAGE + name] = training.state[_AVERAGE + name].to(training.device)


def follow(training: TrainingState, steps: int) -> None:
    """Move the average towards the weights.

    Args:
        training: after a step
        steps: how many were done since the start of the average
    """
    decay = min(_DECAY, (1 + steps) / (10 + steps))
    for name, weight in _weights(training):
        training.state[_AVERAGE + name].lerp_(weight, 1 - decay)


@contextmanager
def averaged(training: TrainingState) -> Iterator[None]:
    """Within, the network has the average for its weights."""
    own = {name: weight.clone() for name, weight in _weights(training)}
    adopt(training)
    try:
        yield
    finally:
        for name, weight in _weights(training):
            weight.copy_(own[name])


def adopt(training: TrainingState) -> None:
    """Replace the weights by their average."""
    for name, weight in _weights(training):
        weight.copy_(training.state[_AVERAGE + name])


def _weights(training: TrainingState) -> "list[tuple[str, torch.Tensor]]":
    return [(name, weight.detach()) for name, weight in training.network.named_parameters()]
