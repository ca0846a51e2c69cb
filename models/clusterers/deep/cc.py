"""Contrastive clustering on embeddings: each cluster, as a column of probabilities, must recognize itself.

Choose it for clusters of about one size, as another opinion beside ``scan``: it compares whole clusters, not pairs.

Paper: Li et al. 2021, "Contrastive Clustering", section 3.3. Where ours differs: vectors are frozen, so that the second
view of a sample is a neighbor, and the instance head, which shapes the encoder in the paper, has nothing to shape; it
starts from the clusters of k-means, after UMAP where that is cheap.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from .heads import Balance, BalanceWeight, Heads, LearningRate, MinEntropy, NClusters, Neighbors, Start, Steps
from .objectives import cc_losses
from .pairs import PairHeadClusterer

if TYPE_CHECKING:
    from torch import Tensor


class ContrastiveClustering(PairHeadClusterer):
    """Contrastive clustering with neighbors as views.

    Attributes:
        spec_: as all heads'
        history_: with the parts "contrast" and "balance"
    """

    name = "cc"
    title = "Contrastive clustering"
    when = "Clusters of about one size; contrasts whole clusters, a second opinion beside SCAN"
    order = 230

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 300,
        heads: Heads = 3,
        n_neighbors: Neighbors = 20,
        start: Start = "auto",
        temperature: Annotated[float, Field(gt=0, le=10, description="Divides the similarity of clusters")] = 1.0,
        balance: Balance = "uniform",
        balance_weight: BalanceWeight = 1.0,
        min_entropy: MinEntropy = 0.9,
        learning_rate: LearningRate = 1e-3,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.steps = steps
        self.heads = heads
        self.n_neighbors = n_neighbors
        self.start = start
        self.temperature = temperature
        self.balance = balance
        self.balance_weight = balance_weight
        self.min_entropy = min_entropy
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _losses(self, first: "Tensor", second: "Tensor", boost: float) -> "dict[str, Tensor]":
        return cc_losses(first, second, self.size_balance(boost), self.temperature)
