"""One step of the optimiser, with a whole batch or in parts, and what stops it."""

import torch


class Stepping:
    """The part of :class:`models.training.trainer.Training` that moves the weights; it uses the attributes of that."""

    def _step(self, inputs, targets, images: int, seed: int) -> torch.Tensor:
        """One step of the optimiser; returns the loss of the whole batch."""
        self.optimizer.zero_grad(set_to_none=True)
        size = (self.recipe.micro_batch or images) * (len(inputs) // images)
        if size < len(inputs):
            loss = self._step_in_parts(inputs, targets, size, seed)
        else:
            with self._autocast():
                outputs = self.wrapped(inputs)
            self.look()
            loss = self._loss(outputs, targets)
            self.engine.backward(self.scaler.scale(loss))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def _loss(self, outputs, targets) -> torch.Tensor:
        found = self.recipe.objective(outputs, targets, self.engine)
        if not isinstance(found, dict):
            return found
        self.seen.append({name: part.detach() for name, part in found.items()})
        return sum(found.values())

    def _step_in_parts(self, inputs, targets, size: int, seed: int) -> torch.Tensor:
        """The same loss over the whole batch with the memory of a part of it.

        Source: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, RepL4NLP 2021:
        outputs first without a graph, their gradients, then part by part the gradients of the weights.
        """
        torch.manual_seed(seed)
        with torch.no_grad(), self._autocast():
            outputs = torch.cat([self._outputs(part) for part in inputs.split(size)]).float()
        outputs.requires_grad_()
        loss = self._loss(outputs, targets)
        self.engine.backward(self.scaler.scale(loss))
        torch.manual_seed(seed)  # dropout must drop the same values again
        parts = list(zip(inputs.split(size), outputs.grad.split(size), strict=True))
        for part, gradient in parts[:-1]:
            with self.engine.without_sync(self.wrapped):
                self._backward(part, gradient)
        self._backward(*parts[-1])
        return loss

    def _outputs(self, part):
        self.look()
        return self.network(part)

    def _backward(self, part, gradient):
        self.look()
        with self._autocast():
            outputs = self.wrapped(part)
        outputs.backward(gradient.to(outputs.dtype))

    def _autocast(self):
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _refuse_infinite(self, epoch: int, losses: list, rate: float):
        """Names the step, and the part of the loss if it has parts, in which it went wrong."""
        step = next(i for i, loss in enumerate(losses) if not torch.isfinite(loss))
        parts = self.seen[step] if self.seen else {}
        part = next((name for name, value in parts.items() if not torch.isfinite(value)), None)
        what = f"the loss part {part!r}" if part else "the loss"
        raise ValueError(
            f"{what} became {float(parts.get(part, losses[step]))} in step {step + 1} of epoch {epoch + 1}; lower "
            f"learning_rate (it was {rate:.4g}) or set precision='float32', then train again: the checkpoint holds the "
            "epoch before"
        )
