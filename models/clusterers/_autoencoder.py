"""Clusters in the code of an autoencoder: what DEC and IDEC have in common."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from ._heads import Head, HeadClusterer, kmeans
from ._losses import divergence, student_t, target_distribution
from ._networks import exported, perceptron
from ._training import History, batches, total
from .base import Cost

BATCH = 256
# Widths between the vectors and the code: for embeddings, and the papers' for pixels.
WIDTHS = {"512-256": [512, 256], "500-500-2000": [500, 500, 2000]}
# Clusters are final when fewer than this share of the samples change theirs from one target to the next.
_DELTA = 1e-3
_LEAST_TARGETS, _LEAST_INTERVAL = 5, 20
# The clustering moves what the autoencoder learned, by smaller steps (ClustPy's defaults have the same ratio).
_SLOWER = 0.1

Architecture = Annotated[
    Literal["512-256", "500-500-2000"], Field(description="Widths of the encoder; the larger is the papers' for pixels")
]
PretrainSteps = Annotated[int, Field(ge=1, le=1_000_000, description="Steps of the autoencoder before clustering")]
CodeSize = Annotated[int, Field(ge=2, le=256, description="Dimension of the code")]
ClusterSteps = Annotated[int, Field(ge=1, le=1_000_000, description="Most steps of the clustering itself")]


class AutoencoderClusterer(HeadClusterer):
    """Base of DEC and IDEC.

    Attributes:
        reconstructs: whether the code must still reconstruct the vectors while clustering
        divergence_weight: weight of the divergence in the loss
    """

    reconstructs = False
    divergence_weight = 1.0

    @classmethod
    def estimate(cls, n, d, params):
        """Both trainings, of encoder and decoder, and a pass over all samples per target distribution."""
        q = min(d, 128)
        sizes = [q, *WIDTHS[params["architecture"]], params["code_size"]]
        weights = 2 * sum(before * after for before, after in pairwise(sizes))
        steps = params["pretrain_steps"] + params["steps"]
        passes = n * weights * (2 + params["steps"] // max(_LEAST_INTERVAL, n // BATCH))
        seconds = 2 + 2.5e-11 * n * min(n, 40_000) * q + 3e-11 * (6 * min(n, BATCH) * weights * steps + passes)
        return Cost(seconds, 4 * n * (3 * q + 100) + 16 * weights + 4 * 2048 * min(n, 40_000))

    def _train(self, task, boost, seed, progress):
        encoder, decoder = self._networks(task)
        whole = self.pretrain_steps + self.steps
        self._pretrain(task, encoder, decoder, seed, lambda step: progress(step / whole, f"autoencoder step {step}"))
        centers = self._centers(task, encoder, decoder, seed)
        history = self._cluster(
            task, (encoder, decoder, centers), seed,
            lambda step: progress((self.pretrain_steps + step) / whole, f"clustering step {step}"),
        )  # fmt: skip
        loss = history.columns["loss"][-1]
        return Head(loss, exported(encoder), history.columns, centers=centers.detach().cpu().numpy())

    def _networks(self, task):
        sizes = [task.X.shape[1], *WIDTHS[self.architecture], self.code_size]
        return [perceptron(s, batch_norm=False).to(task.X.device) for s in (sizes, sizes[::-1])]

    def _pretrain(self, task, encoder, decoder, seed, report):
        import torch

        optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=self.learning_rate)
        for step, rows in enumerate(batches(len(task.X), BATCH, self.pretrain_steps, seed)):
            if step % 10 == 0:
                report(step)
            X = task.X[rows]
            parts = {"reconstruction": ((decoder(encoder(X)) - X) ** 2).mean()}
            optimizer.zero_grad()
            total(parts, f"{self.name}'s autoencoder", step).backward()
            optimizer.step()

    def _centers(self, task, encoder, decoder, seed):
        """k-means in the code, which is scaled first: Student's t is flat where distances are far from 1."""
        import torch

        with torch.no_grad():
            found = kmeans(encoder(task.X).cpu().numpy(), task.n_clusters, seed, n_init=20)
            scale = (len(task.X) / max(found.inertia_, 1e-12)) ** 0.5
            last, first = encoder[-1], decoder[0]
            last.weight.mul_(scale)
            last.bias.mul_(scale)
            first.weight.div_(scale)
            centers = torch.as_tensor(found.cluster_centers_ * scale, dtype=torch.float32, device=task.X.device)
        return torch.nn.Parameter(centers)

    def _cluster(self, task, model, seed, report) -> History:
        import torch

        encoder, decoder, centers = model
        weights = [centers, *encoder.parameters(), *decoder.parameters()]
        optimizer = torch.optim.Adam(weights, lr=_SLOWER * self.learning_rate)
        history, labels, target = History(self.steps, task.neighbors), None, None
        renew = max(_LEAST_INTERVAL, len(task.X) // BATCH)
        for step, rows in enumerate(batches(len(task.X), BATCH, self.steps, seed)):
            if step % renew == 0:
                report(step)
                Q = everyone(encoder, centers, task.X)
                before, labels, target = labels, Q.argmax(dim=1), target_distribution(Q)
                settled = before is not None and float((before != labels).float().mean()) < _DELTA
                if settled and step >= _LEAST_TARGETS * renew:
                    break
            parts = self._parts(model, task.X[rows], target[rows])
            optimizer.zero_grad()
            total(parts, self.name, step).backward()
            optimizer.step()
            if history.due(step):
                history.add(step, parts, everyone(encoder, centers, task.X))
        return history

    def _parts(self, model, X, target) -> dict:
        encoder, decoder, centers = model
        codes = encoder(X)
        parts = {"divergence": self.divergence_weight * divergence(target, student_t(codes, centers))}
        if self.reconstructs:
            parts["reconstruction"] = ((decoder(codes) - X) ** 2).mean()
        return parts


def everyone(encoder, centers, X):
    """Soft assignments ``(n, k)`` of all of ``X`` ``(n, q)``, without gradients."""
    import torch

    with torch.no_grad():
        return student_t(encoder(X), centers)
