"""IDEC and DCEC from images: as DEC, and the code must still reconstruct the images.

When to choose it: instead of ``dec`` unless you want the original: what distinguishes images within a cluster stays in
the code, which keeps it from falling onto the centers. With the convolutional autoencoder this is DCEC.

Papers: Guo, Gao, Liu, Yin, Improved Deep Embedded Clustering with Local Structure Preservation, IJCAI 2017; Guo, Liu,
Zhu, Yin, Deep Clustering with Convolutional Autoencoders, ICONIP 2017. Ours differs as in ``dec``.
"""

from typing import Annotated

from pydantic import Field

from ...devices import Device
from ..autoencoder import Denoising
from ..recipe import BatchSize, ImageSize, LearningRate, MicroBatch, Optimizer, Precision, Resize, Warmup, WeightDecay
from .base import ClusterRate, Epochs, NClusters, PretrainEpochs
from .codes import Autoencoding, Code, CodeClustering


class ImageIDEC(CodeClustering):
    """Improved deep embedded clustering.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering
        pretrain_epochs: epochs of the autoencoder, unless a trained one is given
        autoencoder: "autoencoder", fully connected, or "conv_autoencoder", which makes this DCEC
        gamma: weight of clustering beside reconstruction
        code: length of the code
        denoising: share of each layer's inputs that is set to 0 while the autoencoder trains
        cluster_rate: learning rate while clustering, as a share of the autoencoder's
        image_size, resize: of the images, unless a trained autoencoder is given
        batch_size, micro_batch, optimizer, learning_rate, weight_decay, warmup_epochs, precision, device: as the
            autoencoder's
    """

    kind = "idec"
    title = "IDEC"
    when = "As DEC, but safer: the code keeps what distinguishes images within a cluster; DCEC if convolutional"
    joint = True

    def __init__(
        self,
        n_clusters: NClusters = 10,
        epochs: Epochs = 30,
        pretrain_epochs: PretrainEpochs = 60,
        autoencoder: Autoencoding = "autoencoder",
        gamma: Annotated[float, Field(ge=0, le=100, description="Weight of clustering beside reconstruction")] = 0.1,
        code: Code = 10,
        denoising: Denoising = 0.0,
        cluster_rate: ClusterRate = 0.1,
        batch_size: BatchSize = 256,
        image_size: ImageSize = None,
        optimizer: Optimizer = "adamw",
        learning_rate: LearningRate = None,
        weight_decay: WeightDecay = 0.0,
        warmup_epochs: Warmup = 1,
        micro_batch: MicroBatch = None,
        resize: Resize = "shortest",
        precision: Precision = "float32",
        device: Device = "auto",
    ):
        self.take(locals())

    @property
    def divergence_weight(self) -> float:
        """Weight of the divergence in the loss."""
        return self.gamma
