"""PICA on embeddings: the partition of a batch must survive exchanging every sample for a neighbor.

Choose it for clusters of about one size and embeddings whose nearest neighbors can be trusted.

Paper: Huang et al. 2020, "Deep Semantic Clustering by Partition Confidence Maximisation", section 3. Where ours
differs: vectors are frozen, and the perturbed copy of a sample is a neighbor; it starts from the clusters of k-means,
after UMAP where that is cheap.
"""

from typing import TYPE_CHECKING

from .heads import Balance, BalanceWeight, Heads, LearningRate, MinEntropy, NClusters, Neighbors, Start, Steps
from .objectives import pica_losses
from .pairs import PairHeadClusterer

if TYPE_CHECKING:
    from torch import Tensor


class PICA(PairHeadClusterer):
    """Partition confidence maximization with neighbors as perturbations.

    Attributes:
        spec_: as all heads'
        history_: with the parts "uncertainty" and "balance"
    """

    name = "pica"
    title = "PICA"
    when = "Clusters of about one size; sharpens the whole partition at once"
    order = 240

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 300,
        heads: Heads = 3,
        n_neighbors: Neighbors = 20,
        start: Start = "auto",
        balance: Balance = "uniform",
        balance_weight: BalanceWeight = 2.0,
        min_entropy: MinEntropy = 0.9,
        learning_rate: LearningRate = 1e-3,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.steps = steps
        self.heads = heads
        self.n_neighbors = n_neighbors
        self.start = start
        self.balance = balance
        self.balance_weight = balance_weight
        self.min_entropy = min_entropy
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _losses(self, first: "Tensor", second: "Tensor", boost: float) -> "dict[str, Tensor]":
        return pica_losses(first, second, self.size_balance(boost))
