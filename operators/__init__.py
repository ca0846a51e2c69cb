"""What FiftyOne sees: operators, forms and runs. No mathematics in here."""

from .cluster_embeddings import ClusterEmbeddings
from .compute_clusters import ComputeClusters
from .compute_embeddings import ComputeEmbeddings
from .delete_clustering_run import DeleteClusteringRun
from .get_clustering_run_info import GetClusteringRunInfo
from .load_clustering_view import LoadClusteringView
from .rename_clustering_run import RenameClusteringRun

OPERATORS = [
    ComputeClusters,
    ComputeEmbeddings,
    GetClusteringRunInfo,
    LoadClusteringView,
    RenameClusteringRun,
    DeleteClusteringRun,
    ClusterEmbeddings,
]
