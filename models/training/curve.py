"""Report of a training: an entry of its curve after every epoch, a line of progress after every step."""

import time

import numpy as np
import torch

from ..costs import duration
from ..progress import Progress, quiet
from .diagnostics import SAMPLE, knn_accuracy, neighbor_agreement, spread
from .engine import Engine
from .recipe import Recipe
from .state import TrainingState

_TOLD_SECONDS = 0.3
_ALMOST = 0.999  # of the work; 1 tells listeners that all is done


def curve_entry(
    training: TrainingState, recipe: Recipe, loss: float, rate: float, speed: float, parts: list[dict]
) -> dict:
    """Return the curve's entry of the current epoch, with its diagnostics.

    Args:
        training: at the end of the epoch
        recipe: its recipe
        loss: the epoch's mean loss
        rate: its last learning rate
        speed: images per second
        parts: of the loss in every step, tensors by name, if the recipe tells them apart

    Returns:
        plain JSON
    """
    chosen = np.sort(np.random.default_rng(training.seed).permutation(len(training.pixels))[:SAMPLE])
    images = training.images(chosen)
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence((training.seed, 0, 1)).generate_state(1)[0]))
    augment = recipe.augmentation()
    first, second = (training.features(images, augment.draw(len(images), generator)) for _ in range(2))
    entry = {
        "epoch": training.epoch + 1,
        "stage": training.stage,
        "loss": round(loss, 6),
        "learning_rate": round(rate, 8),
        "images_per_second": round(speed, 1),
        "agreement": round(neighbor_agreement(first, second), 4),
        "spread": round(spread(first), 4),
    }
    if training.truth is not None:
        classes = [training.truth[i] for i in chosen]
        entry["knn_accuracy"] = round(knn_accuracy(training.features(images), classes), 4)
    if parts:
        entry["parts"] = {name: round(float(torch.stack([p[name] for p in parts]).mean()), 6) for name in parts[0]}
    return entry | recipe.diagnostics(training)


class TrainingProgress:
    """Says where a training is, to a listener that may raise to stop it.

    Args:
        engine: the processes
        stages: what each epoch trains
        steps: in an epoch
        batch_size: images in a step
        trivial: the loss of a network that ignores its input

    Attributes:
        listener: called with ``(fraction, message)``
    """

    def __init__(self, engine: Engine, stages: list[str], steps: int, batch_size: int, trivial: float):
        self.listener: Progress = quiet
        self._engine, self._stages, self._steps = engine, stages, steps
        self._batch_size, self._trivial = batch_size, trivial
        self._share, self._line, self._told_at = 0.0, "", 0.0

    def look(self) -> None:
        """Let the listener stop amid an evaluation or a step; several processes stop together, between steps."""
        if self._engine.processes == 1:
            self.listener(min(self._share, _ALMOST), self._line)

    def report(self, losses: list[torch.Tensor], started: float, curve: list[dict], note: str | None) -> None:
        """Report a step; a stop in one process stops all, in the same batch.

        Args:
            losses: of the steps of the current epoch so far
            started: when that began, by the monotonic clock
            curve: the entries of the epochs before
            note: why they were in vain, if they were
        """
        stopped: BaseException | None = None
        self._share = (len(curve) * self._steps + len(losses)) / (len(self._stages) * self._steps)
        if self._engine.rank == 0:
            try:
                self._tell(losses, started, curve, note)
                self.listener(self._share, self._line)
            except BaseException as error:
                stopped = error
        if self._engine.any(stopped is not None):
            raise stopped or RuntimeError("the training was stopped in another process")

    def _tell(self, losses: list[torch.Tensor], started: float, curve: list[dict], note: str | None) -> None:
        """Make the line anew once in a while, because reading the loss waits for a GPU."""
        now, epoch = time.monotonic(), len(curve)
        if now - self._told_at < _TOLD_SECONDS and len(losses) < self._steps:
            return
        pace = len(losses) * self._batch_size / max(now - started, 1e-6)
        left = (len(self._stages) - epoch) * self._steps - len(losses)
        text = f"epoch {epoch + 1}/{len(self._stages)}, loss {float(losses[-1]):.4g}"
        several = len(set(self._stages)) > 1
        text += f" ({self._stages[epoch]})" if several else f" (trivial {self._trivial:.4g})"
        if curve:
            text += f", agreement {curve[-1]['agreement']:.2f}"
        text += f", {pace:.0f} images/s, {duration(left * self._batch_size / pace)} left"
        self._line, self._told_at = text + (", no better than trivial so far" if note else ""), now
