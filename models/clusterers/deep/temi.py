"""TEMI: several students learn what their averaged teachers find informative about pairs of neighbors.

Choose it when quality counts more than minutes, on strong embeddings and clusters of about one size.

Paper: Adaloglou et al. 2023, "Exploring the Limits of Deep Image Clustering using Pretrained Models", section 3. Where
ours differs: a budget in steps, not epochs, which are few on small datasets; a start from the clusters of k-means,
after UMAP where that is cheap; ReLU instead of GELU; narrower heads on 128 principal components.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

import numpy as np
from pydantic import Field

from ...progress import Progress
from .heads import Head, HeadClusterer, Heads, LearningRate, NClusters, Neighbors, Start, Steps, warm_start
from .losses import pair_weight, pointwise_information, total
from .networks import perceptron, to_layers
from .steps import History, batches, seeded, sum_finite

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .heads import Task
    from .networks import Layers

_BATCH = 512
_WARM_STEPS = 100
_WIDTHS = [256, 128]
_TEMPERATURE = 0.1
# Of the teachers' marginals, of their weights, and of their weights in long trainings.
_PRIOR_MEMORY, _MEMORY, _LONG_MEMORY, _LONG = 0.9, 0.99, 0.996, 4_000


class _Trained(NamedTuple):
    """Heads after training.

    Args:
        teachers: the network of each
        losses: of each step, one per head
        histories: of each head
    """

    teachers: "list[nn.Sequential]"
    losses: list[list[float]]
    histories: list[History]


class TEMI(HeadClusterer):
    """Teacher ensemble-weighted pointwise mutual information.

    Attributes:
        spec_: as all heads'; the last layer takes vectors of length 1
        history_: with the part "information"
    """

    name = "temi"
    title = "TEMI"
    when = "Strong embeddings, clusters of about one size, and minutes to spare"
    order = 210

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 1_500,
        heads: Heads = 4,
        n_neighbors: Neighbors = 50,
        beta: Annotated[
            float, Field(gt=0.5, le=1, description="1 is plain mutual information; less keeps small clusters alive")
        ] = 0.6,
        start: Start = "auto",
        learning_rate: LearningRate = 1e-3,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.steps = steps
        self.heads = heads
        self.n_neighbors = n_neighbors
        self.beta = beta
        self.start = start
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _best(self, task: "Task", boost: float, rng: np.random.Generator, progress: Progress) -> Head:
        # Together, not one after the other: a pair's weight is the common opinion of all teachers.
        seed = int(rng.integers(2**31))
        with seeded(seed):
            trained = self._train_together(task, boost, seed, progress)
        # The average over the last tenth of the steps says more than the loss of one batch.
        settled = np.mean(trained.losses[-max(1, len(trained.losses) // 10) :], axis=0)
        best = int(settled.argmin())
        return Head(float(settled[best]), _layers(trained.teachers[best]), trained.histories[best].columns, unit=True)

    def _train_together(self, task: "Task", boost: float, seed: int, progress: Progress) -> _Trained:
        import copy

        import torch

        k, device = task.n_clusters, task.X.device
        sizes = [task.X.shape[1], *_WIDTHS, k]
        students = [perceptron(sizes, batch_norm=False).to(device) for _ in range(self.heads)]
        weights = [weight for student in students for weight in student.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=self.learning_rate, weight_decay=1e-4)
        for student in students:
            warm_start(task, partial(_logits, student), optimizer, _WARM_STEPS, seed)
        teachers = copy.deepcopy(students)
        prior = torch.full((self.heads, k), 1 / k, device=device)
        memory = _LONG_MEMORY if self.steps >= _LONG else _MEMORY
        histories = [History(self.steps, task.neighbors) for _ in students]
        losses: list[list[float]] = []
        rng, (n, m) = np.random.default_rng(seed), task.neighbors.shape
        for step, rows in enumerate(batches(n, _BATCH, self.steps, seed)):
            if step % 10 == 0:
                progress(step / self.steps, f"step {step}")
            pair = task.X[rows], task.X[task.neighbors[rows, rng.integers(m, size=len(rows))]]
            parts, prior = self._losses(students, teachers, pair, prior, boost)
            optimizer.zero_grad()
            sum_finite({"information": torch.stack(parts).sum()}, self.name, step).backward()
            optimizer.step()
            _follow(teachers, students, memory)
            losses.append([float(part.detach()) for part in parts])
            if histories[0].due(step):
                for history, teacher, part in zip(histories, teachers, parts, strict=True):
                    history.add(step, {"information": part}, _soft([teacher], task.X)[0])
        return _Trained(teachers, losses, histories)

    def _losses(
        self,
        students: "list[nn.Sequential]",
        teachers: "list[nn.Sequential]",
        pair: "tuple[Tensor, Tensor]",
        prior: "Tensor",
        boost: float,
    ) -> "tuple[list[Tensor], Tensor]":
        """Return the loss of each head on a pair of batches, and the updated marginals ``(h, k)`` of the teachers."""
        import torch

        one, other = (_soft(teachers, X) for X in pair)
        prior = _PRIOR_MEMORY * prior + (1 - _PRIOR_MEMORY) * (one.mean(dim=1) + other.mean(dim=1)) / 2
        weight = pair_weight(one, other)
        # Towards 1/2 the loss forgives less and less that a cluster stays empty.
        beta = 0.5 + (self.beta - 0.5) / boost
        parts = []
        for head, student in enumerate(students):
            first, second = _logits(student, torch.cat(pair)).chunk(2)
            both = [(first, other[head].log()), (second, one[head].log())]
            parts.append(total(pointwise_information(s, t, prior[head], weight, beta) for s, t in both) / 2)
        return parts, prior


def _logits(network: "nn.Sequential", X: "Tensor") -> "Tensor":
    """Return the cosines of the bottleneck with the clusters' directions, over the temperature, ``(b, k)``."""
    hidden = network[:-1](X)
    directions = cast("nn.Linear", network[-1]).weight
    hidden = hidden / hidden.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return hidden @ (directions / directions.norm(dim=1, keepdim=True).clamp(min=1e-12)).T / _TEMPERATURE


def _layers(network: "nn.Sequential") -> "Layers":
    """Return a network as layers for rows of length 1 before the last."""
    *body, (weight, bias) = to_layers(network)
    unit = weight / np.maximum(np.linalg.norm(weight, axis=0), 1e-12)
    return [*body, (unit / _TEMPERATURE, 0 * bias)]


def _soft(networks: "Sequence[nn.Sequential]", X: "Tensor") -> "Tensor":
    """Return assignments ``(h, n, k)`` of ``X`` ``(n, q)`` by each network, without gradients."""
    import torch

    with torch.no_grad():
        return torch.stack([_logits(network, X).softmax(dim=1) for network in networks])


def _follow(teachers: "list[nn.Sequential]", students: "list[nn.Sequential]", memory: float) -> None:
    """Move the teachers' weights towards the students'."""
    import torch

    with torch.no_grad():
        for teacher, student in zip(teachers, students, strict=True):
            for kept, new in zip(teacher.parameters(), student.parameters(), strict=True):
                kept.lerp_(new, 1 - memory)
