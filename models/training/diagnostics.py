"""Diagnostics of learning that need no labels, and one that does and is only reported."""

import numpy as np
import torch
from torch.nn import functional as F

SAMPLE = 500  # images that diagnostics look at, the same in every epoch
_NEIGHBORS = 20
_COLLAPSED = 0.02
_MARGIN = 0.01


def neighbor_agreement(first: torch.Tensor, second: torch.Tensor, k: int = 10, seed: int = 0) -> float:
    """The share of an image's nearest neighbors under one augmentation that are neighbors under another.

    Args:
        first: features ``(n, d)`` of one view of each image
        second: features ``(n, d)`` of another view
        k (10): neighbors per image
        seed (0): breaks ties; otherwise a constant embedding would agree with itself perfectly

    Returns:
        a number in [0, 1]; chance is ``k / (n - 1)``
    """
    n = len(first)
    k = min(k, n - 1)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for features in (first, second):
        similarities = _cosines(features)
        noise = torch.rand(n, n, generator=generator).to(similarities.device)
        found.append((similarities + 1e-5 * noise).topk(k, dim=1).indices)
    member = torch.zeros(n, n, dtype=torch.bool, device=first.device).scatter_(1, found[0], True)
    return float(member.gather(1, found[1]).float().mean())


def spread(features: torch.Tensor) -> float:
    """Measure how different vectors are: the length of the deviation from their mean, of unit vectors, in [0, 1].

    0 means one vector for all images.
    """
    unit = F.normalize(features.float(), dim=1)
    return float((unit - unit.mean(0)).square().sum(1).mean().sqrt())


def knn_accuracy(features: torch.Tensor, labels: list, k: int = _NEIGHBORS) -> float:
    """The share of images whose class is that of most of their ``k`` nearest others (cosine); ties go to the nearer.

    Args:
        features: ``(n, d)``
        labels: n classes, None for images without one, which are left out
        k (20): neighbors

    Returns:
        a number in [0, 1], nan with fewer than 2 labeled images
    """
    rows = [i for i, label in enumerate(labels) if label is not None]
    if len(rows) < 2:
        return float("nan")
    classes, numbers = np.unique([str(labels[i]) for i in rows], return_inverse=True)
    similarities = _cosines(features[rows])
    k = min(k, len(rows) - 1)
    values, neighbors = similarities.topk(k, dim=1)
    # the votes are counted on the CPU: they need float64, which Apple's GPUs do not have
    truth, neighbors = torch.from_numpy(numbers), neighbors.cpu()
    weights = 1 + 1e-6 * values.cpu().double()
    votes = torch.zeros(len(rows), len(classes), dtype=torch.float64).scatter_add_(1, truth[neighbors], weights)
    return float(votes.argmax(1).eq(truth).float().mean())


def verdict(loss: float, trivial: float, spread_now: float, contrastive: bool) -> str | None:
    """Explain why a run that is past its warm-up has learned nothing; None if it has.

    Args:
        loss: of the epoch
        trivial: of a network that ignores its input
        spread_now: see :func:`spread`
        contrastive: whether the loss is NT-Xent

    Returns:
        a sentence
    """
    better = loss < trivial * (1 - _MARGIN)
    # the length of a code has a meaning, so its directions may well be alike
    if better and (spread_now > _COLLAPSED or not contrastive):
        return None
    if better:
        return (
            f"all images get nearly the same vector (spread {spread_now:.3f}), although the loss {loss:.3f} is below "
            f"{trivial:.3f}: only the projector tells them apart; lower learning_rate, or train longer"
        )
    if not contrastive:
        return (
            f"the error {loss:.4f} is not below {trivial:.4f}, that of the mean image: the code says nothing about the "
            "image; train longer, or raise learning_rate or code"
        )
    head = f"the loss {loss:.3f} is not below {trivial:.3f}, that of a constant embedding"
    if spread_now <= _COLLAPSED:
        return (
            f"{head}, and all images get nearly the same vector (spread {spread_now:.3f}): the network collapsed; "
            "lower learning_rate, raise temperature or batch_size"
        )
    return (
        f"{head}: two views of one image are no closer than views of different images; augment less (raise crop, "
        "lower color, blur and rotation) or train longer"
    )


def _cosines(features: torch.Tensor) -> torch.Tensor:
    """Cosine similarities ``(n, n)``; an image is not its own neighbor."""
    unit = F.normalize(features.float(), dim=1)
    similarities = unit @ unit.T
    similarities.fill_diagonal_(-torch.inf)
    return similarities
