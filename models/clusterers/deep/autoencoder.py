"""Clusters in the code of an autoencoder: the base of DEC and IDEC."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, cast

import numpy as np
from pydantic import Field

from ...costs import Cost
from ...progress import Progress
from ...vectors.centers import cluster_means
from ...vectors.neighbors import Neighbors
from .heads import Head, HeadClusterer, Task
from .losses import label_cross_entropy, student_t, target_distribution, total
from .networks import WIDEST, perceptron, to_layers
from .objectives import code_losses
from .steps import History, batches, sum_finite
from .warm_start import UMAP_SIZES, kmeans_of_codes, start_kind, widening

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 256
# Widths between the vectors and the code: for embeddings, and the papers' for pixels.
PIXELS = "500-500-2000"
WIDTHS = {"512-256": [512, 256], PIXELS: [500, 500, 2000]}
# Clusters may be final from this many checks on, which are at least so many steps apart.
LEAST_CHECKS, _LEAST_INTERVAL = 5, 100
# The clustering moves what the autoencoder learned, by smaller steps (ClustPy's defaults have the same ratio).
_SLOWER = 0.1
# Of the clustering's steps, what learning the clusters to start from may take beside them.
_WARM_SHARE = 0.2
# Of the clustering's work, what its history may take.
_RECORDING = 0.05
_BLOCK = 4096

Architecture = Annotated[
    Literal["512-256", "500-500-2000"],
    Field(description="Widths of the encoder; the larger is the papers' for pixels, and sees them all"),
]
PretrainSteps = Annotated[int, Field(ge=1, le=1_000_000, description="Steps of the autoencoder before clustering")]
CodeSize = Annotated[int, Field(ge=2, le=256, description="Dimension of the code")]
ClusterSteps = Annotated[int, Field(ge=1, le=1_000_000, description="Most steps of the clustering itself")]

Tolerance = Annotated[
    float,
    Field(ge=0, le=1, description="Ends when a smaller share changes its cluster from one check to the next; 0: never"),
]


class CodeModel(NamedTuple):
    """An autoencoder with cluster centers in its code.

    Args:
        encoder: vectors ``(b, q)`` to codes ``(b, c)``
        decoder: codes to vectors
        centers: ``(k, c)``
    """

    encoder: "nn.Sequential"
    decoder: "nn.Sequential"
    centers: "nn.Parameter"

    def weights(self) -> "list[nn.Parameter]":
        """Return all that learns."""
        return [self.centers, *self.encoder.parameters(), *self.decoder.parameters()]


class AutoencoderClusterer(HeadClusterer):
    """Base of DEC and IDEC.

    Attributes:
        reconstructs: whether the code must still reconstruct the vectors while clustering
    """

    reconstructs = False
    prototypes_by = "score"

    architecture: str
    pretrain_steps: int
    steps: int
    tol: float
    heads: int
    code_size: int
    start: str
    learning_rate: float

    @property
    def divergence_weight(self) -> float:
        """Weight of the divergence in the loss."""
        return 1.0

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Both trainings, of encoder and decoder, and passes over all samples before the second and for its history."""
        q = d if params["architecture"] == PIXELS else min(d, WIDEST)
        sizes = [q, *WIDTHS[params["architecture"]], params["code_size"]]
        weights = 2 * sum(before * after for before, after in pairwise(sizes))
        steps = params["pretrain_steps"] + params["steps"]
        umap = 10 + 5e-4 * n if params["start"] in ("auto", "umap") and n >= UMAP_SIZES[0] else 0
        work = 3e-11 * weights * (6 * min(n, BATCH) * steps + 5 * n)
        seconds = 2 + 2.5e-11 * n * min(n, 40_000) * q + params["heads"] * (umap + work)
        return Cost(seconds, 4 * n * (3 * q + 100) + 16 * weights + 4 * 2048 * min(n, 40_000))

    def _train(self, task: Task, boost: float, seed: int, progress: Progress) -> Head:
        encoder, decoder = self._networks(task)
        whole = self.pretrain_steps + self.steps
        self._pretrain(task, encoder, decoder, seed, lambda step: progress(step / whole, f"autoencoder step {step}"))
        pretrained = self.pretrain_steps / whole
        model = self._begin(task, encoder, decoder, seed, lambda f, m="": progress(pretrained, m))
        history = self._cluster(
            task, model, boost, seed,
            lambda step: progress((self.pretrain_steps + step) / whole, f"clustering step {step}"),
        )  # fmt: skip
        centers = model.centers.detach().cpu().numpy()
        score = self._score(task, model) if self.heads > 1 else 0.0  # nothing to compare it with
        return Head(score, to_layers(encoder), history.columns, centers=centers)

    def _widest(self) -> float:
        return math.inf if self.architecture == PIXELS else super()._widest()

    def _networks(self, task: Task) -> "list[nn.Sequential]":
        sizes = [task.X.shape[1], *WIDTHS[self.architecture], self.code_size]
        return [perceptron(s, batch_norm=False).to(task.X.device) for s in (sizes, sizes[::-1])]

    def _pretrain(
        self,
        task: Task,
        encoder: "nn.Sequential",
        decoder: "nn.Sequential",
        seed: int,
        report: Callable[[int], object],
    ) -> None:
        import torch

        weights = [*encoder.parameters(), *decoder.parameters()]
        optimizer = torch.optim.Adam(weights, lr=self.learning_rate, fused=True)
        for step, rows in enumerate(batches(len(task.X), BATCH, self.pretrain_steps, seed)):
            if step % 10 == 0:
                report(step)
            X = task.X[rows]
            parts = {"reconstruction": ((decoder(encoder(X)) - X) ** 2).mean()}
            optimizer.zero_grad()
            sum_finite(parts, f"{self.name}'s autoencoder", step).backward()
            optimizer.step()

    def _start(self, Z: np.ndarray, knn: Neighbors | None, seed: int, progress: Progress) -> np.ndarray | None:
        # Later, in the code, where neighbors share more than in the vectors.
        return None

    def _begin(
        self, task: Task, encoder: "nn.Sequential", decoder: "nn.Sequential", seed: int, progress: Progress
    ) -> CodeModel:
        """Choose centers to start from in the code, which is widened if need be."""
        import torch

        with torch.no_grad():
            codes = encoder(task.X).cpu().numpy()
            start = task.start
            if start is None and start_kind(self.start, len(codes)) == "umap":
                start = torch.as_tensor(super()._start(codes, None, seed, progress), device=task.X.device)
                torch.set_num_threads(1)  # UMAP's compiled code changes them
            first_centers, squares = starting_centers(codes, start, task.n_clusters, seed)
            scale = widening(len(codes), squares)
            last, first = cast("nn.Linear", encoder[-1]), cast("nn.Linear", decoder[0])
            last.weight.mul_(scale)
            last.bias.mul_(scale)
            first.weight.div_(scale)
        centers = torch.nn.Parameter(torch.as_tensor(first_centers * scale, dtype=torch.float32, device=task.X.device))
        model = CodeModel(encoder, decoder, centers)
        if start is not None:
            self._warm_start(task, model, start, seed)
        return model

    def _warm_start(self, task: Task, model: CodeModel, start: "Tensor", seed: int) -> None:
        """Let the code learn the clusters it starts from: those of UMAP are not balls in it yet."""
        import torch

        encoder, decoder, centers = model
        optimizer = torch.optim.Adam(model.weights(), lr=self.learning_rate, fused=True)
        steps = max(_LEAST_INTERVAL, int(_WARM_SHARE * self.steps))
        for step, rows in enumerate(batches(len(task.X), BATCH, steps, seed)):
            X = task.X[rows]
            codes = encoder(X)
            parts = {
                "start": label_cross_entropy(student_t(codes, centers).log(), start[rows]),
                "reconstruction": ((decoder(codes) - X) ** 2).mean(),
            }
            optimizer.zero_grad()
            sum_finite(parts, self.name, step).backward()
            optimizer.step()

    def _cluster(
        self, task: Task, model: CodeModel, boost: float, seed: int, report: Callable[[int], object]
    ) -> History:
        import torch

        encoder, _, centers = model
        optimizer = torch.optim.Adam(model.weights(), lr=_SLOWER * self.learning_rate, fused=True)
        # A record looks at all samples, forward only.
        records = int(_RECORDING * self.steps * 3 * BATCH / len(task.X))
        history = History(self.steps, task.neighbors, min(max(records, 3), 20))
        check = max(_LEAST_INTERVAL, len(task.X) // BATCH)
        running = RunningAssignments(assign_all(encoder, centers, task.X))
        for step, rows in enumerate(batches(len(task.X), BATCH, self.steps, seed)):
            if step and step % check == 0:
                moved = running.moved()
                if moved < self.tol and step >= LEAST_CHECKS * check:
                    break
            if step % 10 == 0:
                report(step)
            X = task.X[rows]
            codes = encoder(X)
            Q = student_t(codes, centers)
            sizes = running.update(rows, Q.detach())
            parts = self._parts(model, X, codes, Q, target_distribution(Q.detach(), boost, sizes))
            optimizer.zero_grad()
            sum_finite(parts, self.name, step).backward()
            optimizer.step()
            if history.due(step):
                history.add(step, parts, assign_all(encoder, centers, task.X))
        return history

    def _score(self, task: Task, model: CodeModel) -> float:
        """Return the loss over all samples, by which heads are compared."""
        import torch

        encoder, _, centers = model
        sizes, loss = assign_all(encoder, centers, task.X).sum(dim=0), 0.0
        with torch.no_grad():
            for X in task.X.split(_BLOCK):
                codes = encoder(X)
                Q = student_t(codes, centers)
                parts = self._parts(model, X, codes, Q, target_distribution(Q, sizes=sizes))
                loss += len(X) * float(total(parts.values()))
        return loss / len(task.X)

    def _parts(
        self, model: CodeModel, X: "Tensor", codes: "Tensor", Q: "Tensor", target: "Tensor"
    ) -> "dict[str, Tensor]":
        errors = ((model.decoder(codes) - X) ** 2).mean() if self.reconstructs else None
        return code_losses(target, Q, self.divergence_weight, errors)


class RunningAssignments:
    """The assignments of all samples, each as it was when a batch last held it.

    Args:
        Q: ``(n, k)`` tensor of assignments to begin with, which is written into
    """

    def __init__(self, Q: "Tensor") -> None:
        self._Q, self._sizes = Q, Q.sum(dim=0)
        self._labels = Q.argmax(dim=1)

    def update(self, rows: np.ndarray, Q: "Tensor") -> "Tensor":
        """Take the assignments ``Q`` ``(b, k)`` of the samples ``rows``; return the clusters' sizes ``(k,)``."""
        self._sizes = self._sizes + Q.sum(dim=0) - self._Q[rows].sum(dim=0)
        self._Q[rows] = Q
        return self._sizes

    def moved(self) -> float:
        """Return the share of samples whose cluster is another than at the last call."""
        before, self._labels = self._labels, self._Q.argmax(dim=1)
        self._sizes = self._Q.sum(dim=0)  # thousands of updates leave rounding errors
        return float((before != self._labels).float().mean())


def starting_centers(codes: np.ndarray, start: "Tensor | None", n_clusters: int, seed: int) -> tuple[np.ndarray, float]:
    """Return centers ``(k, c)`` in the codes ``(n, c)``, and the sum of squared distances from them.

    Args:
        codes: ``(n, c)`` array
        start: ``(n,)`` tensor of clusters, whose means are taken, or None for the k-means of the paper
        n_clusters: how many
        seed: of k-means
    """
    if start is None:
        found = kmeans_of_codes(codes, n_clusters, seed)
        return found.cluster_centers_, float(found.inertia_)
    labels = start.cpu().numpy()
    centers = cluster_means(codes, labels, int(labels.max()) + 1)
    return centers, float(((codes - centers[labels]) ** 2).sum(dtype=np.float64))


def assign_all(encoder: "nn.Module", centers: "Tensor", X: "Tensor") -> "Tensor":
    """Return soft assignments ``(n, k)`` of all of ``X`` ``(n, q)``, without gradients."""
    import torch

    with torch.no_grad():
        return student_t(encoder(X), centers)
