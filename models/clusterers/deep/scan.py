"""SCAN on embeddings: a small network that learns to put neighbors into one cluster, and to be sure of it.

Choose it when the number of clusters is roughly known and quality counts more than seconds: it follows the shape of the
data where k-means only cuts it, and gives every sample a probability.

Paper: Van Gansbeke et al. 2020, "SCAN: Learning to Classify Images without Labels", section 2.2; ``self_label`` is
section 2.3, with confident samples and labels found anew every 20 steps, until they are no longer more. Where ours
differs: vectors are frozen and a head of one hidden layer learns on them; it starts from the clusters of k-means after
UMAP; and the balance is a hinge, free until sizes become very unequal, because the paper's term pulls all clusters to
one size and loses to k-means where classes are not of one size.
"""

import copy
import warnings
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from .heads import Balance, BalanceWeight, Heads, LearningRate, MinEntropy, NClusters, Neighbors, Start, Steps
from .losses import label_cross_entropy
from .networks import update_bn
from .objectives import class_weights, scan_losses
from .pairs import PairHeadClusterer, assignments
from .steps import batches, stopped_growing, sum_finite

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .heads import Head, Task
    from .steps import History

# Of self-labeling, after each round of which the confident samples and their labels are found anew.
_LABEL_ROUNDS, _ROUND_STEPS = 10, 20
_SURE, _SURE_QUANTILE = 0.99, 0.9
# Of the clusters, what the sure samples must cover to teach the others.
_COVERED = 0.8


class SCAN(PairHeadClusterer):
    """Semantic clustering by adopting nearest neighbors.

    Attributes:
        spec_: as all heads'
        history_: with the parts "consistency" and "balance", and "self_label" in the steps of self-labeling
    """

    name = "scan"
    title = "SCAN"
    when = "The default among deep methods: better than k-means on most embeddings, with probabilities"
    order = 200

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 300,
        heads: Heads = 3,
        n_neighbors: Neighbors = 20,
        start: Start = "auto",
        balance: Balance = "hinge",
        balance_weight: BalanceWeight = 5.0,
        min_entropy: MinEntropy = 0.9,
        self_label: Annotated[
            bool,
            Field(description="Afterwards, let the most confident samples teach the others, under noise and dropout"),
        ] = False,
        learning_rate: LearningRate = 1e-3,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.steps = steps
        self.heads = heads
        self.n_neighbors = n_neighbors
        self.start = start
        self.balance = balance
        self.balance_weight = balance_weight
        self.min_entropy = min_entropy
        self.self_label = self_label
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _losses(self, first: "Tensor", second: "Tensor", boost: float) -> "dict[str, Tensor]":
        return scan_losses(first, second, self.size_balance(boost))

    def _finished(self, task: "Task", boost: float, network: "nn.Sequential", history: "History", seed: int) -> "Head":
        if self.self_label:
            self._label_itself(task, network, history, seed)
        return super()._finished(task, boost, network, history, seed)

    def _label_itself(self, task: "Task", network: "nn.Module", history: "History", seed: int) -> None:
        """Train on what the network is sure of, disturbed; not at all if that is too one-sided or loses clusters."""
        chosen, labels, _ = _sure_samples(network, task)
        covered, used = len(labels[chosen].unique()), len(labels.unique())
        if covered < _COVERED * task.n_clusters:
            what = f"left out: the most confident samples cover {covered} of {task.n_clusters} clusters"
            warnings.warn(f"scan's self-labeling was {what}; raise steps, or ask for fewer clusters", stacklevel=7)
            return
        kept = copy.deepcopy(network.state_dict())
        self._learn_labels(task, network, history, seed)
        update_bn(network, task.X)
        left = len(assignments(network, task.X).argmax(dim=1).unique())
        if left < used:
            network.load_state_dict(kept)
            warnings.warn(f"scan's self-labeling was undone: it left {left} of {used} clusters", stacklevel=7)

    def _learn_labels(self, task: "Task", network: "nn.Module", history: "History", seed: int) -> None:
        """Learn round by round from the samples that are confident by then, until these are no longer more."""
        import torch

        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate, weight_decay=1e-4)
        scale, shares = 0.5 * task.X.std(), list[float]()
        for number in range(_LABEL_ROUNDS):
            chosen, labels, share = _sure_samples(network, task)
            shares.append(share)
            if stopped_growing(shares):
                break
            weights = class_weights(labels[chosen], task.n_clusters)
            network.train()
            for places in batches(len(chosen), 1_000, _ROUND_STEPS, seed + number):
                rows = chosen[places]
                noisy = torch.nn.functional.dropout(task.X[rows] + scale * torch.randn_like(task.X[rows]), 0.2)
                parts = {"self_label": label_cross_entropy(network(noisy), labels[rows], weights)}
                optimizer.zero_grad()
                sum_finite(parts, self.name, self.steps + number * _ROUND_STEPS).backward()
                optimizer.step()
            history.add(self.steps + (number + 1) * _ROUND_STEPS - 1, parts, assignments(network, task.X))


def _sure_samples(network: "nn.Module", task: "Task") -> "tuple[Tensor, Tensor, float]":
    """Return the rows of the confident samples, the labels ``(n,)`` of all, and the share above the paper's threshold.

    Where less than a tenth of the samples is above it, that tenth is taken.
    """
    update_bn(network, task.X)
    confidence, labels = assignments(network, task.X).max(dim=1)
    sure = confidence >= min(_SURE, float(confidence.quantile(_SURE_QUANTILE)))
    return sure.nonzero()[:, 0], labels, float((confidence >= _SURE).float().mean())
