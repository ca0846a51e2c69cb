"""What is seen of a training: an entry of its curve after every epoch, a line of progress after every step."""

import time

import numpy as np
import torch

from ..costs import duration
from .signs import SAMPLE, knn_accuracy, neighbor_agreement, spread

_TOLD_SECONDS = 0.3


def curve_entry(training, loss: float, rate: float, seconds: float) -> dict:
    """What the curve says of the current epoch, with its signs of learning.

    Args:
        training: the :class:`models.training.trainer.Training`
        loss: the epoch's mean loss
        rate: its last learning rate
        seconds: how long it took

    Returns:
        plain JSON
    """
    n, seed = len(training.pixels), training.seed
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])
    images = training.images(chosen)
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, 0, 1)).generate_state(1)[0]))
    augment = training.recipe.augmentation()
    first, second = (training.features(images, augment.draw(len(images), generator)) for _ in range(2))
    entry = {
        "epoch": training.epoch + 1,
        "stage": training.stage,
        "loss": round(loss, 6),
        "learning_rate": round(rate, 8),
        "images_per_second": round(training.steps * training.recipe.batch_size / seconds, 1),
        "agreement": round(neighbor_agreement(first, second), 4),
        "spread": round(spread(first), 4),
    }
    if training.truth is not None:
        classes = [training.truth[i] for i in chosen]
        entry["knn_accuracy"] = round(knn_accuracy(training.features(images), classes), 4)
    if training.seen:
        names = training.seen[0]
        entry["parts"] = {k: round(float(torch.stack([step[k] for step in training.seen]).mean()), 6) for k in names}
    return entry | training.recipe.signs(training)


def progress_text(training, losses: list, started: float) -> str:
    """Where the run is; made anew once in a while, because reading the loss waits for a GPU.

    Args:
        training: the :class:`models.training.trainer.Training`
        losses: of the steps of the current epoch
        started: when the epoch began, by the monotonic clock

    Returns:
        a line
    """
    now, planned, size = time.monotonic(), len(training.stages), training.recipe.batch_size
    if now - training.told[0] < _TOLD_SECONDS and len(losses) < training.steps:
        return training.told[1]
    pace = len(losses) * size / max(now - started, 1e-6)
    left = (planned - training.epoch) * training.steps - len(losses)
    text = f"epoch {training.epoch + 1}/{planned}, loss {float(losses[-1]):.4g}"
    several = len(set(training.stages)) > 1
    text += f" ({training.stage})" if several else f" (trivial {training.trivial:.4g})"
    if training.curve:
        text += f", agreement {training.curve[-1]['agreement']:.2f}"
    text += f", {pace:.0f} images/s, {duration(left * size / pace)} left"
    training.told = (now, text + (", no better than trivial so far" if training.note else ""))
    return training.told[1]
