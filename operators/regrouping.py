"""Edits that look at the vectors: splitting a cluster, and putting noise where it is nearest."""

import numpy as np

from .cluster_changes import MIXED, Change, carry_out, known_clusters
from .cluster_edits import clean_name, edited
from .edited_run import editing
from .runs.clusters import NOISE, cluster_label, label_width
from .runs.edit_log import next_id
from .runs.entries import run_vectors
from .runs.labels import read_labels


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
    from ..models.clusterers import get_clusterer
    from ..models.parameters import parameters, validated

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
        return carry_out(run, change, text, by, progress)


def _seeded(clusterer, seed):
    from ..models.parameters import SEED

    return clusterer.set_params(**{SEED: seed}) if SEED in clusterer.get_params() else clusterer


def _part_names(run, cluster, ids) -> list[str]:
    """Names of the parts of a cluster: numbers if it had one, else its name with a number."""
    name, width = run.clusters[cluster]["label"], label_width(np.array([*run.clusters, *ids]))
    if name == cluster_label(cluster, len(name.rpartition(" ")[2])):
        return [cluster_label(fresh, width) for fresh in ids]
    return [clean_name(f"{name} ({number})") for number, _ in enumerate(ids, start=2)]


def absorb_noise(
    dataset, run_key: str, threshold: float = 0.5, ids=None, by="user", version=None, progress=None
) -> dict:
    """Puts noise into the nearest cluster, by the cosine to its center, if that is at least ``threshold``.

    Vectors of a run that did not scale them to length 1 are coordinates, whose origin means nothing; theirs are
    taken from the mean of all. The confidence is the simplified silhouette about the centers (Hruschka et al. 2004).

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        threshold (0.5): the least cosine, from -1 to 1
        ids (None): the images or patches that are meant, by default all noise
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`, with ``n_left``, how many are noise still, and
        their largest cosine as ``nearest_left``

    Raises:
        ValueError: in one sentence, if there is no noise, no cluster or no vectors, or somebody else edits the run
    """
    from ..models.placement import nearest_by_cosine

    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not -1 <= threshold <= 1:
        raise ValueError(f"threshold={threshold!r} is not a cosine; give a number from -1 to 1")
    with editing(dataset, run_key, version) as run:
        members = read_labels(run.target, run.name, clusters=list(run.clusters))
        noise = members.clusters == NOISE
        asked = noise if ids is None else noise & np.isin(members.ids, list(ids))
        if not asked.any() or noise.all():
            what = "noise" if not asked.any() else "cluster"
            raise ValueError(f"run {run_key!r} has no {what} among these {run.target.unit}; nothing can be absorbed")
        rows, X = run_vectors(run.target, run.config, members)
        here = np.flatnonzero(asked[rows])
        goes, confidence, cosine = nearest_by_cosine(X, members.clusters[rows], here, not run.config.normalize)
        near = cosine >= threshold
        left = {"n_left": int(noise.sum() - near.sum()), "nearest_left": _largest(cosine[~near])}
        if not near.any():
            text = f"No noise has a cosine of {threshold} to a cluster; nothing was changed"
            return {**edited(run, "absorb_noise", text, []), **left}
        there = members.take(rows[here[near]])
        change = Change("absorb_noise", {"threshold": threshold}, there, goes[near], confidence[near])
        change.becomes = {NOISE: MIXED}
        text = f"Put {near.sum():,} of {asked.sum():,} noise {run.target.unit} into the nearest cluster"
        return {**carry_out(run, change, text, by, progress), **left}


def _largest(values) -> float | None:
    return round(float(values.max()), 4) if len(values) else None
