"""Moving images or patches to a cluster."""

import numpy as np

from ....models.labels import MIXED, NOISE, UNASSIGNED
from ...runs import edit_log
from ...runs.clusters import check_cluster, cluster_id, cluster_label, label_width
from ..changes import SURE, Change, apply_change, chosen
from ..names import clean_name
from ..transaction import edited, editing


def move_to_cluster(
    dataset, run_key: str, ids, cluster=None, name=None, by="user", version=None, progress=None
) -> dict:
    """Puts images or patches into a cluster, because somebody says so: their confidence is 1.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        ids: sample ids, or label ids of patches; what the run left out may be among them
        cluster (None): where they go: a cluster's id, -1 for noise, or None for a new cluster
        name (None): the name of the new cluster
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if an id or the cluster is refused or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        if cluster is not None:
            if name is not None:
                raise ValueError(f"name={name!r} is for a new cluster and cluster={cluster} was given; leave one out")
            cluster = cluster_id(cluster)
            check_cluster(run_key, cluster, [*run.clusters, NOISE], noise=True)
        there = chosen(run, ids)
        goes = edit_log.next_id(run.log, run.clusters) if cluster is None else cluster
        there = there.where(there.clusters != goes)
        if not there.ids:
            return edited(run, "move", f"All of them were in cluster {goes} before; nothing was changed", [])
        new = clean_name(name) if name is not None else cluster_label(goes, label_width(np.array([goes])))
        names = {goes: new} if cluster is None else {}
        sources = sorted(set(there.clusters.tolist()) - {UNASSIGNED})
        n, becomes = len(there.ids), dict.fromkeys(sources, MIXED)
        sure = np.full(n, SURE if goes != NOISE else 0.0)
        change = Change("move", {"cluster": cluster}, there, np.full(n, goes), sure, names, becomes)
        change.parents = {goes: max(sources, key=there.clusters.tolist().count)} if cluster is None and sources else {}
        to = {**run.labels_of([goes]), **names}.get(goes, cluster_label(goes))
        return apply_change(run, change, f"Moved {n:,} {run.target.unit} to {to!r}", by, progress)
