"""The losses of whole methods, by parts: for heads on embeddings, and for networks that learn from images.

Like the parts in ``losses.py``, they use tensor methods only, so that importing this file does not load torch.
"""

from typing import TYPE_CHECKING, NamedTuple

from .losses import balance_loss, cluster_contrast, consistency, divergence, partition_uncertainty, total

if TYPE_CHECKING:
    from torch import Tensor


class SizeBalance(NamedTuple):
    """Price of unequal cluster sizes, as a part of a loss.

    Args:
        kind: "uniform" or "hinge", see :func:`models.clusterers.deep.losses.balance_loss`
        weight: of it in the loss
        least: where the hinge begins
    """

    kind: str
    weight: float
    least: float

    def of(self, *views: "Tensor") -> "Tensor":
        """The sum over views of the batch, ``(b, k)`` assignments each."""
        return self.weight * total(balance_loss(view.mean(dim=0), self.kind, self.least) for view in views)


def scan_losses(first: "Tensor", second: "Tensor", balance: SizeBalance) -> dict:
    """SCAN's: logits ``(b, k)`` of neighbors agree, and are sure of it."""
    return {"consistency": consistency(first, second), "balance": balance.of(first.softmax(dim=1))}


def pica_losses(first: "Tensor", second: "Tensor", balance: SizeBalance) -> dict:
    """PICA's: each cluster meets itself in the perturbed batch; logits ``(b, k)``, less the paper's constant ln k."""
    p, q = first.softmax(dim=1), second.softmax(dim=1)
    return {"uncertainty": partition_uncertainty(p, q), "balance": balance.of(p)}


def cc_losses(first: "Tensor", second: "Tensor", balance: SizeBalance, temperature: float) -> dict:
    """Contrastive clustering's: each cluster recognizes itself in the other view.

    Both views are balanced, as in the paper, whose constant 2 ln k is left out.

    Args:
        first: ``(b, k)`` logits of one view
        second: ``(b, k)`` logits of the other
        balance: of both
        temperature: divides the similarity of clusters
    """
    p, q = first.softmax(dim=1), second.softmax(dim=1)
    return {"contrast": cluster_contrast(p, q, temperature), "balance": balance.of(p, q)}


def code_losses(target: "Tensor", q: "Tensor", weight: float, errors: "Tensor | None") -> dict:
    """DEC's and IDEC's: assignments approach their target, and for IDEC codes still reconstruct.

    Args:
        target: ``(b, k)`` sharpened assignments
        q: ``(b, k)`` assignments
        weight: of the divergence
        errors: mean squared error of the reconstruction, a scalar, or None for DEC
    """
    parts = {"divergence": weight * divergence(target, q)}
    return parts if errors is None else parts | {"reconstruction": errors}


def class_weights(labels: "Tensor", n_clusters: int) -> "Tensor":
    """Return weights ``(k,)`` by which each cluster teaches alike, however many of ``labels`` ``(n,)`` it has."""
    return len(labels) / labels.bincount(minlength=n_clusters).clamp(min=1)
