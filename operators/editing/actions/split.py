"""Splitting a cluster by clustering its members."""

import numpy as np

from ....models.labels import MIXED, NOISE
from ...runs.clusters import cluster_label, label_width
from ...runs.edit_log import next_id
from ...runs.labels import read_labels
from ...runs.records import run_vectors
from ..changes import Change, apply_change, known_clusters
from ..names import clean_name
from ..transaction import editing


def split_cluster(
    dataset, run_key: str, cluster, method="kmeans", params=None, by="user", version=None, progress=None
) -> dict:
    """Clusters the members of one cluster; the largest part keeps its id and name, the others get ids never used.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        cluster: the id of a cluster
        method ("kmeans"): a name from ``list_clusterers()``; what it calls noise becomes noise of the run
        params (None): its parameters; by default two clusters, for methods that are told how many
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if the method finds nothing to split or somebody else edits the run
    """
    from ....models.clusterers import get_clusterer
    from ....models.parameters import parameters, validated

    kind = get_clusterer(method)
    params = validated(kind, {**({"n_clusters": 2} if "n_clusters" in parameters(kind) else {}), **(params or {})})
    with editing(dataset, run_key, version) as run:
        (cluster,) = known_clusters(run, [cluster])
        there = read_labels(run.target, run.name, clusters=[cluster])
        rows, X = run_vectors(run.target, run.config, there)
        if len(rows) < 2:
            raise ValueError(
                f"cluster {cluster} has {len(rows)} usable vectors in {run.config.embeddings!r}, too few to split; "
                "choose a larger cluster"
            )
        kind.check(params, len(rows))
        found = _seeded(kind(**params), run.config.seed).fit(X, progress=progress)
        labels = found.labels_
        parts, sizes = np.unique(labels[labels >= 0], return_counts=True)
        if len(parts) < 2:
            raise ValueError(
                f"{method} finds {len(parts)} groups in cluster {cluster}, so there is nothing to split; "
                "choose other parameters or another method"
            )
        ranked = parts[np.argsort(-sizes, kind="stable")].tolist()
        fresh = next_id(run.log, run.clusters)
        ids = dict(zip(ranked, [cluster, *range(fresh, fresh + len(ranked) - 1)], strict=True))
        goes = np.array([ids.get(label, NOISE) for label in labels.tolist()])
        names = dict(zip(list(ids.values())[1:], _part_names(run, cluster, list(ids.values())[1:]), strict=True))
        arguments = {"cluster": cluster, "method": method, "params": params}
        change = Change("split", arguments, there.take(rows), goes, found.confidence_)
        change.names, change.becomes, change.parents = names, {cluster: MIXED}, dict.fromkeys(names, cluster)
        text = f"Split {run.clusters[cluster]['label']!r} into {len(parts)}"
        return apply_change(run, change, text, by, progress)


def _seeded(clusterer, seed):
    from ....models.parameters import SEED

    return clusterer.set_params(**{SEED: seed}) if SEED in clusterer.get_params() else clusterer


def _part_names(run, cluster, ids) -> list[str]:
    """Names of the parts of a cluster: numbers if it had one, else its name with a number."""
    name, width = run.clusters[cluster]["label"], label_width(np.array([*run.clusters, *ids]))
    if name == cluster_label(cluster, len(name.rpartition(" ")[2])):
        return [cluster_label(fresh, width) for fresh in ids]
    return [clean_name(f"{name} ({number})") for number, _ in enumerate(ids, start=2)]
