"""SCAN from images: neighbors in SimCLR features belong together, then confident images teach the others.

When to choose it: the default where embeddings do not separate the classes and there is time to train. From a trained
encoder it takes some tens of epochs, from nothing SimCLR's besides.

Paper: Van Gansbeke et al., SCAN: Learning to Classify Images without Labels, ECCV 2020: section 2.1 features and
neighbors, 2.2 the clustering, of which the head and the epoch of the lowest loss over all images are kept, 2.3
self-labeling, which ends when its confident images are no longer more; both stages show strong views. Ours differs in
strong views that are also shifted, in heads that start from k-means, in a balance that is free until sizes become very
unequal, in a threshold of sureness per cluster, so that none is without a teacher (the paper's .99 where a tenth of the
cluster reaches that), and in labels that are renewed after every epoch, from images as they are, not after every step,
which on small data made one cluster swallow the others within an epoch.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ...clusterers.deep.heads import Balance
from ...clusterers.deep.objectives import class_weights, scan_losses
from ...clusterers.deep.pairs import SCORED_NEIGHBORS, score
from ...clusterers.deep.steps import stopped_growing
from ..state import TrainingState
from .pairs import PairClustering
from .teaching import TeachingHeads

if TYPE_CHECKING:
    import numpy as np
    import torch

_SURE_QUANTILE = 0.9


class ImageSCAN(TeachingHeads, PairClustering):
    """Semantic clustering by adopting nearest neighbors, end to end.

    Args:
        epochs: epochs of the clustering; 0 labels with the clusters of the trained encoder that is given
        self_label_epochs: epochs of self-labeling
        threshold: probability above which an image teaches, where its cluster has enough of them
        balance: "hinge" lets sizes differ up to a limit, "uniform" is the paper's
        balance_weight: weight of the balance
        shared: as :class:`models.training.clustering.teaching.TeachingHeads`'s and
            :class:`models.training.clustering.pairs.PairClustering`'s

    Attributes:
        teachers: rows of the images that teach in the current epoch, a tensor
        taught: ``(n,)`` tensor of the clusters of all images
        weights: ``(n_clusters,)`` tensor, how much an image of each cluster counts
        losses: of the heads, over all images and the nearest neighbors of each, after the epoch done last
    """

    kind = "scan"
    title = "SCAN"
    when = "Learns features and clusters together where embeddings of known encoders do not separate the classes"
    order = 200
    loss_name = "SCAN loss"
    refinement = "self-label"
    losses: "list[float]"
    teachers: "torch.Tensor"
    taught: "torch.Tensor"
    weights: "torch.Tensor"

    def __init__(
        self,
        epochs: int = 30,
        self_label_epochs: Annotated[
            int, Field(ge=0, le=100_000, description="Epochs in which the most confident images teach the others")
        ] = 20,
        *,
        threshold: Annotated[
            float, Field(gt=0, le=1, description="Probability above which an image teaches the others")
        ] = 0.99,
        balance: Balance = "hinge",
        balance_weight: float = 5.0,
        **shared: Any,
    ):
        super().__init__(epochs=epochs, balance=balance, balance_weight=balance_weight, **shared)
        self.self_label_epochs = self_label_epochs
        self.threshold = threshold

    @property
    def refinement_epochs(self) -> int:
        """Epochs of self-labeling."""
        return self.self_label_epochs

    def cluster_inputs(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """Views of images and of one neighbor of each; or views of teachers, and their clusters."""
        import torch

        n = len(positions)
        if training.stage == self.refinement:
            chosen = self.teachers[self.turns.take(n, generator)]
            views = self.view(self.refinement_views).draw(n, generator)(training.images(chosen.numpy()))
            return views, self.taught[chosen].to(training.device)
        mined = training.state["neighbors"]
        column = torch.randint(mined.shape[1], (n,), generator=generator)
        images, near = training.images(positions), training.images(mined[positions, column].numpy())
        augment = self.view(self.views)
        return torch.cat([augment.draw(n, generator)(images), augment.draw(n, generator)(near)]), None

    def _losses(self, first: "torch.Tensor", second: "torch.Tensor", boost: float) -> dict:
        return scan_losses(first, second, self.size_balance(boost))

    def before_epoch(self, training: TrainingState) -> None:
        """For self-labeling: the images that teach, the cluster of each, and the weight of each cluster."""
        import torch

        from .turns import Turns

        super().before_epoch(training)
        if training.stage != self.refinement:
            return
        confidence, self.taught = self.assignments(training).max(1)
        least = torch.full((self.n_clusters,), self.threshold)
        for cluster in self.taught.unique().tolist():
            own = confidence[self.taught == cluster]
            least[cluster] = min(self.threshold, float(own.quantile(_SURE_QUANTILE)))
        self.teachers = (confidence >= least[self.taught]).nonzero()[:, 0]
        self.turns = Turns(len(self.teachers))
        self.weights = class_weights(self.taught[self.teachers], self.n_clusters).to(training.device)

    def evaluate(self, training: TrainingState) -> "torch.Tensor":
        """Soft assignments ``(n, k)`` by the head of the lowest loss over all images, as they are, and their neighbors.

        The loss of the last epoch's batches would not do to compare epochs: its weights changed from step to step.
        """
        if training.stage != self.kind:
            return super().evaluate(training)
        network, boost = training.network, self.boost(training)
        found = training.all_features(lambda images: network.scores(network.encoder(images))).split(self.n_clusters, 1)
        columns = training.state["neighbors"][:, :SCORED_NEIGHBORS].T
        self.losses = [score(logits, columns, lambda p, q: self._losses(p, q, boost)) for logits in found]
        best = self.losses.index(min(self.losses))
        network.chosen.fill_(best)
        return found[best].softmax(1)

    def comparable_loss(self, training: TrainingState) -> float | None:
        """That of the best head while neighbors are learned."""
        return min(self.losses) if training.stages[training.epoch - 1] == self.kind else None

    def more_health(self, training: TrainingState, P: "torch.Tensor") -> dict[str, float]:
        """The share of the images that are above the threshold while they label themselves."""
        if training.stage != self.refinement:
            return {}
        return {"confident": float((P.amax(1) >= self.threshold).float().mean())}

    def ended(self, training: TrainingState) -> str | None:
        """Self-labeling ends when its confident images are no longer more."""
        shares = [entry["health"]["confident"] for entry in training.curve if entry["stage"] == self.refinement]
        if not stopped_growing(shares):
            return None
        return f"the confident images, {shares[-1]:.0%} of all, are no longer more"

    def cluster_objective(self, outputs: "torch.Tensor", targets: Any) -> dict:
        """The losses of neighbors, or the cross-entropy of strong views."""
        from ...clusterers.deep.losses import label_cross_entropy

        if self.stage != self.refinement:
            return super().cluster_objective(outputs, targets)
        return {"self-label": label_cross_entropy(outputs, targets, self.weights)}
