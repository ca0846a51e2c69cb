"""Runs as tests look at and edit them: one function each, on a dataset and a run key."""

from fiftyone.plugins.orgs.constellation.clusters.operators.editing.base import apply_edit
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

# Operators that read a run, with arguments and what counts in their results; the other run is "q"
RUN_OPERATORS = {
    "evaluate_clusters": ({"ground_truth": "ground_truth"}, "n"),
    "export_clusters": ({}, "n"),
    "compare_clusterings": ({"other_run_key": "q"}, "n_compared"),
    "sample_clusters": ({"n_per_cluster": 100}, "n"),
    "find_cluster_duplicates": ({"min_similarity": 0.5}, "n_extra"),
    "tabulate_clusters": ({"group_by": "ground_truth"}, "rows"),
}


def edit(dataset, run_key, action, arguments, author="user", version=None, progress=None):
    return apply_edit(dataset, run_key, action, arguments, author, version, progress)


def rename_clusters(dataset, run_key, names, about=None, level=None, **options):
    return edit(dataset, run_key, "rename", {"names": names, "about": about, "level": level}, **options)


def merge_clusters(dataset, run_key, clusters, name=None, **options):
    return edit(dataset, run_key, "merge", {"clusters": clusters, "name": name}, **options)


def split_cluster(dataset, run_key, cluster, method=None, params=None, **options):
    return edit(dataset, run_key, "split", {"cluster": cluster, "method": method, "params": params}, **options)


def move_to_cluster(dataset, run_key, ids, cluster=None, name=None, **options):
    return edit(dataset, run_key, "move", {"ids": ids, "cluster": cluster, "name": name}, **options)


def halve(dataset, run_key, cluster):
    """Moves every other member of a cluster to a new one, whatever it looks like."""
    members = Run.open(dataset, run_key).members()
    ids = [members.ids[row] for row in members.rows_of(cluster)]
    return move_to_cluster(dataset, run_key, ids[1::2])


def dissolve_clusters(dataset, run_key, clusters, **options):
    return edit(dataset, run_key, "dissolve", {"clusters": clusters}, **options)


def absorb_noise(dataset, run_key, min_similarity=None, ids=None, **options):
    return edit(dataset, run_key, "absorb_noise", {"min_similarity": min_similarity, "ids": ids}, **options)


def undo_edit(dataset, run_key, **options):
    return edit(dataset, run_key, "undo", {}, **options)


def redo_edit(dataset, run_key, **options):
    return edit(dataset, run_key, "redo", {}, **options)


def clusters_of(dataset, run_key, level="fine"):
    return Run.cached(dataset, run_key).level(level)


def version_of(dataset, run_key):
    return Run.cached(dataset, run_key).version


def read_members(samples, run_key):
    return Run.open(samples, run_key).members(samples)


def read_clusters(dataset, run_key):
    return Run.cached(dataset, run_key).clusters


def read_arrays(dataset, run_key):
    return Run.cached(dataset, run_key).arrays


def get_config(dataset, run_key):
    return Run.cached(dataset, run_key).config


def read_result(dataset, run_key, name, default=None):
    return Run.cached(dataset, run_key).results.get(name, default)


def write_results(dataset, run_key, **results):
    Run.cached(dataset, run_key).write(**results)
