"""Samples drawn from every cluster of a run."""

from collections import Counter
from typing import Annotated

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.parameters import SEED, typed
from ..dataset.selections import check_count
from ..runs.clusters import cluster_label
from ..runs.run import Run
from ..runs.saved_views import check_selection, save_selection

STRATEGIES = {
    "mixed": "Typical and different ones",
    "central": "The most typical",
    "diverse": "As different as possible",
    "random": "At random",
}
N_PER_CLUSTER = 10


def sample_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    n_per_cluster: Annotated[int, Field(ge=1)] = N_PER_CLUSTER,
    tag: str | None = None,
    view_name: str | None = None,
    strategy: str = "mixed",
    seed: Annotated[int, Field(ge=0)] = SEED,
) -> dict:
    """Choose as many members of every cluster; noise is left out.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        n_per_cluster (10): how many of each; of smaller clusters all
        tag (None): a tag for them; for patches it goes to their labels, for frames to the run's labels on them
        view_name (None): save them as a view of this new name
        strategy ("mixed"): "central", "diverse", "mixed" (half of each) or "random"
        seed (51): same seed, same choice

    Returns:
        a dict with "ids", "view" (a view of them, cluster by cluster), "n", "sizes" by name of the cluster, "short",
        the names of clusters with fewer members, "tag" and "view_name"

    Raises:
        ValueError: if an argument is refused; nothing is tagged or saved then
    """
    from ...models.analysis.exemplars import select

    members = _opened(samples, run_key, n_per_cluster, tag, view_name, strategy, seed).members(samples)
    X = np.zeros((len(members.ids), 1), np.float32) if strategy == "random" else members.vectors()
    chosen = select(X, members.labels, n_per_cluster, strategy, seed)
    if not chosen:
        raise ValueError(f"run {run_key!r} has nothing but noise here; choose another run or view")
    ids = [members.ids[row] for rows in chosen.values() for row in rows]
    check_count(len(ids), f"lower n_per_cluster={n_per_cluster}")
    drawn = [(members.names.get(cluster, cluster_label(cluster)), len(rows)) for cluster, rows in chosen.items()]
    sizes: Counter[str] = Counter()
    for name, size in drawn:  # two clusters may share a name
        sizes[name] += size
    return {
        "run_key": run_key,
        "ids": ids,
        "view": save_selection(members, ids, tag, view_name),
        "n": len(ids),
        "unit": members.target.unit,
        "sizes": dict(sizes),
        "short": [name for name, size in drawn if size < n_per_cluster],
        "tag": tag,
        "view_name": view_name,
    }


def check_delegated(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    n_per_cluster: int = N_PER_CLUSTER,
    tag: str | None = None,
    view_name: str | None = None,
    strategy: str = "mixed",
    seed: int = SEED,
) -> None:
    """Refuse the arguments of :func:`sample_clusters` that can be refused before any work of a worker.

    Raises:
        ValueError: if one is refused; also if neither a tag nor a view is asked for, for a worker has no grid
    """
    _opened(samples, run_key, n_per_cluster, tag, view_name, strategy, seed).check_labels()
    if tag is None and view_name is None:
        raise ValueError("tag=None and view_name=None leave nothing of a delegated choice; give one of them")


def _opened(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    n_per_cluster: int,
    tag: str | None,
    view_name: str | None,
    strategy: str,
    seed: int,
) -> Run:
    """Open the run, once the other arguments are checked."""
    given = {"n_per_cluster": n_per_cluster, "tag": tag, "view_name": view_name, "strategy": strategy, "seed": seed}
    typed(sample_clusters, {"run_key": run_key, **given})
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy={strategy!r} is not known; choose one of {', '.join(STRATEGIES)}")
    run = Run.open(samples, run_key)
    check_selection(run.dataset, tag, view_name)
    return run
