"""Moving images or patches to a cluster."""

import numpy as np

from ....models.labels import MIXED, NOISE, UNASSIGNED
from ....models.progress import Progress
from ...runs.clusters import check_cluster, cluster_id, cluster_label, label_width
from ...runs.edit_log import next_id
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import CERTAIN, Change, apply_change, entered_name, new_names, selected_labels


class Move(Edit):
    """Put images or patches into a cluster, because a person says so: their confidence is 1."""

    name = "move"
    title = "Move the selected samples"
    hint = "Their confidence becomes 1, because you said so"
    order = 30
    card_menu = noise_menu = "Move the selected ones here…"
    of_clusters = False

    @staticmethod
    def apply(
        run: EditedRun,
        author: str,
        progress: Progress | None,
        ids: list[str],
        cluster: int | str | None = None,
        name: str | None = None,
    ) -> dict:
        """Move images or patches.

        Args:
            run: the run, held
            author: who moves them
            progress: a callable ``(fraction, message)``, or None
            ids: sample ids, or label ids of patches; what the run left out may be among them
            cluster (None): the id of a cluster, -1 for noise, or None for a new cluster
            name (None): the name of the new cluster

        Raises:
            ValueError: if an id or the cluster is refused
        """
        goes = next_id(run.edits, run.records)
        if cluster is not None:
            if name is not None:
                raise ValueError(f"name={name!r} is for a new cluster and cluster={cluster} was given; leave one out")
            goes = cluster_id(cluster)
            check_cluster(run.key, goes, [*run.records, NOISE], noise=True)
        there = selected_labels(run, ids)
        there = there.where(there.clusters != goes)
        if not there.ids:
            return run.outcome("move", f"All of them were in cluster {goes} before; nothing was changed", [])
        names = {} if cluster is not None else {goes: _name_of_new(run, goes, name)}
        sources = sorted(set(there.clusters.tolist()) - {UNASSIGNED})
        n, mapping = len(there.ids), dict.fromkeys(sources, MIXED)
        confidence = np.full(n, CERTAIN if goes != NOISE else 0.0)
        arguments = {"cluster": None if cluster is None else goes}
        change = Change("move", arguments, there, np.full(n, goes), confidence, names, mapping)
        change.parents = {goes: max(sources, key=there.clusters.tolist().count)} if cluster is None and sources else {}
        to = {**run.names_of([goes]), **names}.get(goes, cluster_label(goes))
        return apply_change(run, change, f"Moved {n:,} {run.target.unit} to {to!r}", author, progress)


def _name_of_new(run: EditedRun, cluster: int, name: str | None) -> str:
    if name is not None:
        return entered_name(run, cluster, name)
    return new_names(run, {cluster: cluster_label(cluster, label_width(np.array([cluster])))})[cluster]
