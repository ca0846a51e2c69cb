"""The training loop: epochs over decoded images, watched, kept after every epoch, resumable to the same curve.

All randomness of an epoch follows from the seed and the epoch's number, so a resumed run needs no state of random
generators and an epoch that was killed in its middle is simply done again.
"""

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ..encoders.batches import duration
from ..encoders.runtime import best_precision
from ..parameters import parameters
from .backbones import count_weights
from .checkpoint import read_record, read_tensors, write_checkpoint
from .engine import create_engine
from .network import network_from
from .optimizers import build_optimizer, learning_rate, optimizer_tensors, restore_optimizer
from .reconstruction import save_picture
from .signs import SAMPLE, knn_accuracy, neighbor_agreement, spread, verdict
from .store import PICTURE

_EVALUATED = 256  # images per pass when nothing is trained
_SHOWN = 12  # images in the reconstruction picture
_TOLD_SECONDS = 0.3
_LIBRARIES = ("torch", "timm", "numpy", "safetensors")


class Training:
    """One run.

    Args:
        recipe: a :class:`models.training.recipe.Recipe`
        pixels: :class:`models.training.pixels.Pixels`
        path: the checkpoint
        epochs: in all, beyond those that train layers alone
        seed: everything random follows it
        about: plain JSON to record with the rest, such as the name
        truth: a class per image, only ever reported

    Raises:
        ValueError: in one sentence, if the images or the parameters are refused
    """

    def __init__(self, recipe, pixels, path: Path, epochs: int, seed: int = 51, about=None, truth=None):
        self.recipe, self.pixels, self.path, self.seed, self.truth = recipe, pixels, path, seed, truth
        self.engine = create_engine(recipe.device)
        recipe.check(len(pixels), self.engine.processes)
        self.device = self.engine.device
        self.dtype = getattr(torch, best_precision(recipe.precision, self.device.type))
        self.stages = recipe.stages(epochs)
        self.steps = len(pixels) // recipe.batch_size
        mean, std = recipe.constants(pixels)
        self.mean, self.std = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (mean, std))
        self.epoch, self.curve, self.note, self.seconds = 0, [], None, 0.0
        self._told = (0.0, "")
        self.trivial = recipe.trivial(pixels, self.engine)
        self.record = {
            **(about or {}),
            "kind": recipe.kind,
            "params": {name: getattr(recipe, name) for name in parameters(type(recipe))},
            "epochs": epochs,
            "planned": len(self.stages),
            "seed": seed,
            "architecture": recipe.architecture(pixels),
            "preprocessing": recipe.preprocessing(pixels.array.shape[-1], mean, std).as_dict(),
            "data": {"n": len(pixels), "digest": pixels.digest, "skipped": pixels.skipped},
            "trivial_loss": round(self.trivial, 6),
            "loss_name": recipe.loss_name,
            "versions": {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        }

    def run(self, resume: bool = False, progress: Callable[[float, str], None] | None = None) -> dict:
        """Trains to the last epoch.

        Args:
            resume: continue from the checkpoint
            progress: called with ``(fraction, message)`` after each batch; it may raise to stop, and what the last
                finished epoch learned is kept

        Returns:
            the record of the checkpoint

        Raises:
            ValueError: in one sentence, if the loss is not finite or the checkpoint cannot be read or written
        """
        self.progress = progress or (lambda fraction, message="": None)
        # the caller's random numbers are not ours to disturb
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._resume() if resume else self._start()
            for epoch in range(self.epoch, len(self.stages)):
                started = time.monotonic()
                self.recipe.enter(self.network, self.stages[epoch])
                loss, rate, seconds = self._train(epoch)
                self._watch(epoch, loss, rate, seconds)
                self.epoch, self.seconds = epoch + 1, self.seconds + time.monotonic() - started
                self._save()
        return self.record

    def _start(self):
        self._place(self.recipe.build(self.record["architecture"], getattr(self.recipe, "pretrained", False)))
        self._save()

    def _resume(self):
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
        self.seconds = old["seconds"]
        restore_optimizer(self.optimizer, state)
        if old["scale"]:
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": old["scale"]})

    def _place(self, network):
        convolutional = any(isinstance(module, torch.nn.Conv2d) for module in network.modules())
        self.layout = torch.channels_last if convolutional else torch.contiguous_format
        self.network = network.to(self.device, memory_format=self.layout).train()
        self.optimizer = build_optimizer(self.recipe.optimizer, self.network, self.recipe.weight_decay)
        self.wrapped = self.engine.wrap(self.network)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
        self.record["weights"] = count_weights(self.network)
        blank = np.zeros((1, *self.pixels.array.shape[1:]), np.uint8)
        self.record["dimension"] = self._features(torch.from_numpy(blank)).shape[1]

    def _train(self, epoch: int) -> tuple[float, float, float]:
        """One epoch: its mean loss, last learning rate, and seconds."""
        started, size = time.monotonic(), self.recipe.batch_size
        torch.manual_seed(_mixed(self.seed, epoch, self.engine.rank))
        generator = torch.Generator().manual_seed(_mixed(self.seed, epoch, 0))
        order = torch.randperm(len(self.pixels), generator=generator).numpy()
        rows = self.engine.rows(size)
        losses, rate = [], 0.0
        for step in range(self.steps):
            images = self._images(order[step * size : (step + 1) * size][rows])
            inputs, targets = self.recipe.inputs(images, generator, size, rows)
            rate = self._set_rate(epoch, step)
            part = _mixed(self.seed, epoch, self.engine.rank, step)
            losses.append(self._step(self._normalized(inputs), targets, len(images), part))
            self._report(epoch, step, losses, started)
        loss = float(torch.stack(losses).mean())
        if not np.isfinite(loss):
            raise ValueError(
                f"the loss became {loss} in epoch {epoch + 1}; lower learning_rate (it was {rate:.4g}) or set "
                "precision='float32', then train again: the checkpoint holds the epoch before"
            )
        return loss, rate, time.monotonic() - started

    def _step(self, inputs, targets, images: int, seed: int) -> torch.Tensor:
        """One step of the optimiser; returns the loss of the whole batch."""
        self.optimizer.zero_grad(set_to_none=True)
        size = (self.recipe.micro_batch or images) * (len(inputs) // images)
        if size < len(inputs):
            loss = self._step_in_parts(inputs, targets, size, seed)
        else:
            with self._autocast():
                outputs = self.wrapped(inputs)
            loss = self.recipe.objective(outputs, targets, self.engine)
            self.engine.backward(self.scaler.scale(loss))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def _step_in_parts(self, inputs, targets, size: int, seed: int) -> torch.Tensor:
        """The same loss over the whole batch with the memory of a part of it.

        Source: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, RepL4NLP 2021:
        outputs first without a graph, their gradients, then part by part the gradients of the weights.
        """
        torch.manual_seed(seed)
        with torch.no_grad(), self._autocast():
            outputs = torch.cat([self.network(part) for part in inputs.split(size)]).float()
        outputs.requires_grad_()
        loss = self.recipe.objective(outputs, targets, self.engine)
        self.engine.backward(self.scaler.scale(loss))
        torch.manual_seed(seed)  # dropout must drop the same values again
        parts = list(zip(inputs.split(size), outputs.grad.split(size), strict=True))
        for part, gradient in parts[:-1]:
            with self.engine.without_sync(self.wrapped):
                self._backward(part, gradient)
        self._backward(*parts[-1])
        return loss

    def _backward(self, part, gradient):
        with self._autocast():
            outputs = self.wrapped(part)
        outputs.backward(gradient.to(outputs.dtype))

    def _watch(self, epoch: int, loss: float, rate: float, seconds: float):
        """Adds the epoch to the curve with its signs of learning."""
        chosen = np.sort(np.random.default_rng(self.seed).permutation(len(self.pixels))[:SAMPLE])
        images = self._images(chosen)
        generator = torch.Generator().manual_seed(_mixed(self.seed, 0, 1))
        augment = self.recipe.augmentation()
        first, second = (self._features(images, augment.draw(len(images), generator)) for _ in range(2))
        entry = {
            "epoch": epoch + 1,
            "stage": self.stages[epoch],
            "loss": round(loss, 6),
            "learning_rate": round(rate, 8),
            "images_per_second": round(self.steps * self.recipe.batch_size / seconds, 1),
            "agreement": round(neighbor_agreement(first, second), 4),
            "spread": round(spread(first), 4),
        }
        if self.truth is not None:
            classes = [self.truth[i] for i in chosen]
            entry["knn_accuracy"] = round(knn_accuracy(self._features(images), classes), 4)
        self.curve.append(entry)
        alone = self.stages[epoch] != self.stages[-1]
        warm = epoch + 1 > self.recipe.warmup_epochs + self.stages.index(self.stages[-1])
        if warm and not alone:
            self.note = verdict(loss, self.trivial, entry["spread"], self.recipe.kind == "simclr")

    def _features(self, images, draw=None) -> torch.Tensor:
        """Vectors ``(n, d)`` of uint8 images, or of views of them."""
        found = []
        self.network.eval()
        with torch.inference_mode(), self._autocast():
            for start in range(0, len(images), _EVALUATED):
                rows = slice(start, start + _EVALUATED)
                part = images[rows].to(self.device)
                views = draw[rows](part) if draw is not None else part.float() / 255
                found.append(self.network.encoder(self._normalized(views)).float())
        self.network.train()
        return torch.cat(found)

    def _save(self):
        self.record |= {"epoch": self.epoch, "curve": self.curve, "note": self.note, "seconds": round(self.seconds, 2)}
        self.record["scale"] = self.scaler.get_scale() if self.scaler.is_enabled() else None
        if self.engine.rank == 0:
            tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
            write_checkpoint(self.path, self.record, tensors | optimizer_tensors(self.optimizer))
            if hasattr(self.network, "decoder"):
                shown = self._images(np.arange(min(_SHOWN, len(self.pixels)))) / 255
                save_picture(self.network, shown, self.path.parent / PICTURE)
        self.engine.wait()

    def _report(self, epoch: int, step: int, losses: list, started: float):
        """Reports progress; a stop in one process stops all, in the same batch."""
        stopped, done = None, epoch * self.steps + step + 1
        if self.engine.rank == 0:
            try:
                self.progress(done / (len(self.stages) * self.steps), self._text(epoch, done, losses, started))
            except BaseException as error:
                stopped = error
        if self.engine.any(stopped is not None):
            raise stopped or RuntimeError("the training was stopped in another process")

    def _text(self, epoch: int, done: int, losses: list, started: float) -> str:
        """Where the run is; made anew once in a while, because reading the loss waits for a GPU."""
        now = time.monotonic()
        if now - self._told[0] < _TOLD_SECONDS and len(losses) < self.steps:
            return self._told[1]
        ours = len(losses) * self.recipe.batch_size
        pace, left = ours / max(now - started, 1e-6), len(self.stages) * self.steps - done
        text = f"epoch {epoch + 1}/{len(self.stages)}, loss {float(losses[-1]):.4g} (trivial {self.trivial:.4g})"
        if self.curve:
            text += f", agreement {self.curve[-1]['agreement']:.2f}"
        text += f", {pace:.0f} images/s, {duration(left * self.recipe.batch_size / pace)} left"
        self._told = (now, text + (", no better than trivial so far" if self.note else ""))
        return self._told[1]

    def _set_rate(self, epoch: int, step: int) -> float:
        """Each stage has its own warm-up and cosine."""
        stage = self.stages[epoch]
        first, length = self.stages.index(stage), self.stages.count(stage)
        warmup = min(self.recipe.warmup_epochs, length) * self.steps
        rate = learning_rate((epoch - first) * self.steps + step, length * self.steps, warmup, self.recipe.peak_rate())
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _images(self, positions: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.pixels.array[positions]).to(self.device)

    def _normalized(self, images) -> torch.Tensor:
        return ((images - self.mean) / self.std).to(memory_format=self.layout)

    def _autocast(self):
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)


def _mixed(*numbers: int) -> int:
    """One seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
