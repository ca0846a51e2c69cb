"""Scores of a run: silhouette, agreement with classes, recall; kept with the run."""

import numpy as np

from ...models.labels import NOISE
from ...models.progress import Progress
from ...models.vectors.normalize import l2_normalize
from ..dataset.ground_truth import read_truth
from ..dataset.vectors import read_spaces
from ..execution.locks import schema_lock
from ..execution.stages import Stages
from ..runs.run import Run
from ..runs.store import update_config
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

    stages = Stages(["reading", "measuring", "scoring", "writing"], progress)
    stages.enter("reading")
    run = Run.open(samples, run_key)  # before the labels, so that an edit meanwhile makes the statistics old
    members, state = run.members(samples), run.state
    whole = samples is run.dataset or len(members.ids) == run.dataset.count(f"{run.config.label_path}.cluster")
    if whole and _records_are_stale(members):
        state = run.refresh_records()
    X, notes = _vectors(members)
    stages.enter("measuring")
    parts = {"figures": make_statistics(members.ids, X, members.labels, members.confidence, members.config.seed)}
    stages.enter("scoring")
    _, vectors, labels = by_id(members.ids, X, members.labels)
    scores = score_vectors(vectors, labels, seed=run.config.seed) if X is not None else {}
    if ground_truth:
        truth = read_truth(members.target, ground_truth, members.ids)
        parts["truth"] = make_truth(truth, members.labels, ground_truth)
        scores |= parts["truth"]["scores"]
    stages.enter("writing")
    if whole:
        save_statistics(run, state, **parts)
        _keep_scores(run, state, scores, ground_truth)
    stages.leave()
    return {
        "run_key": run_key,
        "n": len(members.ids),
        "scores": scores,
        "clusters": _rows(Run.cached(run.dataset, run_key).clusters, parts),
        "ground_truth": ground_truth,
        "saved": whole,
        "notes": notes,
    }


def current_statistics(run: Run, progress: Progress | None = None) -> dict:
    """The statistics of a run as its labels are now, computed again if they have changed.

    Raises:
        ValueError: if the labels are gone
    """
    found = read_statistics(run)
    if found is None or not are_current(run, found):
        evaluate_clusters(run.dataset, run.key, progress=progress)
        found = read_statistics(run)
    return found or {}


def evaluate_truth(run: Run, ground_truth: str) -> dict:
    """Score a run against classes only, which needs no vectors, and keep that with the run.

    Args:
        run: the run
        ground_truth: a field of classes

    Returns:
        what :func:`operators.evaluation.statistics.make_truth` returns

    Raises:
        ValueError: if the labels are gone, or no class is known
    """
    members = run.members()
    found = make_truth(read_truth(members.target, ground_truth, members.ids), members.labels, ground_truth)
    save_statistics(run, run.state, truth=found)
    _keep_scores(run, run.state, found["scores"], ground_truth)
    return found


def _vectors(members):
    """The vectors as they were clustered, None if they are gone; and what has to be said about them."""
    config = members.config
    try:
        table, widths = read_spaces(members.target.source, config.vector_fields, config.patches_field)
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


def _keep_scores(run: Run, state: int, scores: dict, ground_truth: str | None) -> None:
    with schema_lock(run.dataset):
        config = Run.cached(run.dataset, run.key).config
        if config.state != state:  # edited meanwhile
            return
        facts = {"scores": {**config.scores, **scores}, "ground_truth": ground_truth or config.ground_truth}
        update_config(run.dataset, run.key, **facts)


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
