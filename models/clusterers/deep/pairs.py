"""Heads that learn from pairs of neighbours: the loop that SCAN, CC and PICA have in common."""

import numpy as np

from .heads import Head, HeadClusterer, batch_size, imitate, new_network
from .networks import calibrate, exported
from .objectives import SizeBalance
from .steps import History, batches, total

# Of the steps, what a warm start may take: enough to reproduce it, not to be sure of its mistakes.
_WARM_SHARE = 0.2
_SCORED_NEIGHBORS = 5


class PairHeadClusterer(HeadClusterer):
    """Base of methods whose loss compares the assignments of samples with those of their neighbours.

    A subclass implements ``_losses(p, q, boost)``, which returns scalar tensors by name for assignments ``(b, k)`` of
    samples and of one neighbour of each; ``boost`` multiplies the balance. Its constructor has ``balance``,
    ``balance_weight`` and ``min_entropy``.
    """

    balance: str
    balance_weight: float
    min_entropy: float

    def size_balance(self, boost: float) -> SizeBalance:
        """What keeps clusters from swallowing others, multiplied by ``boost``."""
        return SizeBalance(self.balance, boost * self.balance_weight, self.min_entropy)

    def _losses(self, p, q, boost: float) -> dict:
        raise NotImplementedError(f"{type(self).__name__} has no loss; implement _losses(p, q, boost)")

    def _train(self, task, boost, seed, progress):
        import torch

        network = new_network(task)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate, weight_decay=1e-4)
        imitate(task, network, optimizer, max(20, int(_WARM_SHARE * self.steps)), seed)
        history = History(self.steps, task.neighbors)
        rng = np.random.default_rng(seed)
        n, m = task.neighbors.shape
        for step, rows in enumerate(batches(n, batch_size(n, task.n_clusters), self.steps, seed)):
            if step % 10 == 0:
                progress(step / self.steps, f"step {step}")
            pairs = task.neighbors[rows, rng.integers(m, size=len(rows))]
            network.train()
            # One pass for both: batch normalisation sees samples and neighbours as one batch.
            both = network(torch.cat([task.X[rows], task.X[pairs]])).softmax(dim=1)
            parts = self._losses(both[: len(rows)], both[len(rows) :], boost)
            optimizer.zero_grad()
            total(parts, self.name, step).backward()
            optimizer.step()
            if history.due(step):
                history.add(step, parts, assignments(network, task.X))
        return self._finished(task, boost, network, history, seed)

    def _finished(self, task, boost, network, history, seed) -> Head:
        calibrate(network, task.X)
        P = assignments(network, task.X)
        return Head(self._score(task, P, boost), exported(network), history.columns)

    def _score(self, task, P, boost) -> float:
        """The loss over all samples and a few nearest neighbours of each."""
        columns = task.neighbors[:, :_SCORED_NEIGHBORS].T
        return sum(float(sum(self._losses(P, P[column], boost).values())) for column in columns) / len(columns)


def assignments(network, X):
    """Soft assignments ``(n, k)`` of all of ``X`` ``(n, q)``, without gradients."""
    import torch

    network.eval()
    with torch.no_grad():
        return network(X).softmax(dim=1)
