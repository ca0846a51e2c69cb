"""DEC: an autoencoder shrinks the vectors to a short code, and clusters in the code sharpen themselves.

Choose it for small gray images as vectors of pixels, or to compare with the literature; on the embeddings of large
encoders ``scan`` is better.

Paper: Xie et al. 2016, "Unsupervised Deep Embedding for Clustering Analysis". Where ours differs: where UMAP is cheap,
it starts from the clusters of k-means after UMAP of the code (McConville et al. 2019, "N2D"), which the code learns
first (``start="kmeans"``, and so ``"none"``, is the paper's k-means in the code); a code that lies closer to its
centers than a mean square distance of 1 is widened, without which Student's t is flat on some data; the target of a
batch is made of its present assignments and of the clusters' sizes over all samples, each counted as it was last seen,
in place of assignments that are renewed now and then by a pass over all samples; training counts steps of Adam; the
smaller architecture sees 128 principal components of wide vectors; and of several runs, each a head here, the one of
lowest loss over all samples is kept.
"""

from .autoencoder import Architecture, AutoencoderClusterer, ClusterSteps, CodeSize, PretrainSteps, Tolerance
from .heads import Heads, LearningRate, NClusters, Start


class DEC(AutoencoderClusterer):
    """Deep embedded clustering.

    Attributes:
        spec_: as all heads'; the array "codes" holds the centers
        history_: with the part "divergence"
    """

    name = "dec"
    title = "DEC"
    when = "Small gray images as vectors of pixels; sharpens k-means in the code of an autoencoder"
    order = 250

    def __init__(
        self,
        n_clusters: NClusters = 10,
        pretrain_steps: PretrainSteps = 1_500,
        steps: ClusterSteps = 1_000,
        heads: Heads = 1,
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
        self.architecture = architecture
        self.code_size = code_size
        self.start = start
        self.tol = tol
        self.learning_rate = learning_rate
        self.random_state = random_state
