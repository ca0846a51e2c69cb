"""Near-duplicates within the clusters of a run."""

from typing import Annotated, Any

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.labels import NOISE
from ...models.parameters import typed
from ...models.progress import Progress, within
from ..dataset import selections
from ..execution.stages import Stages
from ..runs.clusters import cluster_label
from ..runs.members import Members
from ..runs.run import Run
from ..runs.saved_views import check_selection, tag_members

MIN_SIMILARITY = 0.98


def find_cluster_duplicates(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    min_similarity: Annotated[float, Field(gt=0, le=1)] = MIN_SIMILARITY,
    tag: str | None = None,
    progress: Progress | None = None,
) -> dict:
    """Find groups of near-duplicates inside each cluster; noise is left out.

    Two are near-duplicates if the cosine of their vectors is at least ``min_similarity``, and so are those they are
    linked to by others.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        min_similarity (0.98): the minimum cosine similarity
        tag (None): a tag for all but one of each group; for patches it goes to their labels, for frames to the run's
            labels on them
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict with "groups", largest first, as dicts with the "cluster", its "label" and the "ids", the most confident
        first, which is the one to keep; "extra", the ids of all others; "view", which shows the groups one after the
        other, the largest first, as many as a view can name; "n_groups", "n_extra", "n_shown", the groups in the view,
        and "tag"

    Raises:
        ValueError: if an argument is refused or the vectors are gone
    """
    run = _opened(samples, run_key, min_similarity, tag)
    stages = Stages(["reading", "comparing"], progress)
    stages.enter("reading")
    members = run.members(samples)
    X = members.vectors()
    groups = _groups(members, X, min_similarity, stages.enter("comparing"))
    stages.leave()
    extra = [key for group in groups for key in group["ids"][1:]]
    if tag:
        tag_members(members.target, members.config.cluster_field, extra, tag)
    shown = _shown(groups)
    return {
        "run_key": run_key,
        "unit": members.target.unit,
        "min_similarity": min_similarity,
        "groups": groups,
        "extra": extra,
        "view": members.view([key for group in shown for key in group["ids"]]),
        "n_groups": len(groups),
        "n_extra": len(extra),
        "n_shown": len(shown),
        "tag": tag,
    }


def check_delegated(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    min_similarity: float = MIN_SIMILARITY,
    tag: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Refuse the arguments of :func:`find_cluster_duplicates` that can be refused before any work of a worker.

    Raises:
        ValueError: if one is refused; also without a tag, for a worker has no grid to show what it found
    """
    _opened(samples, run_key, min_similarity, tag).check_labels()
    if tag is None:
        raise ValueError("tag=None leaves nothing of a delegated search; give a tag for the duplicates it finds")


def _opened(samples: fo.core.collections.SampleCollection, run_key: str, min_similarity: float, tag: str | None) -> Run:
    """Open the run, once the other arguments are checked."""
    typed(find_cluster_duplicates, {"run_key": run_key, "min_similarity": min_similarity, "tag": tag})
    run = Run.open(samples, run_key)
    check_selection(run.dataset, tag, None)
    return run


def _shown(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups, the largest first, that one view can name."""
    sizes = np.cumsum([len(group["ids"]) for group in groups])
    return groups[: int(np.searchsorted(sizes, selections.MOST_IDS, "right"))]


def _groups(members: Members, X: np.ndarray, min_similarity: float, progress: Progress) -> list[dict[str, Any]]:
    """Return the groups of near-duplicates of all clusters, largest first."""
    from ...models.analysis.duplicates import duplicate_groups

    names, groups = members.names, []
    usable, done = np.asarray(X.any(axis=1)), 0.0
    for cluster, rows in members.by_cluster().items():
        if cluster == NOISE:
            continue
        rows = rows[usable[rows]]
        share = len(rows) / len(members.ids)
        for found in duplicate_groups(X[rows], min_similarity, within(progress, done, share)):
            # rows come by confidence, so the first of a group is the most confident
            ids = [members.ids[row] for row in rows[np.sort(found)]]
            groups.append({"cluster": cluster, "label": names.get(cluster, cluster_label(cluster)), "ids": ids})
        done += share
    return sorted(groups, key=lambda group: -len(group["ids"]))
