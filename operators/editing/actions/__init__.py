"""Edits of a run, one per file. May import ``editing`` and every wing above."""

from .absorb_noise import absorb_noise
from .dissolve import dissolve_clusters
from .merge import merge_clusters
from .move import move_to_cluster
from .rename import rename_clusters
from .split import split_cluster
from .undo import redo_edit, undo_edit

# What each action takes beside run_key, by and version; the first ones it needs
TAKES = {
    "rename": ("names", "level"),
    "merge": ("clusters", "name"),
    "split": ("cluster", "method", "params"),
    "move": ("ids", "cluster", "name"),
    "dissolve": ("clusters",),
    "absorb_noise": ("threshold", "ids"),
    "undo": (),
    "redo": (),
}
WORK = {
    "rename": rename_clusters,
    "merge": merge_clusters,
    "split": split_cluster,
    "move": move_to_cluster,
    "dissolve": dissolve_clusters,
    "absorb_noise": absorb_noise,
    "undo": undo_edit,
    "redo": redo_edit,
}
