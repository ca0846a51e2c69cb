"""The loss functions of deep clustering, on soft assignments: tensors ``(b, k)`` whose rows sum to 1.

Written from the papers' formulas. They use tensor methods only, so that importing this file does not load torch.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# A probability of zero has no logarithm, and a gradient of 1e8 still pulls an empty cluster back.
TINY = 1e-8


def total(parts: "Iterable[Tensor]") -> "Tensor":
    """Sum of one tensor or more, of one shape."""
    first, *others = parts
    return sum(others, first)


def entropy(mean: "Tensor") -> "Tensor":
    """Entropy, in nats, of a mean assignment ``(k,)``; at most ln k, when all clusters are of one size."""
    return -(mean * mean.clamp(min=TINY).log()).sum()


def balance_loss(mean: "Tensor", kind: str, least: float = 0.9) -> "Tensor":
    """The price of unequal cluster sizes.

    Args:
        mean: ``(k,)`` mean assignment of a batch
        kind: "uniform", minus the entropy, as the papers have it: every bit of inequality costs; or "hinge",
            ``max(0, least ln k - H)``: free until the entropy falls below a share of its greatest value
        least (0.9): that share

    Returns:
        a scalar tensor
    """
    if kind == "uniform":
        return -entropy(mean)
    return (least * math.log(len(mean)) - entropy(mean)).clamp(min=0)


def consistency(first: "Tensor", second: "Tensor") -> "Tensor":
    """Minus the log probability that two neighbors are in one cluster (SCAN, Van Gansbeke et al. 2020, eq. 2).

    Computed from logits: of probabilities, two neighbors that are sure of different clusters have a product that rounds
    to 0, and then no gradient, where the loss is largest.

    Args:
        first: ``(b, k)`` logits of samples
        second: ``(b, k)`` logits of one neighbor of each

    Returns:
        a scalar tensor, 0 where both are sure and agree
    """
    return -(first.log_softmax(dim=1) + second.log_softmax(dim=1)).logsumexp(dim=1).mean()


def partition_uncertainty(p: "Tensor", q: "Tensor") -> "Tensor":
    """The price of clusters that do not meet themselves in a perturbed batch (PICA, Huang et al. 2020, eq. 4 to 7).

    Args:
        p: ``(b, k)`` assignments; its columns are the clusters' statistics vectors
        q: ``(b, k)`` assignments of the perturbed samples

    Returns:
        a scalar tensor: cross-entropy of the columns' cosine similarities against the identity, without temperature
    """
    similarity = _unit(p.T) @ _unit(q.T).T
    return -similarity.log_softmax(dim=1).diagonal().mean()


def cluster_contrast(p: "Tensor", q: "Tensor", temperature: float = 1.0) -> "Tensor":
    """NT-Xent between the columns of two views (CC, Li et al. 2021, eq. 5 and 6).

    Args:
        p: ``(b, k)`` assignments of one view
        q: ``(b, k)`` assignments of the other
        temperature (1.0): divides the cosine similarities

    Returns:
        a scalar tensor, the mean over the 2k columns
    """
    k = p.shape[1]
    columns = _unit(_stacked(p.T, q.T))
    logits = columns @ columns.T / temperature
    logits = logits.masked_fill(logits.new_ones(2 * k).diag().bool(), float("-inf"))
    # The column of cluster i in one view has its positive k columns further on in the other.
    return -logits.log_softmax(dim=1).roll(-k, dims=1).diagonal().mean()


def pair_weight(p: "Tensor", q: "Tensor") -> "Tensor":
    """Probability ``(b,)`` that both of a pair are in one cluster, averaged over heads ``(h, b, k)``."""
    return (p * q).sum(dim=-1).mean(dim=0)


def pointwise_information(
    student: "Tensor", teacher: "Tensor", prior: "Tensor", weight: "Tensor", beta: float = 0.6
) -> "Tensor":
    """Minus the weighted pointwise mutual information of a pair (TEMI, Adaloglou et al. 2023, eq. 5 and 6).

    Computed from logits, for the reason of :func:`consistency`.

    Args:
        student: ``(b, k)`` the student's logits of samples
        teacher: ``(b, k)`` the teacher's logits of a neighbor of each
        prior: ``(k,)`` the teacher's marginal probabilities of the clusters
        weight: ``(b,)`` how likely the pair is a true one
        beta (0.6): 1 is plain information; below, small clusters stay alive

    Returns:
        a scalar tensor
    """
    joint = beta * (student.log_softmax(dim=1) + teacher.log_softmax(dim=1)) - prior.clamp(min=TINY).log()
    return -(weight * joint.logsumexp(dim=1)).mean()


def soft_cross_entropy(logits: "Tensor", target: "Tensor") -> "Tensor":
    """Cross-entropy of ``logits`` ``(b, k)`` against assignments ``target`` ``(b, k)``, averaged over samples."""
    return -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()


def label_cross_entropy(logits: "Tensor", labels: "Tensor", weights: "Tensor | None" = None) -> "Tensor":
    """Cross-entropy of ``logits`` ``(b, k)`` against ``labels`` ``(b,)``, with class weights ``(k,)`` if given."""
    found = _missed(logits, labels)
    if weights is None:
        return found.mean()
    return (weights[labels] * found).sum() / weights[labels].sum()


def double_softmax_cross_entropy(logits: "Tensor", labels: "Tensor") -> "Tensor":
    """Cross-entropy of the softmax of a softmax (SPICE, Niu et al. 2022, section 3.2).

    Its gradient fades before a network is too sure of a wrong label.

    Args:
        logits: ``(b, k)``
        labels: ``(b,)``

    Returns:
        a scalar tensor, at least ln(e + k - 1) - 1
    """
    return label_cross_entropy(logits.softmax(dim=1), labels)


def sure_cross_entropy(logits: "Tensor", guess: "Tensor", sure: "Tensor") -> "Tensor":
    """Cross-entropy of strong views against what weak views were sure of (FixMatch, Sohn et al. 2020, eq. 4).

    Args:
        logits: ``(b, k)`` of strong views
        guess: ``(b,)`` clusters of the weak views
        sure: ``(b,)`` whether those were sure

    Returns:
        a scalar tensor, the sum over the sure ones divided by b
    """
    return (sure * _missed(logits, guess)).mean()


def student_t(z: "Tensor", centers: "Tensor") -> "Tensor":
    """Return soft assignments by Student's t with one degree of freedom (DEC, Xie et al. 2016, eq. 1).

    Args:
        z: ``(b, c)`` codes
        centers: ``(k, c)`` centers

    Returns:
        ``(b, k)``, rows sum to 1
    """
    squares = (z * z).sum(dim=1, keepdim=True) - 2 * z @ centers.T + (centers * centers).sum(dim=1)
    kernel = 1 / (1 + squares.clamp(min=0))
    return kernel / kernel.sum(dim=1, keepdim=True)


def target_distribution(q: "Tensor", evening: float = 1.0, sizes: "Tensor | None" = None) -> "Tensor":
    """Return sharpened assignments, evened out by cluster size (DEC, eq. 3).

    Args:
        q: ``(n, k)`` assignments
        evening (1.0): power of the clusters' sizes that assignments are divided by; more makes sizes more equal
        sizes (None): ``(k,)`` sums of the assignments of all samples, needed if ``q`` holds only some

    Returns:
        ``(n, k)``, rows sum to 1
    """
    sizes = q.sum(dim=0) if sizes is None else sizes
    weight = q**2 / sizes.clamp(min=TINY) ** evening
    return weight / weight.sum(dim=1, keepdim=True)


def divergence(target: "Tensor", q: "Tensor") -> "Tensor":
    """Kullback-Leibler divergence of ``q`` from ``target``, both ``(b, k)``, averaged over samples (DEC, eq. 2)."""
    return (target * (target.clamp(min=TINY) / q.clamp(min=TINY)).log()).sum(dim=1).mean()


def _missed(logits: "Tensor", labels: "Tensor") -> "Tensor":
    return -logits.log_softmax(dim=1).gather(1, labels[:, None])[:, 0]


def _unit(rows: "Tensor") -> "Tensor":
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=TINY)


def _stacked(first: "Tensor", second: "Tensor") -> "Tensor":
    # torch.cat, without torch at hand
    out = first.new_empty((len(first) + len(second), first.shape[1]))
    out[: len(first)], out[len(first) :] = first, second
    return out
