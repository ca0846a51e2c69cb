"""Contrastive clustering from images: two views of an image attract, and so do a cluster's two columns of a batch.

When to choose it: classes of about one size, and no trained encoder at hand: features and clusters are learned in one
stage. From a trained encoder heads start from k-means.

Paper: Li et al., Contrastive Clustering, AAAI 2021, sections 3.2 (instances) and 3.3 (clusters). Ours differs in linear
heads on the features, of which several are trained, and in the backbone and the sizes of the views.
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
from .base import ClusterRate, Epochs, NClusters, PretrainEpochs
from .heads import FirstClusters, HeadClustering, Heads


class ImageCC(HeadClustering):
    """Contrastive clustering of instances and clusters.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering
        pretrain_epochs: epochs of SimCLR before, unless a trained encoder is given; 0 in the paper
        temperature: of the images' contrast
        cluster_temperature: of the clusters' contrast
        heads: how many are trained
        balance: "uniform" is the paper's, "hinge" lets sizes differ up to a limit
        balance_weight: weight of the balance
        min_entropy: where the hinge begins
        flip, crop, color, grey, rotation: what does not matter, see :class:`models.training.simclr.SimCLR`
        first_clusters: what heads start from, where there are features
        cluster_rate: learning rate while clustering, as a share of SimCLR's
        backbone, timm_model, pretrained, image_size, resize: the network, unless a trained encoder is given
        batch_size, micro_batch, optimizer, learning_rate, weight_decay, warmup_epochs, precision, device: as SimCLR's
    """

    kind = "cc"
    title = "Contrastive clustering"
    when = "Classes of about one size, learned with their features in one stage"
    needs_features = False
    loss_name = "contrast"

    def __init__(
        self,
        n_clusters: NClusters = 10,
        epochs: Epochs = 100,
        pretrain_epochs: PretrainEpochs = 0,
        flip: Flip = "horizontal",
        crop: Crop = 0.2,
        color: Color = 1.0,
        rotation: Rotation = 0.0,
        grey: Grey = 0.2,
        heads: Heads = 1,
        temperature: Temperature = 0.5,
        cluster_temperature: Annotated[float, Field(gt=0, le=10, description="Divides the similarity of clusters")] = (
            1.0
        ),
        balance: Balance = "uniform",
        balance_weight: BalanceWeight = 1.0,
        min_entropy: MinEntropy = 0.9,
        first_clusters: FirstClusters = "auto",
        cluster_rate: ClusterRate = 1.0,
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

    @classmethod
    def of_features(cls):
        """The parameters that matter only while features are made; the contrast of images goes on."""
        return tuple(name for name in super().of_features() if name != "temperature")

    def outputs(self, stage: str) -> tuple[str, ...]:
        """Projections for the contrast of images, and all heads."""
        return "projections", "heads"

    def cluster_objective(self, outputs, targets) -> dict:
        """NT-Xent of the images beside the losses of the clusters."""
        from ..nt_xent import nt_xent

        width = outputs.shape[1] - self.heads * self.n_clusters
        instances, clusters = outputs[:, :width], outputs[:, width:]
        return {
            "instances": nt_xent(*instances.chunk(2), self.temperature),
            **super().cluster_objective(clusters, None),
        }

    def _losses(self, p, q, boost):
        from ...clusterers.deep.losses import balance_loss, cluster_contrast

        balance = sum(balance_loss(view.mean(dim=0), self.balance, self.min_entropy) for view in (p, q))
        return {
            "contrast": cluster_contrast(p, q, self.cluster_temperature),
            "balance": boost * self.balance_weight * balance,
        }
