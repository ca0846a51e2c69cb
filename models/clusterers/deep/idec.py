"""IDEC: as DEC, and the code must still reconstruct the vectors, which keeps it from falling onto the centers.

Choose it instead of ``dec`` unless you want the original: it is the safer of the two.

Paper: Guo et al. 2017, "Improved Deep Embedded Clustering with Local Structure Preservation". Where ours differs: as in
``dec``.
"""

from typing import Annotated

from pydantic import Field

from .autoencoder import Architecture, AutoencoderClusterer, ClusterSteps, CodeSize, PretrainSteps, Tolerance
from .heads import Heads, LearningRate, NClusters, Start


class IDEC(AutoencoderClusterer):
    """Improved deep embedded clustering.

    Attributes:
        spec_: as all heads'; the array "codes" holds the centers
        history_: with the parts "divergence" and "reconstruction"
    """

    name = "idec"
    title = "IDEC"
    when = "As DEC, but safer: the code keeps what distinguishes samples within a cluster"
    order = 260
    reconstructs = True

    def __init__(
        self,
        n_clusters: NClusters = 10,
        pretrain_steps: PretrainSteps = 1_500,
        steps: ClusterSteps = 1_000,
        heads: Heads = 1,
        gamma: Annotated[float, Field(ge=0, le=100, description="Weight of clustering beside reconstruction")] = 0.1,
        architecture: Architecture = "512-256",
        code_size: CodeSize = 10,
        start: Start = "auto",
        tol: Tolerance = 1e-3,
        learning_rate: LearningRate = 1e-3,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.pretrain_steps = pretrain_steps
        self.steps = steps
        self.heads = heads
        self.gamma = gamma
        self.architecture = architecture
        self.code_size = code_size
        self.start = start
        self.tol = tol
        self.learning_rate = learning_rate
        self.random_state = random_state

    @property
    def divergence_weight(self) -> float:
        """Weight of the divergence in the loss."""
        return self.gamma
