"""Samples drawn from every cluster of a run."""

from collections import Counter
from typing import Annotated

import numpy as np
from pydantic import Field

from ...models.parameters import SEED, typed
from ..dataset.private import root_dataset
from ..runs.clusters import cluster_label
from ..runs.run import Run
from ..runs.saved_views import check_kept, keep_choice

STRATEGIES = {
    "mixed": "Typical and different ones",
    "central": "The most typical",
    "diverse": "As different as possible",
    "random": "At random",
}
EACH = 10


def sample_clusters(
    samples,
    run_key: str,
    n_per_cluster: Annotated[int, Field(ge=1)] = EACH,
    tag: str | None = None,
    view_name: str | None = None,
    strategy: str = "mixed",
    seed: Annotated[int, Field(ge=0)] = SEED,
) -> dict:
    """Chooses as many members of every cluster; noise is left out.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        n_per_cluster (10): how many of each; of smaller clusters all
        tag (None): a tag for them; for patches it goes to their labels
        view_name (None): save them as a view of this new name
        strategy ("mixed"): "central", "diverse", "mixed" (half of each) or "random"
        seed (51): same seed, same choice

    Returns:
        a dict with "ids", "view" (a view of them, cluster by cluster), "n", "sizes" by name of the cluster, "short",
        the names of clusters with fewer members, "tag" and "view_name"

    Raises:
        ValueError: in one sentence, if an argument is refused; nothing is tagged or saved then
    """
    from ...models.analysis.exemplars import select

    _check(samples, run_key, n_per_cluster, tag, view_name, strategy, seed)
    members = Run.open(samples, run_key).members(samples)
    X = np.zeros((len(members.ids), 1), np.float32) if strategy == "random" else members.vectors()
    chosen = select(X, members.labels, n_per_cluster, strategy, seed)
    if not chosen:
        raise ValueError(f"run {run_key!r} has nothing but noise here; choose another run or view")
    ids = [members.ids[row] for rows in chosen.values() for row in rows]
    drawn = [(members.names.get(cluster, cluster_label(cluster)), len(rows)) for cluster, rows in chosen.items()]
    sizes = Counter()
    for name, size in drawn:  # two clusters may share a name
        sizes[name] += size
    return {
        "run_key": run_key,
        "ids": ids,
        "view": keep_choice(members, ids, tag, view_name),
        "n": len(ids),
        "unit": members.target.unit,
        "sizes": dict(sizes),
        "short": [name for name, size in drawn if size < n_per_cluster],
        "tag": tag,
        "view_name": view_name,
    }


def check_delegated(
    samples, run_key: str, n_per_cluster=EACH, tag=None, view_name=None, strategy: str = "mixed", seed=SEED
):
    """Refuses the arguments of :func:`sample_clusters` that can be refused before any work of a worker.

    Raises:
        ValueError: in one sentence; also if neither a tag nor a view is asked for, for a worker has no grid
    """
    _check(samples, run_key, n_per_cluster, tag, view_name, strategy, seed)
    Run.open(samples, run_key).check_labels()
    if tag is None and view_name is None:
        raise ValueError("tag=None and view_name=None leave nothing of a delegated choice; give one of them")


def _check(samples, run_key, n_per_cluster, tag, view_name, strategy, seed):
    from ...models.analysis.exemplars import STRATEGIES

    given = {"n_per_cluster": n_per_cluster, "tag": tag, "view_name": view_name, "strategy": strategy, "seed": seed}
    typed(sample_clusters, {"run_key": run_key, **given})
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy={strategy!r} is not known; choose one of {', '.join(STRATEGIES)}")
    check_kept(root_dataset(samples), tag, view_name)
