"""PICA from images: the partition of a batch must survive distorting every image.

When to choose it: classes of about one size, and a large batch, which must hold several images of every cluster.

Paper: Huang et al., Deep Semantic Clustering by Partition Confidence Maximisation, CVPR 2020, section 3. Ours differs
in features that SimCLR makes first unless ``pretrain_epochs`` is 0, in heads that then start from k-means, and without
it are standardized by each batch, see ``tests/benchmarks/from_scratch.py``, and in one distorted view per image instead
of three, without an auxiliary head of more clusters.
"""

from typing import TYPE_CHECKING, Any

from ...clusterers.deep.objectives import pica_losses
from ..state import TrainingState
from .pairs import PairClustering

if TYPE_CHECKING:
    import numpy as np
    import torch


class ImagePICA(PairClustering):
    """Partition confidence maximisation.

    Args:
        balance_weight: weight of the balance
        shared: as :class:`models.training.clustering.pairs.PairClustering`'s
    """

    kind = "pica"
    title = "PICA"
    when = "Classes of about one size; sharpens the whole partition at once, under distortions of the images"
    order = 240
    needs_features = False
    loss_name = "partition uncertainty"

    def __init__(self, *, balance_weight: float = 2.0, **shared: Any):
        super().__init__(balance_weight=balance_weight, **shared)

    def cluster_inputs(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """The images as they are, above a view of each."""
        import torch

        images = training.images(positions)
        view = self.view(self.views).draw(len(positions), generator)
        return torch.cat([images.float() / 255, view(images)]), None

    def _losses(self, first: "torch.Tensor", second: "torch.Tensor", boost: float) -> dict:
        return pica_losses(first, second, self.size_balance(boost))
