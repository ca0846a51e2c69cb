"""SCAN on embeddings: a small network that learns to put neighbours into one cluster, and to be sure of it.

Choose it when the number of clusters is roughly known and quality counts more than seconds: it follows the shape of the
data where k-means only cuts it, and gives every sample a probability.

Paper: Van Gansbeke et al. 2020, "SCAN: Learning to Classify Images without Labels", section 2.2; ``self_label`` is
section 2.3. Where ours differs: vectors are frozen and a head of one hidden layer learns on them; it starts from the
clusters of k-means after UMAP; and the balance is a hinge, free until sizes become very unequal, because the paper's
term pulls all clusters to one size and loses to k-means where classes are not of one size.
"""

from typing import Annotated

from pydantic import Field

from ._heads import Balance, BalanceWeight, Heads, LearningRate, MinEntropy, NClusters, Neighbors, Start, Steps
from ._losses import balance_loss, consistency, label_cross_entropy
from ._networks import calibrate
from ._pairs import PairHeadClusterer, assignments
from ._training import batches

_LABEL_STEPS = 200
_SURE, _SURE_QUANTILE = 0.99, 0.9
# Of the clusters, what the sure samples must cover to teach the others.
_COVERED = 0.8


class SCAN(PairHeadClusterer):
    """Semantic clustering by adopting nearest neighbours.

    Attributes:
        spec_: as all heads'
        history_: with the parts "consistency" and "balance"; its last row is from after self-labelling
    """

    name = "scan"
    title = "SCAN"
    when = "The default among deep methods: better than k-means on most embeddings, with probabilities"
    order = 200

    def __init__(
        self,
        n_clusters: NClusters = 10,
        steps: Steps = 300,
        heads: Heads = 3,
        n_neighbors: Neighbors = 20,
        start: Start = "auto",
        balance: Balance = "hinge",
        balance_weight: BalanceWeight = 5.0,
        min_entropy: MinEntropy = 0.9,
        self_label: Annotated[
            bool, Field(description="Afterwards, let the surest samples teach the others, under noise and dropout")
        ] = False,
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
        self.self_label = self_label
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _losses(self, p, q, boost):
        balance = balance_loss(p.mean(dim=0), self.balance, self.min_entropy)
        return {"consistency": consistency(p, q), "balance": boost * self.balance_weight * balance}

    def _finished(self, task, boost, network, history, seed):
        if self.self_label:
            self._label_itself(task, network, seed)
            P = assignments(network, task.X)
            history.add(self.steps + _LABEL_STEPS - 1, self._losses(P, P[task.neighbors[:, 0]], boost), P)
        return super()._finished(task, boost, network, history, seed)

    def _label_itself(self, task, network, seed):
        """Trains on what the network is sure of, disturbed; not at all if that is too one-sided."""
        import torch

        calibrate(network, task.X)
        confidence, labels = assignments(network, task.X).max(dim=1)
        sure = confidence >= min(_SURE, float(confidence.quantile(_SURE_QUANTILE)))
        counts = labels[sure].bincount(minlength=task.n_clusters)
        if int((counts > 0).sum()) < _COVERED * task.n_clusters:
            return
        weights = sure.sum() / counts.clamp(min=1)
        chosen = sure.nonzero()[:, 0]
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate, weight_decay=1e-4)
        scale = 0.5 * task.X.std()
        for rows in batches(len(chosen), 1_000, _LABEL_STEPS, seed):
            rows = chosen[rows]
            network.train()
            noisy = torch.nn.functional.dropout(task.X[rows] + scale * torch.randn_like(task.X[rows]), 0.2)
            loss = label_cross_entropy(network(noisy), labels[rows], weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
