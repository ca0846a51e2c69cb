"""Training in small pieces: seeds, batches, checked sums of losses, and the health of an assignment."""

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_RECORDS = 20
# Rounds in which the confident samples must become more, by a share of all samples, for others to learn on from them.
_PATIENCE, _GROWTH = 3, 1e-3


def default_device() -> str:
    """Return the device that heads learn on: "cuda" where there is one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the block and run it on one thread; outside, generators and threads stay as they were.

    Sums depend on the number of threads, which UMAP's compiled code changes behind torch's back, and the matrices here
    are too small for a second thread to do more than wait.
    """
    import torch

    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def batches(n: int, size: int, steps: int, seed: int) -> Iterator[np.ndarray]:
    """Yield ``steps`` arrays of ``min(size, n)`` row numbers: shuffled passes, without their incomplete ends."""
    rng = np.random.default_rng(seed)
    size = min(size, n)
    order, at = rng.permutation(n), 0
    for _ in range(steps):
        if at + size > n:
            order, at = rng.permutation(n), 0
        yield order[at : at + size]
        at += size


def usable_neighbors(wanted: int, n: int, n_clusters: int) -> tuple[int, str | None]:
    """Limit the neighbors that count as of a sample's kind to a third of a cluster's usual size.

    Args:
        wanted: how many were asked for
        n: number of samples
        n_clusters: how many clusters they will be in

    Returns:
        a tuple of how many to use, and of a sentence that says so if they are fewer, else None
    """
    usable = min(wanted, max(1, n // (3 * n_clusters)))
    if usable == wanted:
        return usable, None
    return usable, (
        f"n_neighbors={wanted} would lead out of clusters of some {n / n_clusters:.0f} samples; the {usable} nearest "
        "were used"
    )


def stopped_growing(shares: list[float]) -> bool:
    """Tell if a share of the samples, one per round, has not grown for some rounds; one that is still 0 has yet to."""
    before, lately = shares[:-_PATIENCE], shares[-_PATIENCE:]
    return bool(before) and max(shares) > 0 and max(lately) < max(before) + _GROWTH


def sum_finite(parts: "dict[str, Tensor]", method: str, step: int) -> "Tensor":
    """Sum the parts of a loss.

    Args:
        parts: scalar tensors by name
        method: for the error
        step: for the error

    Returns:
        a scalar tensor

    Raises:
        ValueError: if a part is not finite
    """
    from .losses import total

    for name, part in parts.items():
        if not math.isfinite(float(part.detach())):
            raise ValueError(
                f"{method}: the loss part {name!r} became {float(part.detach())} at step {step}; lower learning_rate"
            )
    return total(parts.values())


class History:
    """Loss parts and health over the steps of a training.

    Args:
        steps: how many there will be
        neighbors: ``(n, m)`` tensor
        records (20): about how many of them to record

    Attributes:
        columns: lists by name; all of one length, with None where a step had no such part
    """

    def __init__(self, steps: int, neighbors: "Tensor", records: int = _RECORDS) -> None:
        self._every = max(1, steps // records)
        self._last = steps - 1
        self._neighbors = neighbors
        self.columns: dict[str, list[float | None]] = {}

    def due(self, step: int) -> bool:
        """Return whether step number ``step``, from 0, is one to record."""
        return step % self._every == 0 or step == self._last

    def add(self, step: int, parts: "dict[str, Tensor]", P: "Tensor") -> None:
        """Record loss parts by name and the health of the assignments ``P`` ``(n, k)`` after a step."""
        values = {name: float(part.detach()) for name, part in parts.items()}
        row = {"step": step + 1, "loss": sum(values.values()), **values, **health(P, self._neighbors)}
        before = len(self.columns.get("step", []))
        for name in {**self.columns, **row}:
            column = self.columns.setdefault(name, [None] * before)
            column.append(round(row[name], 6) if name in row else None)


def health(P: "Tensor", neighbors: "Tensor") -> dict[str, float]:
    """Diagnostics of a collapse, none of which needs labels.

    Args:
        P: ``(n, k)`` tensor of assignments
        neighbors: ``(n, m)`` tensor

    Returns:
        a dict of "entropy" (of the mean assignment, over ln k), "used" (clusters), "largest" (share of the samples),
        "confidence" (mean of the greatest assignments) and "agreement" (share of neighbors with the same label)
    """
    from .losses import entropy

    confidence, labels = P.max(dim=1)
    # Identical vectors make a single cluster, whose entropy is 0 whatever it is compared with.
    greatest = math.log(max(2, P.shape[1]))
    sizes = labels.bincount(minlength=P.shape[1]).float() / len(labels)
    return {
        "entropy": float(entropy(P.mean(dim=0))) / greatest,
        "used": int((sizes > 0).sum()),
        "largest": float(sizes.max()),
        "confidence": float(confidence.mean()),
        "agreement": float((labels[neighbors] == labels[:, None]).float().mean()),
    }
