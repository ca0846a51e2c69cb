"""Networks that cluster: an encoder with cluster heads on it, or an autoencoder with centers in its code."""

from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ...clusterers.deep.losses import student_t
from ...clusterers.deep.networks import to_arrays
from ..reconstruction import Reconstruction


class LinearHead(nn.Module):
    """Cluster scores of features: scaled to length 1, standardised, one linear layer.

    Args:
        width: length of the features
        n_clusters: how many scores

    Attributes:
        mean: ``(d,)`` constant that features are moved by
        scale: constant that they are divided by
        by_batch: whether each batch has its own mean and scale while the head trains, for features that only emerge
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int, n_clusters: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.linear = nn.Linear(width, n_clusters)
        self.by_batch = False

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores ``(b, k)`` of features ``(b, d)``, in float32."""
        # half precision is for filters; here it would only blur probabilities
        with torch.autocast(features.device.type, enabled=False):
            return self.linear(self.standard(F.normalize(features.float(), dim=1)))

    def standard(self, unit: torch.Tensor) -> torch.Tensor:
        """Features ``(b, d)`` of length 1 as the linear layer sees them."""
        mean, scale = _moments(unit) if self.by_batch and self.training else (self.mean, self.scale)
        return (unit - mean) / scale

    def fit_constants(self, unit: torch.Tensor) -> None:
        """Make features ``(n, d)`` of length 1 have mean 0 and mean square 1."""
        mean, scale = _moments(unit)
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def layer(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight ``(d, k)`` and bias ``(k,)`` for features of length 1, float64."""
        mean, scale, weight, bias = (t.detach().cpu().double().numpy() for t in (
            self.mean, self.scale, self.linear.weight, self.linear.bias))  # fmt: skip
        weight = weight.T / scale
        return weight, bias - mean @ weight

    def take(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Set what :meth:`layer` returns; too few clusters are repeated, and the first of equal ones wins."""
        clusters = np.arange(len(self.linear.bias)) % len(bias)
        self.mean.zero_()
        self.scale.fill_(1.0)
        with torch.no_grad():
            self.linear.weight.copy_(torch.as_tensor(np.asarray(weight, np.float32).T[clusters]))
            self.linear.bias.copy_(torch.as_tensor(np.asarray(bias, np.float32)[clusters]))


def _moments(unit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean ``(d,)`` of features ``(n, d)``, and the root of the mean square of their differences from it."""
    mean = unit.mean(0)
    return mean, (unit - mean).square().mean().sqrt().clamp(min=1e-6)


class HeadNetwork(nn.Module):
    """An encoder with a projector and cluster heads.

    Args:
        encoder: images ``(b, 3, side, side)`` to features ``(b, d)``
        projector: features to what contrastive losses compare, ``(b, q)``
        heads: :class:`LinearHead` each

    Attributes:
        parts: what ``forward`` returns side by side: "projections", "heads" (all scores), "chosen" (the best head's)
        frozen: whether the encoder is left as it is
        steady: whether batch normalization keeps its statistics, which strong views would pull away from real images
        chosen: number of the best head
    """

    chosen: torch.Tensor

    def __init__(self, encoder: nn.Module, projector: nn.Module, heads: list[LinearHead]) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, projector
        self.heads = nn.ModuleList(heads)
        self.register_buffer("chosen", torch.zeros((), dtype=torch.int64))
        self.parts: tuple[str, ...] = ("heads",)
        self.frozen, self.freeze_bn = False, False

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """``(b, ...)``, see ``parts``."""
        features = self._features(images)
        found = []
        if "projections" in self.parts:
            found.append(self.projector(features).float())
        if "heads" in self.parts:
            found.append(self.scores(features))
        if "chosen" in self.parts:
            found.append(self.best(features))
        return torch.cat(found, 1)

    def train(self, mode: bool = True) -> "HeadNetwork":
        """Set the mode, as of any module; a frozen encoder keeps its statistics too."""
        super().train(mode)
        if self.frozen or self.freeze_bn:
            for module in self.encoder.modules():
                if self.frozen or isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                    module.training = False
        return self

    def standardize_by_batch(self, wanted: bool) -> None:
        """Let every head standardize features by each batch, or by its constants."""
        for head in self.heads:
            cast(LinearHead, head).by_batch = wanted

    def scores(self, features: torch.Tensor) -> torch.Tensor:
        """Scores ``(b, h * k)`` by all heads, side by side."""
        return torch.cat([head(features) for head in self.heads], 1)

    def best(self, features: torch.Tensor) -> torch.Tensor:
        """Scores ``(b, k)`` by the best head."""
        return self._chosen_head()(features)

    def assign(self, features: torch.Tensor) -> torch.Tensor:
        """Soft assignments ``(b, k)`` by the best head."""
        return self.best(features).softmax(1)

    def to_arrays(self) -> tuple[dict, dict[str, np.ndarray]]:
        """The best head as plain data; see :func:`models.clusterers.deep.networks.to_arrays`."""
        return to_arrays([self._chosen_head().layer()])

    def _chosen_head(self) -> LinearHead:
        return cast(LinearHead, self.heads[int(self.chosen)])

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        if not self.frozen:
            return self.encoder(images)
        with torch.no_grad():
            return self.encoder(images)


class CodeNetwork(nn.Module):
    """An autoencoder with cluster centers in its code.

    Args:
        autoencoder: what makes codes ``(b, c)``
        n_clusters: how many centers
        code: length of a code

    Attributes:
        centers: ``(k, c)``, of scaled codes
        scale: what codes are multiplied with before they are compared with centers
        clustering: whether ``forward`` returns assignments beside the errors
    """

    scale: torch.Tensor

    def __init__(self, autoencoder: Reconstruction, n_clusters: int, code: int) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.centers = nn.Parameter(torch.zeros(n_clusters, code))
        self.register_buffer("scale", torch.ones(()))
        self.clustering = False

    @property
    def encoder(self) -> nn.Sequential:
        """Images to codes."""
        return self.autoencoder.encoder

    @property
    def decoder(self) -> nn.Module:
        """Codes to images."""
        return self.autoencoder.decoder

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Squared errors ``(b, 1)``, and while clustering assignments beside them, ``(b, 1 + k)``."""
        if not self.clustering:
            return self.autoencoder(images)[:, None]
        target = self.encoder[0](images)
        codes = self.encoder[1:](target)
        errors = (self.decoder(codes).float() - target.float()).square().flatten(1).mean(1)
        return torch.cat([errors[:, None], self.assign(codes)], 1)

    def assign(self, codes: torch.Tensor) -> torch.Tensor:
        """Soft assignments ``(b, k)`` of codes ``(b, c)``."""
        with torch.autocast(codes.device.type, enabled=False):
            return student_t(self.scale * codes.float(), self.centers)

    def to_arrays(self) -> tuple[dict, dict[str, np.ndarray]]:
        """The centers as plain data; see :func:`models.clusterers.deep.networks.to_arrays`."""
        width = self.centers.shape[1]
        layer = float(self.scale) * np.eye(width), np.zeros(width)
        return to_arrays([layer], centers=self.centers.detach().cpu().numpy())
