"""Heads that learn from pairs of neighbors: the loop that SCAN, CC and PICA have in common."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...progress import Progress
from .heads import Head, HeadClusterer, batch_size, new_network, warm_start
from .losses import total
from .networks import to_layers, update_bn
from .objectives import SizeBalance
from .steps import History, batches, sum_finite

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .heads import Task

# Of the steps, what a warm start may take: enough to reproduce it, not to be sure of its mistakes.
_WARM_SHARE = 0.2
SCORED_NEIGHBORS = 5


class PairHeadClusterer(HeadClusterer):
    """Base of methods whose loss compares the assignments of samples with those of their neighbors.

    A subclass implements ``_losses(first, second, boost)``, which returns scalar tensors by name for logits ``(b, k)``
    of samples and of one neighbor of each; ``boost`` multiplies the balance. Its constructor has ``balance``,
    ``balance_weight`` and ``min_entropy``.
    """

    steps: int
    learning_rate: float
    balance: str
    balance_weight: float
    min_entropy: float

    def size_balance(self, boost: float) -> SizeBalance:
        """Return the price of unequal sizes, multiplied by ``boost``."""
        return SizeBalance(self.balance, boost * self.balance_weight, self.min_entropy)

    def _losses(self, first: "Tensor", second: "Tensor", boost: float) -> "dict[str, Tensor]":
        raise NotImplementedError(f"{type(self).__name__} has no loss; implement _losses(first, second, boost)")

    def _train(self, task: "Task", boost: float, seed: int, progress: Progress) -> Head:
        import torch

        network = new_network(task)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate, weight_decay=1e-4)
        warm_start(task, network, optimizer, max(20, int(_WARM_SHARE * self.steps)), seed)
        history = History(self.steps, task.neighbors)
        rng = np.random.default_rng(seed)
        n, m = task.neighbors.shape
        for step, rows in enumerate(batches(n, batch_size(n, task.n_clusters), self.steps, seed)):
            if step % 10 == 0:
                progress(step / self.steps, f"step {step}")
            pairs = task.neighbors[rows, rng.integers(m, size=len(rows))]
            network.train()
            # One pass for both: batch normalization sees samples and neighbors as one batch.
            both = network(torch.cat([task.X[rows], task.X[pairs]]))
            parts = self._losses(both[: len(rows)], both[len(rows) :], boost)
            optimizer.zero_grad()
            sum_finite(parts, self.name, step).backward()
            optimizer.step()
            if history.due(step):
                history.add(step, parts, assignments(network, task.X))
        return self._finished(task, boost, network, history, seed)

    def _finished(self, task: "Task", boost: float, network: "nn.Sequential", history: History, seed: int) -> Head:
        update_bn(network, task.X)
        return Head(self._score(task, logits_of(network, task.X), boost), to_layers(network), history.columns)

    def _score(self, task: "Task", logits: "Tensor", boost: float) -> float:
        """Return the loss over all samples and a few nearest neighbors of each."""
        columns = task.neighbors[:, :SCORED_NEIGHBORS].T
        return score(logits, columns, lambda first, second: self._losses(first, second, boost))


def score(logits: "Tensor", columns: "Tensor", losses: "Callable[[Tensor, Tensor], dict[str, Tensor]]") -> float:
    """Return the loss over all samples and some neighbors of each.

    Args:
        logits: ``(n, k)`` of all samples
        columns: ``(m, n)`` rows of the neighbors
        losses: called with the logits of samples and of one neighbor of each; returns parts by name
    """
    return sum(float(total(losses(logits, logits[column]).values())) for column in columns) / len(columns)


def assignments(network: "nn.Module", X: "Tensor") -> "Tensor":
    """Return soft assignments ``(n, k)`` of all of ``X`` ``(n, q)``, without gradients."""
    return logits_of(network, X).softmax(dim=1)


def logits_of(network: "nn.Module", X: "Tensor") -> "Tensor":
    """Return the logits ``(n, k)`` of all of ``X`` ``(n, q)``, without gradients."""
    import torch

    network.eval()
    with torch.no_grad():
        return network(X)
