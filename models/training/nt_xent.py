"""NT-Xent, the contrastive loss of SimCLR: the two views of an image attract, all other views repel.

Source: Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020, section 2.1 and
Algorithm 1: symmetric (every view is an anchor once), vectors scaled to length 1, a view is not its own negative.
"""

import math

import torch
import torch.nn.functional as F


def nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float = 0.2) -> torch.Tensor:
    """The loss of a batch.

    Args:
        first: projections of one view of each image, ``(b, d)``
        second: projections of the other view, ``(b, d)``, in the same order
        temperature (0.2): divides the cosine similarities; smaller values weigh hard negatives more

    Returns:
        a scalar, the mean over the ``2b`` anchors of ``-log(exp(s_ip / t) / sum over j != i of exp(s_ij / t))``

    Raises:
        ValueError: if the two shapes differ or the batch has fewer than 2 images
    """
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"the views have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "give two of the same shape with at least 2 images"
        )
    # float32: under autocast the similarities would be rounded to 8 bits of mantissa before the exponential
    with torch.autocast(first.device.type, enabled=False):
        z = F.normalize(torch.cat([first, second]).float(), dim=1)
        logits = z @ z.T / temperature
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        logits = logits.masked_fill(itself, -torch.inf)
        positive = torch.arange(len(z), device=z.device).roll(len(first))
        return F.cross_entropy(logits, positive)


def trivial_loss(batch_size: int) -> float:
    """The loss of a constant embedding, ``ln(2b - 1)``: all negatives and the positive are equally similar.

    A run that stays here has learned nothing; one above it is worse than no network at all.
    """
    return math.log(2 * batch_size - 1)
