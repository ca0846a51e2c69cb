"""What FiftyOne sees: operators, forms and runs. No mathematics in here."""

from .cluster_embeddings import ClusterEmbeddings
from .compute_clusters import ComputeClusters
from .compute_embeddings import ComputeEmbeddings
from .delete_clustering_run import DeleteClusteringRun
from .delete_encoder import DeleteEncoder
from .export_encoder import ExportEncoder
from .get_clustering_run_info import GetClusteringRunInfo
from .import_encoder import ImportEncoder
from .list_encoders import ListEncoders
from .load_clustering_view import LoadClusteringView
from .rename_clustering_run import RenameClusteringRun
from .stop_clustering import StopClustering
from .train_encoder import TrainEncoder

OPERATORS = [
    ComputeClusters,
    ComputeEmbeddings,
    GetClusteringRunInfo,
    LoadClusteringView,
    RenameClusteringRun,
    DeleteClusteringRun,
    ClusterEmbeddings,
    TrainEncoder,
    ListEncoders,
    DeleteEncoder,
    ExportEncoder,
    ImportEncoder,
    StopClustering,
]
