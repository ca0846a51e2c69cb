"""The base of the deep methods on embeddings: preparation, warm start, choice among heads, and no silent collapse.

A method subclasses :class:`HeadClusterer` and implements ``_train``, which gives one :class:`Head`. The published
losses can all end in a trivial solution with one dominant cluster, so every fit is checked against k-means; a collapsed
one is repeated with twice the balance, another seed and a warm start, and then replaced by k-means, with a warning each
time.
"""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from ...costs import Cost
from ...parameters import parameters
from ...progress import Progress
from ...vectors.copies import agreed
from ...vectors.neighbors import Neighbors as NearestNeighbors
from ...vectors.neighbors import nearest_neighbors
from ..base import Clusterer
from .networks import WIDEST, Layers, Space, most_likely, perceptron, probabilities, to_arrays, without_unused
from .steps import batches, default_device, seeded, sum_finite, usable_neighbors
from .warm_start import UMAP_SIZES, collapse, kmeans, kmeans_layer, plausible, start_space

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

_UMAP_NEIGHBORS = 15
HIDDEN = 256

NClusters = Annotated[int, Field(ge=2, description="How many clusters")]
Steps = Annotated[int, Field(ge=1, le=100_000, description="Gradient steps per head")]
Heads = Annotated[int, Field(ge=1, le=50, description="Heads trained; the one of lowest loss, without labels, is kept")]
Neighbors = Annotated[int, Field(ge=1, le=500, description="Neighbors of each sample that count as of its kind")]
LearningRate = Annotated[float, Field(gt=0, le=10, description="Step size of Adam")]
Start = Annotated[
    Literal["auto", "umap", "kmeans", "none"],
    Field(description="Clusters to start from: k-means after UMAP, k-means, none, or UMAP where it is cheap"),
]
Balance = Annotated[
    Literal["hinge", "uniform"],
    Field(description="Sizes: hinge lets them differ up to a limit, uniform pulls them together, as in the papers"),
]
BalanceWeight = Annotated[float, Field(ge=0, le=100, description="Weight of the balance in the loss")]
MinEntropy = Annotated[
    float, Field(gt=0, le=1, description="Where the hinge begins: entropy of the cluster sizes over its maximum")
]


class Task(NamedTuple):
    """Data that a head learns from.

    Args:
        X: ``(n, q)`` float32 tensor, prepared
        neighbors: ``(n, m)`` int64 tensor
        start: ``(n,)`` int64 tensor of clusters to start from, or None
        n_clusters: how many to find
        sizes: dimensions of the embedding spaces that lie side by side in ``X``; they add up to q
    """

    X: "Tensor"
    neighbors: "Tensor"
    start: "Tensor | None"
    n_clusters: int
    sizes: list[int]


class Head(NamedTuple):
    """A trained head.

    Args:
        loss: by which heads are compared
        layers: ``(weight, bias)`` pairs for the prepared vectors
        history: health and loss parts by name, lists over time
        unit: whether the last layer takes its input at length 1
        centers: ``(k, c)`` centers of codes, or None
        votes: how many assignments the last layer makes side by side, whose mean is the result
    """

    loss: float
    layers: Layers
    history: dict[str, list]
    unit: bool = False
    centers: np.ndarray | None = None
    votes: int = 1

    def to_arrays(self, layers: Layers) -> tuple[dict, dict[str, np.ndarray]]:
        """Return the head as plain data, with ``layers`` for the vectors as they are in place of its own."""
        return to_arrays(layers, self.unit, self.centers, self.votes)


