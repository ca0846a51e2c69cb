"""SPICE on embeddings: prototypes label the samples nearest to them, and those pseudo-labels are learned under noise.

Choose it for clusters of one size only: every cluster labels equally many samples, which spoils unequal classes.

Paper: Niu et al. 2022, "SPICE: Semantic Pseudo-labeling for Image Clustering", sections 3.2 (Self) and 3.3 (Semi).
Where ours differs: vectors are frozen, so that noise takes the place of strong augmentation; it starts from the
clusters of k-means, after UMAP where that is cheap; prototypes are chosen by scores of the vectors as they are, which
have no weak view; the neighbors that must agree with a reliable sample are 20 instead of 100, which would lead out of
the clusters of small sets, at the price of fewer witnesses; and reliable is what agrees with them and is surer than the
median of all samples, instead of above a threshold per dataset.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ...progress import Progress
from .heads import Head, HeadClusterer, Heads, LearningRate, NClusters, Neighbors, Start, Steps, new_network, warm_start
from .losses import consistency, double_softmax_cross_entropy, entropy, label_cross_entropy, sure_cross_entropy
from .networks import to_layers, update_bn
from .pairs import assignments, logits_of
from .steps import History, batches, sum_finite

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from .heads import Task

# Samples looked at per round of labeling, steps until the next, and samples per step.
_POOL, _ROUND, _BATCH = 5_000, 20, 500
_NOISE, _STRONG_NOISE = 0.2, 0.5
# FixMatch (Sohn et al. 2020) learns from unlabeled samples above this probability.
_SURE = 0.95


class SPICE(HeadClusterer):
    """Semantic pseudo-labeling.

    Attributes:
        spec_: as all heads'
        history_: with the parts "naming" and "unnamed"; the latter is 0 until the semi-supervised stage
    """

    name = "spice"
    title = "SPICE"
    when = "Clusters known to be of one size; avoid it otherwise"
    order = 245
    prototypes_by = "surer half"
    retry_note = "with another seed"

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 400,
        heads: Heads = 3,
        n_neighbors: Neighbors = 20,
        start: Start = "auto",
        ratio: Annotated[
            float,
            Field(gt=0, le=1, description="Share of a cluster's size whose most confident samples make its prototype"),
        ] = 0.5,
        semi: Annotated[
            bool, Field(description="Afterwards, let reliable samples teach the others, half as many steps")
        ] = True,
        agreement: Annotated[
            float, Field(ge=0, le=1, description="Share of its neighbors that a reliable sample agrees with")
        ] = 0.9,
        learning_rate: LearningRate = 1e-3,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.steps = steps
        self.heads = heads
        self.n_neighbors = n_neighbors
        self.start = start
        self.ratio = ratio
        self.semi = semi
        self.agreement = agreement
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _train(self, task: "Task", boost: float, seed: int, progress: Progress) -> Head:
        import torch

        network = new_network(task)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        warm_start(task, network, optimizer, 50, seed)
        history = History(self.steps, task.neighbors)
        unit = task.X / task.X.norm(dim=1, keepdim=True).clamp(min=1e-12)
        for step in range(self.steps):
            if step % _ROUND == 0:
                progress(step / self.steps, f"step {step}")
                pool = torch.randperm(len(task.X))[:_POOL].to(task.X.device)
                P = assignments(network, task.X[pool])
                rows, labels = pseudo_labels(unit[pool], P, self.ratio)
                rows, drawn = pool[rows], list(batches(len(rows), _BATCH, _ROUND, seed + step))
            chosen = drawn[step % _ROUND]
            network.train()
            logits = network(noisy(task.X[rows[chosen]], _NOISE))
            parts = {"naming": double_softmax_cross_entropy(logits, labels[chosen])}
            self._step(optimizer, parts, step, history, network, task)
        if self.semi:
            self._learn_from_reliable(task, network, history, seed)
        update_bn(network, task.X)
        logits = logits_of(network, task.X)
        loss = consistency(logits, logits[task.neighbors[:, 0]]) - entropy(logits.softmax(dim=1).mean(dim=0))
        return Head(float(loss), to_layers(network), history.columns)

    def _step(
        self,
        optimizer: "Optimizer",
        parts: "dict[str, Tensor]",
        step: int,
        history: History,
        network: "nn.Module",
        task: "Task",
    ) -> None:
        parts.setdefault("unnamed", parts["naming"].new_zeros(()))
        optimizer.zero_grad()
        sum_finite(parts, self.name, step).backward()
        optimizer.step()
        if history.due(step):
            history.add(step, parts, assignments(network, task.X))

    def _learn_from_reliable(self, task: "Task", network: "nn.Module", history: History, seed: int) -> None:
        import torch

        update_bn(network, task.X)
        rows = reliable(assignments(network, task.X), task.neighbors, self.agreement)
        if rows is None:
            return
        labels = assignments(network, task.X).argmax(dim=1)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        steps = max(1, self.steps // 2)
        drawn = zip(batches(len(rows), _BATCH, steps, seed), batches(len(task.X), _BATCH, steps, seed), strict=True)
        for step, (places, other) in enumerate(drawn, start=self.steps):
            taught = rows[places]
            confidence, guess = assignments(network, noisy(task.X[other], _NOISE)).max(dim=1)
            network.train()
            logits = network(torch.cat([noisy(task.X[taught], _NOISE), noisy(task.X[other], _STRONG_NOISE)]))
            parts = {
                "naming": label_cross_entropy(logits[: len(taught)], labels[taught]),
                "unnamed": sure_cross_entropy(logits[len(taught) :], guess, confidence >= _SURE),
            }
            self._step(optimizer, parts, step, history, network, task)


def pseudo_labels(unit: "Tensor", P: "Tensor", ratio: float) -> "tuple[Tensor, Tensor]":
    """Label samples by the prototypes of clusters of one size (section 3.2, steps 1 to 3).

    Args:
        unit: ``(m, q)`` vectors of length 1
        P: ``(m, k)`` assignments
        ratio: share of a cluster's size that makes its prototype

    Returns:
        a tuple of ``(k * s,)`` row numbers and their labels, with cluster size ``s = m // k``; a row may have two
    """
    import torch

    m, k = P.shape
    size = max(1, m // k)
    confident = P.topk(max(1, int(ratio * size)), dim=0).indices
    prototypes = unit[confident].mean(dim=0)
    nearest = (unit @ prototypes.T / prototypes.norm(dim=1).clamp(min=1e-12)).topk(size, dim=0).indices
    labels = torch.arange(k, device=P.device).repeat_interleave(size)
    return nearest.T.reshape(-1), labels


def reliable(P: "Tensor", neighbors: "Tensor", agreement: float) -> "Tensor | None":
    """Return rows whose neighbors agree and that are at least as sure as the median of all; None if a cluster has none.

    Args:
        P: ``(n, k)`` assignments
        neighbors: ``(n, m)`` rows of each one's neighbors
        agreement: share of the neighbors that must have the same label

    Returns:
        equally many rows of each cluster, its surest (section 3.3)
    """
    import torch

    confidence, labels = P.max(dim=1)
    agrees = (labels[neighbors] == labels[:, None]).float().mean(dim=1) >= agreement
    trusted = agrees & (confidence >= confidence.median())
    rows = [(trusted & (labels == cluster)).nonzero()[:, 0] for cluster in range(P.shape[1])]
    fewest = min(len(found) for found in rows)
    if fewest == 0:
        return None
    return torch.cat([found[confidence[found].topk(fewest).indices] for found in rows])


def noisy(X: "Tensor", scale: float) -> "Tensor":
    """Return ``X`` ``(b, q)``, of mean square 1, with Gaussian noise of standard deviation ``scale``."""
    import torch

    return X + scale * torch.randn_like(X)
