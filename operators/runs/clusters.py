"""Cluster ids and the names that clusters are born with."""

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from ...models.labels import NOISE

COARSE = "_coarse"  # ends the name of the field of a run's coarse level


def label_width(labels: np.ndarray) -> int:
    """Return how many digits the cluster ids among ``labels`` ``(n,)`` need, at least two."""
    return max(2, len(str(int(labels.max(initial=0)))))


def cluster_label(cluster: int, width: int = 2) -> str:
    """Return ``cluster 07`` or ``noise``: zero-padded, so that names sort as numbers do."""
    return "noise" if cluster == NOISE else f"cluster {cluster:0{width}d}"


def check_cluster(run_key: str, cluster: int, known: Collection[int], noise: bool = False) -> None:
    """Check that a run has a cluster.

    Args:
        run_key: the run's key
        cluster: a cluster id
        known: the ids there are
        noise (False): whether noise counts as a cluster

    Raises:
        ValueError: if it has not
    """
    if cluster == NOISE and not noise:
        raise ValueError(f"-1 is noise, not a cluster of run {run_key!r}; choose a cluster")
    if cluster not in known:
        ids = sorted(set(known) - {NOISE})
        some = ", ".join(map(str, ids[:10])) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
        raise ValueError(f"run {run_key!r} has no cluster {cluster}; its clusters are {some or 'none'}")


def cluster_id(key: Any) -> int:
    """Return a cluster id that came from Python or from the App, checked.

    Raises:
        ValueError: if it is not an integer
    """
    # the App sends the keys of a dict as text
    if isinstance(key, str) and key.lstrip("-").isdigit():
        return int(key)
    if isinstance(key, bool) or not hasattr(key, "__index__"):
        raise ValueError(f"{key!r} is not a cluster id; give an integer")
    return int(key)


def is_default_name(cluster: int, label: str) -> bool:
    """Return whether a cluster still has the name that it was born with."""
    return label == "noise" or re.fullmatch(rf"cluster 0*{cluster}", label) is not None
