"""The training loop: epochs over decoded images, watched, kept after every epoch, resumable to the same curve.

All randomness of an epoch follows from the seed and the epoch's number, so a resumed run needs no state of random
generators and an epoch that was killed in its middle is simply done again.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..devices import best_precision
from ..parameters import SEED, parameters
from ..progress import Progress, quiet
from .augmentation import Draw
from .backbones import count_weights
from .checkpoint import read_record, read_tensors, write_checkpoint
from .curve import TrainingProgress, curve_entry
from .engine import create_engine
from .network import network_from
from .optimizers import learning_rate, optimizer_tensors, restore_optimizer
from .pixels import Pixels, spread_places
from .recipe import Recipe
from .reconstruction import save_picture
from .stages import without_unneeded
from .stepping import Stepper
from .store import PICTURE
from .versions import versions

_EVALUATED = 64  # images per pass when nothing is trained; after each one the user can stop
_SHOWN = 12  # images in the reconstruction picture


class Training:
    """One run.

    Args:
        recipe: how
        pixels: the images
        path: the checkpoint
        epochs: in all, beyond those that train layers alone
        seed: everything random follows it
        about: plain JSON to record with the rest, such as the name
        truth: a class per image, only ever reported

    Attributes:
        epoch: how many are done
        curve: an entry per epoch
        state: tensors by name that the recipe keeps between epochs
        memory: plain JSON that the recipe keeps

    Raises:
        ValueError: if the images or the parameters are refused
    """

    def __init__(
        self,
        recipe: Recipe,
        pixels: Pixels,
        path: Path,
        epochs: int,
        seed: int = SEED,
        about: dict | None = None,
        truth: list | None = None,
    ):
        self.recipe, self.pixels, self.path, self.seed, self.truth = recipe, pixels, path, seed, truth
        self.engine = create_engine(recipe.device)
        recipe.check_pixels(pixels, self.engine.processes)
        self.device = self.engine.device
        self.dtype = getattr(torch, best_precision(recipe.precision, self.device.type))
        self.stages = recipe.stages(epochs)
        self._planned = list(self.stages)
        self.steps = len(pixels) // recipe.batch_size
        mean, std = recipe.constants(pixels)
        self.mean, self.std = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (mean, std))
        self.epoch, self.seconds = 0, 0.0
        self.curve: list[dict] = []
        self.note: str | None = None
        self.state: dict[str, torch.Tensor] = {}
        self.memory: dict[str, Any] = {}
        self.trivial = recipe.trivial(pixels, self.engine)
        self._progress = TrainingProgress(self.engine, self.stages, self.steps, recipe.batch_size, self.trivial)
        self.record: dict[str, Any] = {
            **(about or {}),
            "kind": recipe.kind,
            "raw_codes": recipe.raw_codes,
            "params": {name: getattr(recipe, name) for name in parameters(type(recipe))},
            "epochs": epochs,
            "planned": len(self.stages),
            "seed": seed,
            "architecture": recipe.architecture(pixels),
            "preprocessing": recipe.preprocessing(pixels.array.shape[-1], mean, std).as_dict(),
            "data": {"n": len(pixels), "digest": pixels.digest, "skipped": pixels.skipped},
            "rendering": pixels.rendering,
            "trivial_loss": round(self.trivial, 6),
            "loss_name": recipe.loss_name,
            "versions": versions(),
        }

    def run(self, resume: bool = False, progress: Progress | None = None) -> dict:
        """Train to the last epoch.

        Args:
            resume: continue from the checkpoint
            progress: called with ``(fraction, message)`` after each batch; it may raise to stop, and what the last
                finished epoch learned is kept

        Returns:
            the record of the checkpoint

        Raises:
            ValueError: if the loss is not finite or the checkpoint cannot be read or written
        """
        self._progress.listener = progress or quiet
        # the caller's random numbers are not ours to disturb
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            self._resume() if resume else self._start()
            while self.epoch < len(self.stages):
                started = time.monotonic()
                self.recipe.enter(self.network, self.stage)
                self.recipe.prepare(self)
                self.curve.append(self._train(self.epoch))
                self._judge()
                self.epoch, self.seconds = self.epoch + 1, self.seconds + time.monotonic() - started
                self.recipe.review(self)
                self._save()
        return self.record

    @property
    def stage(self) -> str:
        """The stage of the current epoch."""
        return self.stages[self.epoch]

    def renew(self) -> None:
        """Forget what the optimizer gathered in the stage before."""
        self._stepper.renew()

    def end_stage(self) -> None:
        """Leave out what is left of the stage of the epoch done last; a resumed training does, too."""
        stage = self.stages[self.epoch - 1]
        self.memory.setdefault("ended", {})[stage] = self.epoch - self.stages.index(stage)
        self._shorten()

    def repeat_stage(self, stage: str) -> None:
        """Go back to the first epoch of a stage, which has all of its epochs again."""
        self.memory.get("ended", {}).pop(stage, None)
        self._shorten()
        self.epoch = self.stages.index(stage)
        self.curve = self.curve[: self.epoch]

    def _shorten(self) -> None:
        """In place, for the progress has the same list."""
        self.stages[:] = without_unneeded(self._planned, self.memory.get("ended", {}))

    def images(self, positions: np.ndarray) -> torch.Tensor:
        """The images at ``positions``, uint8 ``(b, 3, side, side)``, on the training device."""
        return torch.from_numpy(self.pixels.array[positions]).to(self.device)

    def normalized(self, images: torch.Tensor) -> torch.Tensor:
        """Images with values in [0, 1] as the network's input."""
        return ((images - self.mean) / self.std).to(memory_format=self.layout)

    def features(self, images: torch.Tensor, draw: Draw | None = None, network: Callable | None = None) -> torch.Tensor:
        """Return the features of uint8 images, or of views of them, without gradients.

        Args:
            images: uint8 ``(n, 3, side, side)``
            draw (None): :class:`models.training.augmentation.Draw` of ``n`` views
            network (None): what to apply instead of the encoder

        Returns:
            float32 ``(n, d)``
        """
        found = []
        self.network.eval()
        with torch.no_grad(), self._stepper.autocast():
            for start in range(0, len(images), _EVALUATED):
                rows = slice(start, start + _EVALUATED)
                self._progress.look()
                part = images[rows].to(self.device)
                views = draw[rows](part) if draw is not None else part.float() / 255
                found.append((network or self.network.encoder)(self.normalized(views)).float())
        self.network.train()
        return torch.cat(found)

    def all_features(self, network: Callable | None = None) -> torch.Tensor:
        """:meth:`features` of all images, ``(n, d)``, on the CPU."""
        everyone = np.arange(len(self.pixels))
        parts = (everyone[start : start + _EVALUATED] for start in range(0, len(everyone), _EVALUATED))
        return torch.cat([self.features(self.images(part), None, network).cpu() for part in parts])

    def _start(self) -> None:
        self._place(self.recipe.build(self.record["architecture"], self.recipe.pretrained))
        self._save()

    def _resume(self) -> None:
        old = read_record(self.path)
        data, ours = old["data"], self.record["data"]
        if data["digest"] != ours["digest"]:
            raise ValueError(
                f"the {ours['n']:,} images differ from the {data['n']:,} that {self.path.parent.name!r} was trained "
                "on; resume on the same view, or train under a new name"
            )
        state = read_tensors(self.path, "optimizer.")
        if old["epoch"] and not state:
            raise ValueError(
                f"{self.path.parent.name!r} was imported without the state that training needs; train under a new name"
            )
        self._place(network_from(old, read_tensors(self.path, "network."), repr(str(self.path))))
        self.epoch, self.curve, self.note = old["epoch"], old["curve"], old["note"]
        self.seconds, self.memory = old["seconds"], old.get("memory", {})
        self.state = read_tensors(self.path, "state.")
        self._shorten()
        self._note_progress()
        restore_optimizer(self._stepper.optimizer, state)
        if old["scale"]:
            scaler = self._stepper.scaler
            scaler.load_state_dict({**scaler.state_dict(), "scale": old["scale"]})

    def _place(self, network: torch.nn.Module) -> None:
        convolutional = any(isinstance(module, torch.nn.Conv2d) for module in network.modules())
        self.layout = torch.channels_last if convolutional else torch.contiguous_format
        # PyTorch's types have no memory_format here
        self.network = network.to(self.device, memory_format=self.layout).train()  # type: ignore[call-overload]
        self._stepper = Stepper(self.network, self.recipe, self.engine, self.dtype, self._progress.look)
        self.record["weights"] = count_weights(self.network)
        blank = np.zeros((1, *self.pixels.array.shape[1:]), np.uint8)
        self.record["dimension"] = self.features(torch.from_numpy(blank)).shape[1]

    def _train(self, epoch: int) -> dict:
        """One epoch; returns its entry of the curve."""
        started, size = time.monotonic(), self.recipe.batch_size
        attempt = self.memory.get("attempt", 0)
        seed = mixed(self.seed, attempt) if attempt else self.seed
        torch.manual_seed(mixed(seed, epoch, self.engine.rank))
        generator = torch.Generator().manual_seed(mixed(seed, epoch, 0))
        order = torch.randperm(len(self.pixels), generator=generator).numpy()
        ours = len(order[:size][self.engine.rows(size)])
        losses: list[torch.Tensor] = []
        rate, self._stepper.seen = 0.0, []
        for step in range(self.steps):
            inputs, targets = self.recipe.draw(self, order[step * size : (step + 1) * size], generator)
            rate = self._set_rate(epoch, step)
            part = mixed(seed, epoch, self.engine.rank, step)
            losses.append(self._step(self.normalized(inputs), targets, ours, part))
            self.recipe.after_step(self, step)
            self._progress.report(losses, started, self.curve, self.note)
        loss = float(torch.stack(losses).mean())
        if not np.isfinite(loss):
            self._stepper.refuse_infinite(epoch, losses, rate)
        speed = self.steps * size / (time.monotonic() - started)
        return curve_entry(self, self.recipe, loss, rate, speed, self._stepper.seen)

    def _step(self, inputs: torch.Tensor, targets: Any, images: int, seed: int) -> torch.Tensor:
        return self._stepper.step(inputs, targets, images, seed)

    def _judge(self) -> None:
        """Note if an epoch past the last stage's warm-up was in vain."""
        first = self.stages.index(self.stages[-1])
        if self.epoch + 1 > self.recipe.warmup_epochs + first and self.epoch >= first:
            entry = self.curve[-1]
            self.note = self.recipe.verdict(entry["loss"], self.trivial, entry["spread"])

    def _save(self) -> None:
        self._note_progress()
        if self.engine.rank == 0:
            tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
            tensors |= {f"state.{name}": tensor for name, tensor in self.state.items()}
            write_checkpoint(self.path, self.record, tensors | optimizer_tensors(self._stepper.optimizer))
            if hasattr(self.network, "decoder"):
                shown = self.images(spread_places(len(self.pixels), _SHOWN)) / 255
                save_picture(self.network, shown, self.path.parent / PICTURE)
        self.engine.wait()

    def _note_progress(self) -> None:
        self.record |= {"epoch": self.epoch, "curve": self.curve, "note": self.note, "seconds": round(self.seconds, 2)}
        self.record |= {"memory": self.memory, "planned": len(self.stages)}
        scaler = self._stepper.scaler
        self.record["scale"] = scaler.get_scale() if scaler.is_enabled() else None

    def _set_rate(self, epoch: int, step: int) -> float:
        """Each stage has its own warm-up and cosine."""
        stage = self.stages[epoch]
        first, length = self.stages.index(stage), self.stages.count(stage)
        warmup = min(self.recipe.warmup_epochs, length) * self.steps
        rate = learning_rate(
            (epoch - first) * self.steps + step, length * self.steps, warmup, self.recipe.peak_rate(stage)
        )
        self._stepper.set_rate(rate)
        return rate


def mixed(*numbers: int) -> int:
    """One seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
