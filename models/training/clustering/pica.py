"""PICA from images: the partition of a batch must survive distorting every image.

When to choose it: classes of about one size, and a large batch, which must hold several images of every cluster.

Paper: Huang et al., Deep Semantic Clustering by Partition Confidence Maximisation, CVPR 2020, section 3. Ours differs
in features that SimCLR makes first unless ``pretrain_epochs`` is 0, in heads that then start from k-means, and in one
distorted view per image instead of three, without an auxiliary head of more clusters.
"""

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
from .base import ClusterRate, Epochs, NClusters, PretrainEpochs
from .heads import FirstClusters, HeadClustering, Heads


class ImagePICA(HeadClustering):
    """Partition confidence maximisation.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering
        pretrain_epochs: epochs of SimCLR before, unless a trained encoder is given; 0 in the paper
        heads: how many are trained
        balance: "uniform" is the paper's, "hinge" lets sizes differ up to a limit
        balance_weight: weight of the balance
        min_entropy: where the hinge begins
        flip, crop, color, grey, rotation: what does not matter, see :class:`models.training.simclr.SimCLR`
        temperature: of SimCLR's loss
        first_clusters: what heads start from, where there are features
        cluster_rate: learning rate while clustering, as a share of SimCLR's
        backbone, timm_model, pretrained, image_size, resize: the network, unless a trained encoder is given
        batch_size, micro_batch, optimizer, learning_rate, weight_decay, warmup_epochs, precision, device: as SimCLR's
    """

    kind = "pica"
    title = "PICA"
    when = "Classes of about one size; sharpens the whole partition at once, under distortions of the images"
    needs_features = False
    loss_name = "partition uncertainty"

    def __init__(
        self,
        n_clusters: NClusters = 10,
        epochs: Epochs = 30,
        pretrain_epochs: PretrainEpochs = 100,
        flip: Flip = "horizontal",
        crop: Crop = 0.2,
        color: Color = 1.0,
        rotation: Rotation = 0.0,
        grey: Grey = 0.2,
        temperature: Temperature = 0.2,
        heads: Heads = 3,
        balance: Balance = "uniform",
        balance_weight: BalanceWeight = 2.0,
        min_entropy: MinEntropy = 0.9,
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

    def cluster_inputs(self, training, positions, generator) -> tuple:
        """The images as they are, above a view of each."""
        import torch

        images = training.images(positions)
        view = self.augmentation().draw(len(positions), generator)
        return torch.cat([images.float() / 255, view(images)]), None

    def _losses(self, p, q, boost):
        from ...clusterers.deep.losses import balance_loss, partition_uncertainty

        balance = balance_loss(p.mean(dim=0), self.balance, self.min_entropy)
        return {"uncertainty": partition_uncertainty(p, q), "balance": boost * self.balance_weight * balance}
