"""DEC from images: an autoencoder on pixels, then clusters in its code sharpen themselves.

When to choose it: small, centred, simple images such as digits, where pixels mean something; on photographs choose
``scan``. The convolutional autoencoder is for images larger than about 32 pixels.

Paper: Xie, Girshick, Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016. Ours differs in the
autoencoder's training, see ``autoencoder.py``, in that a code closer to its centers than a mean square distance of 1 is
widened, without which Student's t is flat on some data, and in targets that are renewed every epoch.
"""

from ...devices import Device
from ..autoencoder import Denoising
from ..recipe import BatchSize, ImageSize, LearningRate, MicroBatch, Optimizer, Precision, Resize, Warmup, WeightDecay
from .base import ClusterRate, Epochs, NClusters, PretrainEpochs
from .codes import Autoencoding, Code, CodeClustering


class ImageDEC(CodeClustering):
    """Deep embedded clustering.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering
        pretrain_epochs: epochs of the autoencoder, unless a trained one is given
        autoencoder: "autoencoder", fully connected, or "conv_autoencoder"
        code: length of the code
        denoising: share of each layer's inputs that is set to 0 while the autoencoder trains
        cluster_rate: learning rate while clustering, as a share of the autoencoder's
        image_size, resize: of the images, unless a trained autoencoder is given
        batch_size, micro_batch, optimizer, learning_rate, weight_decay, warmup_epochs, precision, device: as the
            autoencoder's
    """

    kind = "dec"
    title = "DEC"
    when = "Small, centred, simple images such as digits, from pixels"

    def __init__(
        self,
        n_clusters: NClusters = 10,
        epochs: Epochs = 30,
        pretrain_epochs: PretrainEpochs = 60,
        autoencoder: Autoencoding = "autoencoder",
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
