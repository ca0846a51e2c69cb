"""Contrastive clustering from images: two views of an image attract, and so do a cluster's two columns of a batch.

When to choose it: classes of about one size, and no trained encoder at hand: features and clusters are learned in one
stage. From a trained encoder heads start from k-means.

Paper: Li et al., Contrastive Clustering, AAAI 2021, sections 3.2 (instances) and 3.3 (clusters). Ours differs in linear
heads on the features, of which several are trained, and which see features that emerge from random weights as batch
normalization would, see ``tests/benchmarks/from_scratch.py``; and in the backbone and the sizes of the views.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ...clusterers.deep.objectives import cc_losses
from .pairs import PairClustering

if TYPE_CHECKING:
    import torch


class ImageCC(PairClustering):
    """Contrastive clustering of instances and clusters.

    Args:
        epochs: epochs of the clustering
        pretrain_epochs: epochs of SimCLR before, unless a trained encoder is given; 0 in the paper
        heads: how many are trained
        cluster_rate: learning rate while clustering, as a share of SimCLR's
        temperature: of the images' contrast
        cluster_temperature: of the clusters' contrast
        shared: as :class:`models.training.clustering.pairs.PairClustering`'s
    """

    kind = "cc"
    title = "Contrastive clustering"
    when = "Classes of about one size, learned with their features in one stage"
    order = 230
    needs_features = False
    loss_name = "contrast"

    def __init__(
        self,
        epochs: int = 100,
        pretrain_epochs: int = 0,
        *,
        heads: int = 1,
        cluster_rate: float = 1.0,
        temperature: float = 0.5,
        cluster_temperature: Annotated[float, Field(gt=0, le=10, description="Divides the similarity of clusters")] = (
            1.0
        ),
        **shared: Any,
    ):
        super().__init__(
            epochs=epochs,
            pretrain_epochs=pretrain_epochs,
            heads=heads,
            cluster_rate=cluster_rate,
            temperature=temperature,
            **shared,
        )
        self.cluster_temperature = cluster_temperature

    @classmethod
    def of_features(cls) -> tuple[str, ...]:
        """The parameters that matter only while features are made; the contrast of images goes on."""
        return tuple(name for name in super().of_features() if name != "temperature")

    def outputs(self, stage: str) -> tuple[str, ...]:
        """Projections for the contrast of images, and all heads."""
        return "projections", "heads"

    def cluster_objective(self, outputs: "torch.Tensor", targets: Any) -> dict:
        """NT-Xent of the images beside the losses of the clusters."""
        from ..nt_xent import nt_xent

        width = outputs.shape[1] - self.heads * self.n_clusters
        instances, clusters = outputs[:, :width], outputs[:, width:]
        first, second = instances.chunk(2)
        own = {"instances": nt_xent(first, second, self.temperature)}
        return own | super().cluster_objective(clusters, None)

    def _losses(self, first: "torch.Tensor", second: "torch.Tensor", boost: float) -> dict:
        return cc_losses(first, second, self.size_balance(boost), self.cluster_temperature)
