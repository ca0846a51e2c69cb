"""TURTLE: looks for the labels that linear classifiers learn best, alternating between labels and classifiers.

Choose it on strong embeddings with clusters of about one size, best of two or more encoders at once, whose classifiers
must agree; it has no neighbors to be misled by.

Paper: Gadetsky et al. 2024, "Let Go of Your Labels with Unsupervised Transfer", section 3 and algorithm 1. Where ours
differs: a start from the clusters of k-means, after UMAP where that is cheap; vectors of mean square 1, on which the
inner classifiers learn ten times as fast; and 1,000 steps on batches of 4,000 in place of 6,000 on 10,000, a fifteenth
of the work, since it starts near: of many clusters a batch holds fewer members then, and sizes are balanced less
exactly.
"""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from ...progress import Progress
from .heads import Head, HeadClusterer, Heads, LearningRate, NClusters, Start, Steps, warm_start
from .losses import entropy, soft_cross_entropy, total
from .networks import to_layers
from .steps import History, batches, sum_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from .heads import Task
    from .networks import Layers

_BATCH = 4_000
_WARM_STEPS = 50
_INNER_STEPS, _INNER_RATE = 10, 1e-2


class TURTLE(HeadClusterer):
    """Labels with the largest margin for linear classifiers, by bilevel optimization.

    For several embedding spaces, put their vectors side by side and give ``widths``:
    ``TURTLE(widths=[512, 768]).fit(np.hstack([clip, dino]))``.

    Attributes:
        spec_: as all heads'; a single layer, which makes one assignment per space
        history_: with the parts "generalization" and "balance"
    """

    name = "turtle"
    title = "TURTLE"
    when = "Strong embeddings, clusters of about one size; finds what a linear classifier separates best"
    order = 220
    several_spaces = True

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 1_000,
        heads: Heads = 2,
        gamma: Annotated[float, Field(ge=0, le=1000, description="Weight of equal cluster sizes in the loss")] = 10.0,
        start: Start = "auto",
        learning_rate: LearningRate = 1e-3,
        widths: Annotated[
            list[int] | None, Field(description="Dimensions of the embedding spaces in the columns, by default one")
        ] = None,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.steps = steps
        self.heads = heads
        self.gamma = gamma
        self.start = start
        self.learning_rate = learning_rate
        self.widths = widths
        self.random_state = random_state

    @classmethod
    def relevant(cls, params: dict) -> list[str]:
        """Leave out what follows from the vector fields chosen."""
        return [name for name in super().relevant(params) if name != "widths"]

    def _widths(self, X: np.ndarray) -> list[int] | None:
        if self.widths is not None and (min(self.widths, default=0) < 1 or sum(self.widths) != X.shape[1]):
            raise ValueError(
                f"widths={self.widths} do not divide the {X.shape[1]} columns of the vectors; give the dimension of "
                "each embedding space, side by side"
            )
        return self.widths

    def _train(self, task: "Task", boost: float, seed: int, progress: Progress) -> Head:
        import torch

        spaces = task.X.split(task.sizes, dim=1)
        encoders = [_encoder(task, space, seed) for space in spaces]
        weights = [weight for encoder in encoders for weight in encoder.parameters()]
        optimizer = torch.optim.Adam(weights, lr=self.learning_rate)
        history = History(self.steps, task.neighbors)
        losses: list[float] = []
        for step, rows in enumerate(batches(len(task.X), _BATCH, self.steps, seed)):
            if step % 10 == 0:
                progress(step / self.steps, f"step {step}")
            parts = self._parts(encoders, [space[rows] for space in spaces], boost)
            loss = sum_finite(parts, self.name, step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            if history.due(step):
                with torch.no_grad():
                    history.add(step, parts, total(_soft(encoders, spaces)) / len(spaces))
        settled = float(np.mean(losses[-max(1, len(losses) // 10) :]))
        return Head(settled, _layers(encoders), history.columns, votes=len(encoders))

    def _parts(self, encoders: "Sequence[nn.Module]", spaces: "Sequence[Tensor]", boost: float) -> "dict[str, Tensor]":
        votes = _soft(encoders, spaces)
        labels = total(votes) / len(votes)
        classifiers = [fitted_classifier(X, labels.detach()) for X in spaces]
        return {
            # Only the labels have a gradient: those that the classifiers miss give way.
            "generalization": total(
                soft_cross_entropy(X @ classifier, labels) for X, classifier in zip(spaces, classifiers, strict=True)
            ),
            "balance": -boost * self.gamma * total(entropy(vote.mean(dim=0)) for vote in votes),
        }


def _encoder(task: "Task", X: "Tensor", seed: int) -> "nn.Module":
    """Make the linear task encoder of one space ``(n, q)``, with the norm and direction of its weights apart."""
    import torch

    linear = torch.nn.Linear(X.shape[1], task.n_clusters)
    encoder = torch.nn.utils.parametrizations.weight_norm(linear).to(X.device)
    warm_start(task._replace(X=X), encoder, torch.optim.Adam(encoder.parameters(), lr=_INNER_RATE), _WARM_STEPS, seed)
    return encoder


def _soft(encoders: "Sequence[nn.Module]", spaces: "Sequence[Tensor]") -> "list[Tensor]":
    """Return the assignments ``(b, k)`` in each space."""
    return [encoder(X).softmax(dim=1) for encoder, X in zip(encoders, spaces, strict=True)]


def _layers(encoders: "Sequence[nn.Module]") -> "Layers":
    """Return one layer that does what the encoders do, side by side."""
    from scipy.linalg import block_diag

    weights, biases = zip(*to_layers(encoders), strict=True)
    return [(block_diag(*weights), np.concatenate(biases))]


def fitted_classifier(X: "Tensor", labels: "Tensor", steps: int = _INNER_STEPS, rate: float = _INNER_RATE) -> "Tensor":
    """Return a linear classifier after a few steps of Adam from zero.

    Args:
        X: ``(b, q)`` tensor
        labels: ``(b, k)`` tensor of soft labels, without gradient
        steps (10): steps
        rate (0.01): step size

    Returns:
        ``(q, k)`` weights; the vectors are about their mean, so that there is no bias to learn
    """
    import torch

    with torch.no_grad():
        weight = X.new_zeros((X.shape[1], labels.shape[1]))
        mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
        for step in range(1, steps + 1):
            gradient = X.T @ ((X @ weight).softmax(dim=1) - labels) / len(X)
            mean.lerp_(gradient, 0.1)
            square.lerp_(gradient**2, 0.001)
            weight -= rate * (mean / (1 - 0.9**step)) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
    return weight