class HeadClusterer(Clusterer):
    """Base of the deep methods on embeddings.

    Attributes:
        spec_: description of the head, see ``models/clusterers/deep/networks.py``
        arrays_: its float32 arrays
        history_: loss parts, entropy of the mean assignment over ln n_clusters, used clusters, largest share and
            neighbor agreement of the kept head, as lists over the steps in "step"
        collapsed_: what was wrong with each attempt that collapsed, in words; empty if none did
        fallback_: whether the clusters are those of k-means, because training collapsed twice
        harder: what a repetition has besides another seed
    """

    group = "deep, on embeddings"
    prototypes_by = "surest"
    placed_by = "head"
    remedy = "ask for fewer, or raise the balance"
    retry_note = "with twice the balance"
    requires = ("torch",)
    order = 200

    spec_: dict
    arrays_: dict[str, np.ndarray]
    history_: dict[str, list]
    collapsed_: list[str]
    fallback_: bool

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Neighbors, the warm start, and the passes of the heads forward and back."""
        q, k = min(d, 128), params["n_clusters"]
        batch = batch_size(n, k)
        search = 2.5e-11 * n * n * q if n <= UMAP_SIZES[1] else 40 + 1e-4 * n
        umap = 10 + 5e-4 * n if params.get("start") in ("auto", "umap") and n >= UMAP_SIZES[0] else 0
        work = 12 * batch * HIDDEN * (q + k) * params["steps"] * params.get("heads", 1)
        return Cost(1 + search + umap + 3e-11 * work, 4 * n * (3 * q + 2 * k + 100) + 4 * 2048 * min(n, 40_000))

    @classmethod
    def relevant(cls, params: dict) -> list[str]:
        """Leave out the limit of a hinge that is not chosen."""
        names = super().relevant(params)
        chosen = params.get("balance", parameters(cls)["balance"].default if "balance" in names else None)
        return [name for name in names if name != "min_entropy" or chosen == "hinge"]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return soft assignments of samples that may be new.

        Args:
            X: ``(m, d)`` vectors, prepared as those seen in ``fit``

        Returns:
            ``(m, k)`` float64, rows sum to 1, with a column for every cluster in use
        """
        copies, X = self._checked(X)
        found = probabilities(X, self.spec_, self.arrays_)
        return agreed(copies, found.argmax(axis=1), found)[1]

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        progress(0.0, "preparing vectors")
        rng = np.random.default_rng(self.random_state)
        space, seed = fitted_space(X, rng, self._widths(X), self._widest())
        Z = space(X)
        wanted, note = usable_neighbors(self._n_neighbors(), len(Z), self.n_clusters)
        if note and "n_neighbors" in self.get_params():
            warnings.warn(f"{self.name}: {note}", stacklevel=3)
        keep = max(wanted, _UMAP_NEIGHBORS - 1)
        knn = nearest_neighbors(Z, keep, "cosine", seed, lambda f, m="": progress(0.1 * f, m))
        start = self._start(Z, knn, seed, progress)
        return self._solve(X, Z, space, knn[0][:, :wanted], start, rng, lambda f, m="": progress(0.25 + 0.74 * f, m))

    def _keep(self, X: np.ndarray, used: np.ndarray) -> None:
        self.arrays_ = without_unused(self.spec_, self.arrays_, used)

    def _assign(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return most_likely(X, self.spec_, self.arrays_)

    def _widths(self, X: np.ndarray) -> list[int] | None:
        """Dimensions of the embedding spaces side by side in ``X`` ``(n, d)``; None if there is one."""
        return None

    def _widest(self) -> float:
        """Dimensions beyond which principal components take the vectors' place."""
        return WIDEST

    def _n_neighbors(self) -> int:
        return getattr(self, "n_neighbors", 10)

    def _start(self, Z: np.ndarray, knn: NearestNeighbors | None, seed: int, progress: Progress) -> np.ndarray | None:
        kind = getattr(self, "start", "none")
        if kind == "none":
            return None
        progress(0.1, "warm start")
        return kmeans(start_space(kind, Z, knn, seed, progress), self.n_clusters, seed).labels_

    def _solve(
        self,
        X: np.ndarray,
        Z: np.ndarray,
        space: Space,
        neighbors: np.ndarray,
        start: np.ndarray | None,
        rng: np.random.Generator,
        progress: Progress,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Train until the clusters of ``X`` are no collapse; return their labels and confidence."""
        import torch

        device = default_device()
        self.fallback_, self.collapsed_ = False, []
        baseline, attempt = None, 0
        while True:
            begin = None if start is None else torch.as_tensor(start, device=device)
            task = Task(torch.as_tensor(Z, device=device), torch.as_tensor(neighbors, device=device), begin,
                        self.n_clusters, space.sizes)  # fmt: skip
            head = self._best(task, 2.0**attempt, rng, lambda f, m="", a=attempt: progress((a + f) / 2, m))
            labels, confidence = self._take(head, space, X)
            if plausible(labels, self.n_clusters):
                return labels, confidence
            if baseline is None:
                baseline = kmeans(Z, self.n_clusters, int(rng.integers(2**31)))
            problem = collapse(labels, baseline.labels_, self.n_clusters)
            if problem is None:
                return labels, confidence
            self.collapsed_.append(problem)
            again = f"it was trained again from k-means, {self.retry_note}" if attempt == 0 else (
                "these clusters are those of k-means instead"
            )  # fmt: skip
            warnings.warn(f"{self.name} collapsed: {problem}; {again}", stacklevel=5)
            if attempt == 1:
                break
            start, attempt = baseline.labels_, 1
        self.fallback_ = True
        return self._take(Head(0.0, [kmeans_layer(Z, baseline)], head.history), space, X)

    def _take(self, head: Head, space: Space, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Make a head the fitted one; return labels and confidence of ``X``."""
        self.history_ = head.history
        self.spec_, self.arrays_ = head.to_arrays(space.fold(head.layers))
        return self._assign(X)

    def _best(self, task: Task, boost: float, rng: np.random.Generator, progress: Progress) -> Head:
        count = getattr(self, "heads", 1)
        found = []
        for number in range(count):
            seed = int(rng.integers(2**31))
            with seeded(seed):
                found.append(
                    self._train(
                        task, boost, seed, lambda f, m="", h=number: progress((h + f) / count, f"head {h + 1}, {m}")
                    )
                )
        return min(found, key=lambda head: head.loss)

    def _train(self, task: Task, boost: float, seed: int, progress: Progress) -> Head:
        raise NotImplementedError(f"{type(self).__name__} cannot train; implement _train(task, boost, seed, progress)")


def fitted_space(
    X: np.ndarray, rng: np.random.Generator, widths: list[int] | None = None, widest: float = WIDEST
) -> tuple[Space, int]:
    """Return the space in which heads learn from ``X`` and look for neighbors, and the seed it was fitted with.

    Args:
        X: ``(n, d)`` vectors
        rng: numpy's generator of the estimator's ``random_state``, before anything was drawn from it
        widths (None): as for :class:`Space`
        widest (128): as for :class:`Space`
    """
    seed = int(rng.integers(2**31))
    return Space(X, seed, widths, widest), seed


def batch_size(n: int, k: int) -> int:
    """Return samples per step: all of few, else enough that every cluster has members in a batch."""
    return n if n <= 1_000 else min(n, max(1_000, 20 * k))


def warm_start(task: Task, logits: "Callable[[Tensor], Tensor]", optimizer: "Optimizer", steps: int, seed: int) -> None:
    """Teach the network behind ``logits``, a callable, the clusters that the task starts from, if any."""
    from .losses import label_cross_entropy

    if task.start is None:
        return
    for step, rows in enumerate(batches(len(task.X), batch_size(len(task.X), task.n_clusters), steps, seed)):
        parts = {"start": label_cross_entropy(logits(task.X[rows]), task.start[rows])}
        optimizer.zero_grad()
        sum_finite(parts, "warm start", step).backward()
        optimizer.step()


def new_network(task: Task, hidden: int = HIDDEN) -> "nn.Sequential":
    """Make a perceptron ``q-hidden-k`` with batch normalization, on the task's device."""
    return perceptron([task.X.shape[1], hidden, task.n_clusters]).to(task.X.device)
