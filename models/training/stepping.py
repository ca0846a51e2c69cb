"""One step of the optimizer, with a whole batch or in parts, and what stops it."""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import torch

from .engine import Engine
from .optimizers import build_optimizer
from .recipe import Recipe


class Stepper:
    """Moves the weights of a network.

    Args:
        network: what learns, on its device
        recipe: its loss and its optimizer
        engine: the processes
        dtype: what the network computes in
        look: called amid a step; it may raise to stop

    Attributes:
        optimizer: of the weights
        scaler: keeps gradients within the range of float16
        seen: the parts of the loss in every step of the current epoch, if the recipe tells them apart
    """

    def __init__(
        self, network: torch.nn.Module, recipe: Recipe, engine: Engine, dtype: torch.dtype, look: Callable[[], None]
    ):
        self._network, self._recipe, self._engine, self._dtype, self._look = network, recipe, engine, dtype, look
        self.renew()
        self._wrapped = engine.wrap(network)
        self.scaler = torch.amp.GradScaler(engine.device.type, enabled=dtype == torch.float16)
        self.seen: list[dict[str, torch.Tensor]] = []

    def renew(self) -> None:
        """Forget what the optimizer gathered."""
        self.optimizer = build_optimizer(self._recipe.optimizer, self._network, self._recipe.weight_decay)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def autocast(self) -> torch.autocast:
        """Within, the network computes in ``dtype``."""
        return torch.autocast(self._engine.device.type, self._dtype, enabled=self._dtype != torch.float32)

    def step(self, inputs: torch.Tensor, targets: Any, images: int, seed: int) -> torch.Tensor:
        """One step.

        Args:
            inputs: of this process's part of the batch
            targets: what the recipe's loss compares outputs with
            images: how many images the inputs show, each as often
            seed: of what the network drops

        Returns:
            the loss of the whole batch
        """
        self.optimizer.zero_grad(set_to_none=True)
        size = (self._recipe.micro_batch or images) * (len(inputs) // images)
        if size < len(inputs):
            loss = self._step_in_parts(inputs, targets, size, seed)
        else:
            with self.autocast():
                outputs = self._wrapped(inputs)
            self._look()
            loss = self._loss(outputs, targets)
            self._engine.backward(self.scaler.scale(loss))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def refuse_infinite(self, epoch: int, losses: list[torch.Tensor], rate: float) -> None:
        """Name the step, and the part of the loss if it has parts, in which an epoch went wrong.

        Raises:
            ValueError: if it is refused
        """
        step = next(i for i, loss in enumerate(losses) if not torch.isfinite(loss))
        parts = self.seen[step] if self.seen else {}
        part = next((name for name, value in parts.items() if not torch.isfinite(value)), None)
        what, value = ("the loss", losses[step]) if part is None else (f"the loss part {part!r}", parts[part])
        raise ValueError(
            f"{what} became {float(value)} in step {step + 1} of epoch {epoch + 1}; lower learning_rate (it was "
            f"{rate:.4g}) or set precision='float32', then train again: the checkpoint holds the epoch before"
        )

    def _loss(self, outputs: torch.Tensor, targets: Any) -> torch.Tensor:
        found = self._recipe.objective(outputs, targets, self._engine)
        if not isinstance(found, dict):
            return found
        self.seen.append({name: part.detach() for name, part in found.items()})
        return reduce(add, found.values())

    def _step_in_parts(self, inputs: torch.Tensor, targets: Any, size: int, seed: int) -> torch.Tensor:
        """The same loss over the whole batch with the memory of a part of it.

        Source: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, RepL4NLP 2021:
        outputs first without a graph, their gradients, then part by part the gradients of the weights.
        """
        torch.manual_seed(seed)
        with torch.no_grad(), self.autocast():
            outputs = torch.cat([self._outputs(part) for part in inputs.split(size)]).float()
        outputs.requires_grad_()
        loss = self._loss(outputs, targets)
        self._engine.backward(self.scaler.scale(loss))
        torch.manual_seed(seed)  # dropout must drop the same values again
        gradients: Any = outputs.grad
        parts = list(zip(inputs.split(size), gradients.split(size), strict=True))
        for part, gradient in parts[:-1]:
            with self._engine.without_sync(self._wrapped):
                self._backward(part, gradient)
        self._backward(*parts[-1])
        return loss

    def _outputs(self, part: torch.Tensor) -> torch.Tensor:
        self._look()
        return self._network(part)

    def _backward(self, part: torch.Tensor, gradient: torch.Tensor) -> None:
        self._look()
        with self.autocast():
            outputs = self._wrapped(part)
        outputs.backward(gradient.to(outputs.dtype))
