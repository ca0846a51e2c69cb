"""Near-duplicates within the clusters of a run."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ...models.labels import NOISE
from ...models.parameters import typed
from ..dataset.private import root_dataset
from ..execution.stages import Stages
from ..runs.clusters import cluster_label
from ..runs.run import Run
from ..runs.saved_views import check_kept, keep_choice

MIN_SIMILARITY = 0.98


def find_cluster_duplicates(
    samples,
    run_key: str,
    min_similarity: Annotated[float, Field(gt=0, le=1)] = MIN_SIMILARITY,
    tag: str | None = None,
    progress=None,
) -> dict:
    """Finds groups of near-duplicates inside each cluster; noise is left out.

    Two are near-duplicates if the cosine of their vectors is at least ``min_similarity``, and so are those they are
    linked to by others.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        min_similarity (0.98): the least cosine
        tag (None): a tag for all but one of each group; for patches it goes to their labels
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict with "groups", largest first, as dicts with the "cluster", its "label" and the "ids", the most confident
        first, which is the one to keep; "extra", the ids of all others; "view", which shows the groups one after the
        other; "n_groups", "n_extra" and "tag"

    Raises:
        ValueError: in one sentence, if an argument is refused or the vectors are gone
    """
    from ...models.analysis.duplicates import duplicate_groups

    typed(find_cluster_duplicates, {"run_key": run_key, "min_similarity": min_similarity, "tag": tag})
    check_kept(root_dataset(samples), tag, None)
    stages = Stages(["reading", "comparing"], progress)
    stages.enter("reading")
    members = Run.open(samples, run_key).members(samples)
    X, names, groups = members.vectors(), members.names, []
    usable, report, done = X.any(axis=1), stages.enter("comparing"), 0
    for cluster, rows in members.by_cluster().items():
        if cluster == NOISE:
            continue
        rows = rows[usable[rows]]
        share = len(rows) / len(members.ids)
        for found in duplicate_groups(X[rows], min_similarity, lambda f, m, d=done, s=share: report(d + f * s)):
            # rows come by confidence, so the first of a group is the surest
            ids = [members.ids[row] for row in rows[np.sort(found)]]
            groups.append({"cluster": cluster, "label": names.get(cluster, cluster_label(cluster)), "ids": ids})
        done += share
    stages.leave()
    groups.sort(key=lambda group: -len(group["ids"]))
    extra = [key for group in groups for key in group["ids"][1:]]
    keep_choice(members, extra, tag, None)
    return {
        "run_key": run_key,
        "unit": members.target.unit,
        "min_similarity": min_similarity,
        "groups": groups,
        "extra": extra,
        "view": members.view([key for group in groups for key in group["ids"]]),
        "n_groups": len(groups),
        "n_extra": len(extra),
        "tag": tag,
    }


def check_delegated(
    samples, run_key: str, min_similarity: float = MIN_SIMILARITY, tag: str | None = None, progress=None
):
    """Refuses the arguments of :func:`find_cluster_duplicates` that can be refused before any work of a worker.

    Raises:
        ValueError: in one sentence; also without a tag, for a worker has no grid to show what it found
    """
    typed(find_cluster_duplicates, {"run_key": run_key, "min_similarity": min_similarity, "tag": tag})
    check_kept(root_dataset(samples), tag, None)
    Run.open(samples, run_key).check_labels()
    if tag is None:
        raise ValueError("tag=None leaves nothing of a delegated search; give a tag for the duplicates it finds")
