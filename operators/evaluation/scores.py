"""Scores of a run: silhouette, agreement with classes, recall; kept with the run."""

import numpy as np

from ...models.labels import NOISE
from ...models.vectors.normalize import l2_normalize
from ..dataset.ground_truth import read_truth
from ..dataset.private import root_dataset
from ..dataset.vectors import read_spaces
from ..editing.transaction import refresh_records
from ..execution.locks import schema_lock
from ..execution.stages import Stages
from ..runs.members import read_members
from ..runs.store import clusters_of, get_config, state_of
from .statistics import are_current, by_id, make_statistics, make_truth, read_statistics, save_statistics


def evaluate_clusters(samples, run_key: str, ground_truth: str | None = None, progress=None) -> dict:
    """Scores a run from its vectors and, if there are classes, against them; per cluster and overall.

    The scores are kept with the run, which the Clusters panel shows, unless ``samples`` are only a part of it.

    Args:
        samples: the dataset, or a view whose members of the run are looked at
        run_key: the run's key
        ground_truth (None): a field of classes; for patches an attribute of the labels, or the patches field itself
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict with ``run_key``, ``n``, ``scores`` as in :mod:`models.metrics`, ``clusters``, each with its id, label,
        size, share, confidence, cohesion, separation, nearest, silhouette and, with classes, majority and purity,
        ``ground_truth``, ``saved``, and ``notes``

    Raises:
        ValueError: in one sentence, if there is no such run, its labels are gone, or no class is known
    """
    from ...models.analysis.metrics import score_vectors

    dataset = root_dataset(samples)
    stages = Stages(["reading", "measuring", "scoring", "writing"], progress)
    stages.enter("reading")
    dataset.reload()
    config = get_config(dataset, run_key)  # before the labels, so that an edit meanwhile makes the figures old
    members, state = read_members(samples, run_key), state_of(config)
    whole = samples is dataset or len(members.ids) == dataset.count(f"{config.label_path}.cluster")
    if whole and _records_are_stale(members):
        state = refresh_records(dataset, run_key, getattr(config, "version", 0))
    X, notes = _vectors(members)
    stages.enter("measuring")
    parts = {"figures": make_statistics(members.ids, X, members.labels, members.confidence, members.config.seed)}
    stages.enter("scoring")
    _, vectors, labels = by_id(members.ids, X, members.labels)
    scores = score_vectors(vectors, labels, seed=config.seed) if X is not None else {}
    if ground_truth:
        truth = read_truth(members.target, ground_truth, members.ids)
        parts["truth"] = make_truth(truth, members.labels, ground_truth)
        scores |= parts["truth"]["scores"]
    stages.enter("writing")
    if whole:
        save_statistics(dataset, run_key, state, **parts)
        _keep_scores(dataset, run_key, state, scores, ground_truth)
    stages.leave()
    return {
        "run_key": run_key,
        "n": len(members.ids),
        "scores": scores,
        "clusters": _rows(clusters_of(dataset, run_key), parts),
        "ground_truth": ground_truth,
        "saved": whole,
        "notes": notes,
    }


def current_statistics(dataset, run_key: str, progress=None) -> dict:
    """The figures of a run as its labels are now, computed again if they have changed.

    Raises:
        ValueError: in one sentence, if there is no such run or its labels are gone
    """
    if not are_current(dataset, run_key, read_statistics(dataset, run_key)):
        evaluate_clusters(dataset, run_key, progress=progress)
    return read_statistics(dataset, run_key)


def evaluate_truth(dataset, run_key: str, ground_truth: str) -> dict:
    """Scores a run against classes only, which needs no vectors, and keeps that with the run.

    Args:
        dataset: the dataset
        run_key: the run's key
        ground_truth: a field of classes

    Returns:
        what :func:`operators.statistics.make_truth` returns

    Raises:
        ValueError: in one sentence, if there is no such run, its labels are gone, or no class is known
    """
    dataset.reload()
    state = state_of(get_config(dataset, run_key))
    members = read_members(dataset, run_key)
    found = make_truth(read_truth(members.target, ground_truth, members.ids), members.labels, ground_truth)
    save_statistics(dataset, run_key, state, truth=found)
    _keep_scores(dataset, run_key, state, found["scores"], ground_truth)
    return found


def _vectors(members):
    """The vectors as they were clustered, None if they are gone; and what has to be said about them."""
    config = members.config
    fields = [space["embeddings"] for space in getattr(config, "spaces", None) or []] or [config.embeddings]
    try:
        table, widths = read_spaces(members.target.source, fields, config.patches_field)
    except ValueError as error:
        return None, [f"the clusters were not measured: {error}"]
    place = {key: row for row, key in enumerate(table.ids)}
    if missing := sum(key not in place for key in members.ids):
        several = f"{missing:,} of {len(members.ids):,} vectors"
        return None, [f"the clusters were not measured, for {several} are gone; compute the embeddings again"]
    X = table.X[[place[key] for key in members.ids]]
    return l2_normalize(X, widths) if config.normalize else X, []


def _records_are_stale(members) -> bool:
    """Whether a run has other members than it says, for samples of it were deleted."""
    clusters, sizes = np.unique(members.labels, return_counts=True)
    found = dict(zip(clusters.tolist(), sizes.tolist(), strict=True))
    return found != {entry["id"]: entry["size"] for entry in members.clusters}


def _keep_scores(dataset, run_key, state, scores, ground_truth):
    with schema_lock(dataset):
        config = get_config(dataset, run_key)
        if state_of(config) != state:  # edited meanwhile
            return
        config.scores = {**(config.scores or {}), **scores}
        config.ground_truth = ground_truth or config.ground_truth
        dataset.update_run_config(run_key, config)


def _rows(clusters, parts) -> list[dict]:
    """One row per cluster that has members, with everything that is known about it."""
    statistics, truth = parts["figures"], parts.get("truth", {"clusters": {}})
    kept = ("size", "confidence", "cohesion", "separation", "nearest", "silhouette")
    rows = []
    for cluster in clusters:
        key = str(cluster["id"])
        found = statistics["clusters"].get(key) if cluster["id"] != NOISE else statistics["noise"]
        if found:
            row = {"id": cluster["id"], "label": cluster["label"], "share": found["size"] / statistics["n"]}
            against = truth["clusters"].get(key, {})
            rows.append(row | {name: found.get(name) for name in kept} | against)
    return rows
