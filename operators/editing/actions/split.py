"""Splitting a cluster by clustering its members."""

from typing import TYPE_CHECKING

import numpy as np

from ....models.labels import MIXED, NOISE
from ....models.progress import Progress
from ...runs.clusters import cluster_label, label_width
from ...runs.edit_log import next_id
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import Change, apply_change, known_clusters, new_names

if TYPE_CHECKING:
    from ....models.clusterers.base import Clusterer


class Split(Edit):
    """Cluster the members of one cluster; the largest group keeps its id and name, the others get ids never used."""

    name = "split"
    title = "Split a cluster"
    hint = "The largest group keeps the id and name, the others get new ones"
    order = 20
    card_menu = "Split…"

    @staticmethod
    def apply(
        run: EditedRun,
        author: str,
        progress: Progress | None,
        cluster: int | str,
        method: str = "kmeans",
        params: dict | None = None,
    ) -> dict:
        """Split a cluster.

        Args:
            run: the run, held
            author: who splits
            progress: a callable ``(fraction, message)``, or None
            cluster: the id of a cluster
            method ("kmeans"): a name from ``list_clusterers()``; what it calls noise becomes noise of the run
            params (None): its parameters; by default two clusters, for methods that take a number of clusters

        Raises:
            ValueError: if the method finds nothing to split
        """
        from ....models.clusterers import get_clusterer
        from ....models.parameters import parameters, validated

        kind = get_clusterer(method)
        params = validated(kind, {**({"n_clusters": 2} if "n_clusters" in parameters(kind) else {}), **(params or {})})
        (cluster,) = known_clusters(run, [cluster])
        there = run.labels(clusters=[cluster])
        rows, X = run.vectors(there)
        if len(rows) < 2:
            raise ValueError(
                f"cluster {cluster} has {len(rows)} usable vectors in {run.config.embeddings!r}, too few to split; "
                "choose a larger cluster"
            )
        kind.check(params, len(rows))
        found = _seeded(kind(**params), run.config.seed).fit(X, progress=progress)
        labels = found.labels_
        groups, sizes = np.unique(labels[labels >= 0], return_counts=True)
        if len(groups) < 2:
            raise ValueError(
                f"{method} finds {len(groups)} groups in cluster {cluster}, so there is nothing to split; "
                "choose other parameters or another method"
            )
        ranked = groups[np.argsort(-sizes, kind="stable")].tolist()
        first = next_id(run.edits, run.records)
        new = list(range(first, first + len(ranked) - 1))
        ids = dict(zip(ranked, [cluster, *new], strict=True))
        goes = np.array([ids.get(label, NOISE) for label in labels.tolist()])
        arguments = {"cluster": cluster, "method": method, "params": params}
        change = Change("split", arguments, there.take(rows), goes, found.confidence_)
        change.names = new_names(run, dict(zip(new, _names(run, cluster, new), strict=True)))
        change.mapping, change.parents = {cluster: MIXED}, dict.fromkeys(new, cluster)
        text = f"Split {run.records[cluster]['label']!r} into {len(groups)}"
        return apply_change(run, change, text, author, progress)


def _seeded(clusterer: "Clusterer", seed: int) -> "Clusterer":
    from ....models.parameters import RANDOM_STATE

    return clusterer.set_params(**{RANDOM_STATE: seed}) if RANDOM_STATE in clusterer.get_params() else clusterer


def _names(run: EditedRun, cluster: int, ids: list[int]) -> list[str]:
    """Name the groups of a cluster: by numbers if it had one, else by its name with a number."""
    name, width = run.records[cluster]["label"], label_width(np.array([*run.records, *ids]))
    if name == cluster_label(cluster, len(name.rpartition(" ")[2])):
        return [cluster_label(new, width) for new in ids]
    return [name for _ in ids]  # which new_names() numbers
