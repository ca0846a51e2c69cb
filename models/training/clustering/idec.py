"""IDEC and DCEC from images: as DEC, and the code must still reconstruct the images.

When to choose it: instead of ``dec`` unless you want the original: what distinguishes images within a cluster stays in
the code, which keeps it from falling onto the centers. With the convolutional autoencoder this is DCEC.

Papers: Guo, Gao, Liu, Yin, Improved Deep Embedded Clustering with Local Structure Preservation, IJCAI 2017; Guo, Liu,
Zhu, Yin, Deep Clustering with Convolutional Autoencoders, ICONIP 2017. Ours differs as in ``dec``.
"""

from typing import Annotated, Any

from pydantic import Field

from .codes import CodeClustering


class ImageIDEC(CodeClustering):
    """Improved deep embedded clustering.

    Args:
        gamma: weight of clustering beside reconstruction
        shared: as :class:`models.training.clustering.codes.CodeClustering`'s
    """

    kind = "idec"
    title = "IDEC"
    when = "As DEC, but safer: the code keeps what distinguishes images within a cluster; DCEC if convolutional"
    order = 260
    joint = True

    def __init__(
        self,
        *,
        gamma: Annotated[float, Field(ge=0, le=100, description="Weight of clustering beside reconstruction")] = 0.1,
        **shared: Any,
    ):
        super().__init__(**shared)
        self.gamma = gamma

    @property
    def divergence_weight(self) -> float:
        """Weight of the divergence in the loss."""
        return self.gamma
