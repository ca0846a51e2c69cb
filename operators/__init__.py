"""Operators, forms and runs, as FiftyOne sees them. No mathematics in here."""

from .assign_clusters import AssignClusters
from .build_cluster_hierarchy import BuildClusterHierarchy
from .check_neighbors import CheckNeighbors
from .choose_on_map import ChooseOnMap
from .cluster_embeddings import ClusterEmbeddings
from .clusters_panel import ClustersPanel
from .compare_clusterings import CompareClusterings
from .compute_clusters import ComputeClusters
from .compute_embeddings import ComputeEmbeddings
from .delete_clustering_run import DeleteClusteringRun
from .delete_encoder import DeleteEncoder
from .edit_clusters import EditClusters
from .evaluate_clusters import EvaluateClusters
from .execution.failures import explain_failures
from .export_clusters import ExportClusters
from .export_encoder import ExportEncoder
from .find_cluster_duplicates import FindClusterDuplicates
from .get_clustering_run_info import GetClusteringRunInfo
from .group_by_criterion import GroupByCriterion
from .import_encoder import ImportEncoder
from .label_clusters import LabelClusters
from .label_clusters_with_gpt4v import LabelClustersWithGpt4v
from .list_encoders import ListEncoders
from .load_clustering_view import LoadClusteringView
from .load_odd_images import LoadOddImages
from .open_clusters_panel import OpenClustersPanel
from .propagate_labels import PropagateLabels
from .read_for_panel import ReadForPanel
from .rename_clustering_run import RenameClusteringRun
from .sample_clusters import SampleClusters
from .show_cluster_colors import ShowClusterColors
from .stop_clustering import StopClustering
from .suggest_cluster_count import SuggestClusterCount
from .tabulate_clusters import TabulateClusters
from .train_encoder import TrainEncoder
from .watch_clustering_runs import WatchClusteringRuns

# The App's palette lists operators by the first letter of their descriptions, and those with the same as they come here
LISTED = [
    ComputeClusters,
    OpenClustersPanel,
    SuggestClusterCount,
    LabelClusters,
    AssignClusters,
    GroupByCriterion,
    ComputeEmbeddings,
    TrainEncoder,
    ListEncoders,
    CheckNeighbors,
]  # in the order of a day
UNLISTED = [
    GetClusteringRunInfo,
    LoadClusteringView,
    RenameClusteringRun,
    DeleteClusteringRun,
    ClusterEmbeddings,
    DeleteEncoder,
    ExportEncoder,
    ImportEncoder,
    ShowClusterColors,
    StopClustering,
    CompareClusterings,
    EvaluateClusters,
    WatchClusteringRuns,
    ChooseOnMap,
    ReadForPanel,
    EditClusters,
    BuildClusterHierarchy,
    ExportClusters,
    PropagateLabels,
    FindClusterDuplicates,
    SampleClusters,
    TabulateClusters,
    LabelClustersWithGpt4v,
    LoadOddImages,
]  # menus and buttons offer them, or they are called by others
OPERATORS = [*LISTED, *UNLISTED]
for _operator in OPERATORS:
    explain_failures(_operator)

PANELS = [ClustersPanel]
