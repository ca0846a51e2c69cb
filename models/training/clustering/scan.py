"""SCAN from images: neighbours in the features of SimCLR belong together, then the surest images teach the others.

When to choose it: the default where embeddings do not separate the classes and there is time to train. From a trained
encoder it takes some tens of epochs, from nothing SimCLR's besides.

Paper: Van Gansbeke et al., SCAN: Learning to Classify Images without Labels, ECCV 2020: section 2.1 features and
neighbours, 2.2 the clustering, 2.3 self-labelling. Ours differs in heads that start from k-means, in a balance that is
free until sizes become very unequal, in a threshold of sureness per cluster, so that none is without a teacher (the
paper's .99 where a tenth of the cluster reaches that), and in labels that are renewed after every epoch, from images as
they are, not after every step, which on small data made one cluster swallow the others within an epoch.
"""

from typing import Annotated

from pydantic import Field

from ...clusterers.deep.heads import Balance, BalanceWeight, MinEntropy
from ...devices import Device
from ..recipe import (
    Backbone,
    BatchSize,
    Color,
    Crop,
    Flip,
    Grey,
    ImageSize,
    LearningRate,
    MicroBatch,
    Optimizer,
    Precision,
    Pretrained,
    Resize,
    Rotation,
    Temperature,
    TimmModel,
    Warmup,
    WeightDecay,
)
from .base import ClusterRate, NClusters, PretrainEpochs, RefinableEpochs
from .heads import Cutout, FirstClusters, HeadClustering, Heads, Neighbors, Operations, Strength

_SURE_QUANTILE = 0.9


class ImageSCAN(HeadClustering):
    """Semantic clustering by adopting nearest neighbours, end to end.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering; 0 labels with the clusters of the trained encoder that is given
        self_label_epochs: epochs of self-labelling
        pretrain_epochs: epochs of SimCLR, unless a trained encoder is given
        n_neighbors: neighbours of each image that count as of its kind
        heads: how many are trained
        balance: "hinge" lets sizes differ up to a limit, "uniform" is the paper's
        balance_weight: weight of the balance
        min_entropy: where the hinge begins
        threshold: probability above which an image teaches, where its cluster has enough of them
        flip, crop, color, grey, rotation: what does not matter, see :class:`models.training.simclr.SimCLR`
        temperature: of SimCLR's loss
        operations, strength, cutout: the strong views, see :mod:`models.training.strong_augmentation`
        first_clusters: what heads start from
        cluster_rate: learning rate while clustering, as a share of SimCLR's
        backbone, timm_model, pretrained, image_size, resize: the network, unless a trained encoder is given
        batch_size, micro_batch, optimizer, learning_rate, weight_decay, warmup_epochs, precision, device: as SimCLR's
    """

    kind = "scan"
    title = "SCAN"
    when = "Learns features and clusters together where embeddings of known encoders do not separate the classes"
    loss_name = "SCAN loss"
    refinement = "self-label"

    def __init__(
        self,
        n_clusters: NClusters = 10,
        epochs: RefinableEpochs = 30,
        self_label_epochs: Annotated[
            int, Field(ge=0, le=100_000, description="Epochs in which the surest images teach the others")
        ] = 20,
        pretrain_epochs: PretrainEpochs = 100,
        flip: Flip = "horizontal",
        crop: Crop = 0.2,
        color: Color = 1.0,
        rotation: Rotation = 0.0,
        grey: Grey = 0.2,
        temperature: Temperature = 0.2,
        n_neighbors: Neighbors = 20,
        heads: Heads = 3,
        balance: Balance = "hinge",
        balance_weight: BalanceWeight = 5.0,
        min_entropy: MinEntropy = 0.9,
        threshold: Annotated[
            float, Field(gt=0, le=1, description="Probability above which an image teaches the others")
        ] = 0.99,
        operations: Operations = 4,
        strength: Strength = 1.0,
        cutout: Cutout = 0.5,
        first_clusters: FirstClusters = "auto",
        cluster_rate: ClusterRate = 0.25,
        batch_size: BatchSize = 256,
        backbone: Backbone = "small",
        image_size: ImageSize = None,
        timm_model: TimmModel = None,
        pretrained: Pretrained = False,
        optimizer: Optimizer = "adamw",
        learning_rate: LearningRate = None,
        weight_decay: WeightDecay = 1e-4,
        warmup_epochs: Warmup = 1,
        micro_batch: MicroBatch = None,
        resize: Resize = "shortest",
        precision: Precision = "auto",
        device: Device = "auto",
    ):
        self.take(locals())

    def _refining(self) -> int:
        return self.self_label_epochs

    def cluster_inputs(self, training, positions, generator) -> tuple:
        """Ordinary views of images and of one neighbour of each; or strong views of teachers, and their clusters."""
        import torch

        n = len(positions)
        if training.stage == self.refinement:
            chosen = self.teachers[torch.as_tensor(positions) % len(self.teachers)]
            views = self.strong_augmentation().draw(n, generator)(training.images(chosen.numpy()))
            return views, self.taught[chosen].to(training.device)
        mined = training.state["neighbors"]
        column = torch.randint(mined.shape[1], (n,), generator=generator)
        images, near = training.images(positions), training.images(mined[positions, column].numpy())
        augment = self.augmentation()
        return torch.cat([augment.draw(n, generator)(images), augment.draw(n, generator)(near)]), None

    def _losses(self, p, q, boost):
        from ...clusterers.deep.losses import balance_loss, consistency

        balance = balance_loss(p.mean(dim=0), self.balance, self.min_entropy)
        return {"consistency": consistency(p, q), "balance": boost * self.balance_weight * balance}

    def before_epoch(self, training):
        """For self-labelling: the images that teach, the cluster of each, and the weight of each cluster."""
        import torch

        super().before_epoch(training)
        if training.stage != self.refinement:
            return
        confidence, self.taught = self.assignments(training).max(1)
        least = torch.full((self.n_clusters,), self.threshold)
        for cluster in self.taught.unique().tolist():
            own = confidence[self.taught == cluster]
            least[cluster] = min(self.threshold, float(own.quantile(_SURE_QUANTILE)))
        self.teachers = (confidence >= least[self.taught]).nonzero()[:, 0]
        counts = self.taught[self.teachers].bincount(minlength=self.n_clusters)
        self.weights = (len(self.teachers) / counts.clamp(min=1)).to(training.device)

    def cluster_objective(self, outputs, targets) -> dict:
        """The losses of neighbours, or the cross-entropy of strong views."""
        from ...clusterers.deep.losses import label_cross_entropy

        if self.stage != self.refinement:
            return super().cluster_objective(outputs, targets)
        return {"self-label": label_cross_entropy(outputs, targets, self.weights)}
