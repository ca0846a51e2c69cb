"""Consensus: one clustering from several of the same method with different seeds, and how far they agree.

Choose it when a single run depends on luck, or to see which samples it depends on.

Paper: Fred and Jain 2005, "Combining Multiple Clusterings Using Evidence Accumulation", for the co-association matrix,
the share of the runs that put two samples together. Where ours differs: it is cut by spectral clustering (Ng et al.
2001), from the samples' cluster memberships, so that the matrix itself, of all pairs, is never made.
"""

import warnings
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from sklearn.exceptions import ConvergenceWarning

from ...costs import Cost
from ...progress import Progress
from ...vectors.copies import agreed
from ...vectors.neighbors import neighbors_of, vote_shares
from ..base import Clusterer
from .heads import NClusters
from .warm_start import kmeans

# Samples whose neighbors say how well a run keeps neighbors together.
_ASKED, _NEIGHBORS = 1_000, 10


class Consensus(Clusterer):
    """Consensus of several runs.

    Attributes:
        agreement_: ``(n,)`` float32 in [0, 1], the mean share of the runs that put a sample together with the members
            of its cluster; the same as ``confidence_``
        runs_: ``(runs, n)`` the labels of each
        collapsed_: what was wrong with the attempts of runs that collapsed, in words
        history_: health by name, with one entry per run, see ``HeadClusterer``; its "step" is the run's number
    """

    name = "consensus"
    title = "Consensus"
    group = "deep, on embeddings"
    when = "One run depends too much on its seed; shows which samples the runs agree about"
    order = 290

    def __init__(
        self,
        n_clusters: NClusters = 10,
        base: Annotated[
            Literal["scan", "temi", "turtle", "cc", "pica", "spice", "dec", "idec", "kmeans", "gaussian_mixture"],
            Field(description="The repeated method"),
        ] = "scan",
        runs: Annotated[int, Field(ge=2, le=50, description="How often, each with its own seed")] = 5,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.base = base
        self.runs = runs
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """As many fits of the base method."""
        from .. import get_clusterer

        base = get_clusterer(params["base"])
        fits = base.estimate(n, d, base(n_clusters=params["n_clusters"]).get_params())
        k = params["n_clusters"]
        return Cost(params["runs"] * (fits.seconds + 2e-9 * n * k), fits.bytes + 8 * n * (params["runs"] + 4 * k))

    @property
    def agreement_(self) -> np.ndarray:
        """The confidence."""
        return self.confidence_

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return soft assignments of samples that may be new: each cluster's share of the vote of the nearest samples.

        Args:
            X: ``(m, d)`` vectors, prepared as those seen in ``fit``

        Returns:
            ``(m, k)`` float64, rows sum to 1
        """
        copies, X = self._checked(X)
        shares = vote_shares(X, self.vectors_, self.labels_, metric=self.metric_)
        return agreed(copies, shares.argmax(axis=1), shares)[1]

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray | None]:
        seeds = np.random.default_rng(self.random_state).integers(2**31, size=self.runs + 1)
        found = [self._run(X, int(seed), number, progress) for number, seed in enumerate(seeds[:-1])]
        self.runs_ = np.stack([model.labels_ for model in found])
        self.collapsed_ = [
            f"run {number}: {problem}"
            for number, model in enumerate(found, start=1)
            for problem in getattr(model, "collapsed_", [])
        ]
        progress(0.99, "consensus")
        spectrum = _spectrum(_memberships(self.runs_), self.n_clusters)
        labels = kmeans(spectrum, self.n_clusters, int(seeds[-1])).labels_
        self.history_ = _health(X, self.runs_, self.n_clusters, int(seeds[-1]))
        self._remember(X)
        return labels, None

    def _confidence(self, X: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return _agreement(self.runs_, labels)

    def _run(self, X: np.ndarray, seed: int, number: int, progress: Progress) -> Clusterer:
        from .. import get_clusterer

        progress(number / self.runs, f"run {number + 1} of {self.runs}")
        model = get_clusterer(self.base)(n_clusters=self.n_clusters, random_state=seed)
        if "heads" in model.get_params():
            # The consensus takes the place of a choice among heads.
            model.set_params(heads=1)
        with warnings.catch_warnings():
            # clusters that are too few are counted in the consensus
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, progress=lambda f, m="": progress((number + f) / self.runs, f"run {number + 1}, {m}"))


def _health(X: np.ndarray, runs: np.ndarray, n_clusters: int, seed: int) -> dict[str, list]:
    """Diagnostics of a collapse in every run, as lists by name."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_ASKED])
    near, _ = neighbors_of(X, rows, _NEIGHBORS)
    columns: dict[str, list] = {"step": list(range(1, len(runs) + 1))}
    columns |= {"entropy": [], "used": [], "largest": [], "agreement": []}
    for labels in runs:
        shares = np.bincount(labels) / len(labels)
        shares = shares[shares > 0]
        columns["entropy"].append(round(float(-(shares * np.log(shares)).sum() / np.log(n_clusters)), 6))
        columns["used"].append(len(shares))
        columns["largest"].append(round(float(shares.max()), 6))
        columns["agreement"].append(round(float((labels[near] == labels[rows][:, None]).mean()), 6))
    return columns


def _memberships(runs: np.ndarray) -> Any:
    """Return a sparse ``(n, m)`` matrix of ones: which of all runs' clusters each sample is in."""
    from scipy.sparse import csr_matrix

    offsets = np.concatenate([[0], np.cumsum(runs.max(axis=1) + 1)])
    columns = (runs + offsets[:-1, None]).T
    rows = np.repeat(np.arange(runs.shape[1]), len(runs))
    return csr_matrix((np.ones(columns.size), (rows, columns.ravel())), shape=(runs.shape[1], offsets[-1]))


def _spectrum(memberships: Any, k: int) -> np.ndarray:
    """Return unit rows ``(n, k)``: leading eigenvectors of the normalized co-association, from its small side."""
    degree = np.asarray(memberships @ np.asarray(memberships.sum(axis=0)).ravel())
    scaled = memberships.multiply(1 / np.sqrt(degree)[:, None]).tocsr()
    values, vectors = np.linalg.eigh((scaled.T @ scaled).toarray())
    leading = np.argsort(values)[::-1][:k]
    spectrum = scaled @ (vectors[:, leading] / np.sqrt(np.maximum(values[leading], 1e-12)))
    lengths = np.linalg.norm(spectrum, axis=1, keepdims=True)
    return (spectrum / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _agreement(runs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    shares = []
    for found in runs:
        together = np.zeros((int(labels.max()) + 1, int(found.max()) + 1))
        np.add.at(together, (labels, found), 1)
        shares.append((together / together.sum(axis=1, keepdims=True))[labels, found])
    return np.mean(shares, axis=0).astype(np.float32)
