"""Scores of a run: silhouette, agreement with classes, recall; kept with the run."""

from typing import Any

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE
from ...models.progress import Progress
from ..dataset.ground_truth import read_truth, truth_path
from ..execution.locks import schema_lock
from ..execution.stages import Stages
from ..runs.members import Members
from ..runs.run import Run
from ..runs.store import read_config, update_config
from .statistics import are_current, by_id, make_statistics, make_truth, read_statistics, save_statistics


def evaluate_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    ground_truth: str | None = None,
    progress: Progress | None = None,
) -> dict:
    """Score a run from its vectors and, if there are classes, against them; per cluster and overall.

    The scores are kept with the run, which the Clusters panel shows, unless ``samples`` are only a part of it.

    Args:
        samples: the dataset, or a view whose members of the run are scored
        run_key: the run's key
        ground_truth (None): a field of classes; for patches an attribute of the labels, or the patches field itself
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict with ``run_key``, ``n``, ``scores`` as in :mod:`models.analysis.metrics`, ``clusters``, each with its id,
        label, size, share, confidence, cohesion, separation, nearest, silhouette and, with classes, majority and
        purity, ``ground_truth``, ``saved``, and ``notes``

    Raises:
        ValueError: if there is no such run, its labels are gone, or no class is known
    """
    from ...models.analysis.metrics import score_vectors

    stages = Stages(["reading", "measuring", "scoring", "writing"], progress)
    stages.enter("reading")
    run = Run.open(samples, run_key)  # before the labels, so that an edit meanwhile makes the statistics old
    members = run.members(samples)
    whole = samples is run.dataset or len(members.ids) == run.dataset.count(f"{run.config.label_path}.cluster")
    if whole and _records_are_stale(members):
        run = run.refreshed()
    X, notes = _vectors(members)
    stages.enter("measuring")
    results = {"figures": make_statistics(members.ids, X, members.labels, members.confidence, run.config.seed)}
    stages.enter("scoring")
    _, vectors, labels = by_id(members.ids, X, members.labels)
    scores = score_vectors(vectors, labels, seed=run.config.seed) if X is not None else {}
    if ground_truth:
        truth = read_truth(members.target, ground_truth, members.ids)
        results["truth"] = make_truth(truth, members.labels, ground_truth)
        scores |= results["truth"]["scores"]
    stages.enter("writing")
    if whole:
        save_statistics(run, **results)
        _keep_scores(run, scores, ground_truth)
    stages.leave()
    return {
        "run_key": run_key,
        "n": len(members.ids),
        "scores": scores,
        "clusters": _rows(run.clusters, **results),
        "ground_truth": ground_truth,
        "saved": whole,
        "notes": notes,
    }


def current_statistics(run: Run, progress: Progress | None = None) -> dict:
    """Return the statistics of a run as its labels are now, computed again if they have changed.

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
        what :func:`operators.evaluation.statistics.make_truth` does

    Raises:
        ValueError: if the labels are gone, or no class is known
    """
    members = run.members()
    found = make_truth(read_truth(members.target, ground_truth, members.ids), members.labels, ground_truth)
    save_statistics(run, truth=found)
    _keep_scores(run, found["scores"], ground_truth)
    return found


def check_evaluation(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    ground_truth: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Refuse the arguments of :func:`evaluate_clusters` that can be refused before any work.

    Raises:
        ValueError: if one is refused
    """
    run = Run.open(samples, run_key)
    run.check_labels()
    if ground_truth:
        truth_path(run.target, ground_truth)


def _vectors(members: Members) -> tuple[np.ndarray | None, list[str]]:
    """Read the vectors as they were clustered, None if some are gone, and warnings about them."""
    try:
        X = members.vectors()
    except ValueError as error:
        return None, [f"the clusters were not measured: {error}"]
    if missing := int((~X.any(axis=1)).sum()):
        several = f"{missing:,} of {len(members.ids):,} vectors"
        return None, [f"the clusters were not measured, for {several} are gone; compute the embeddings again"]
    return X, []


def _records_are_stale(members: Members) -> bool:
    """Return whether a run has other members than its records say, for samples of it were deleted."""
    clusters, sizes = np.unique(members.labels, return_counts=True)
    found = dict(zip(clusters.tolist(), sizes.tolist(), strict=True))
    return found != {record["id"]: record["size"] for record in members.clusters}


def _keep_scores(run: Run, scores: dict[str, Any], ground_truth: str | None) -> None:
    with schema_lock(run.dataset):
        config = read_config(run.dataset, run.key)
        if config.state != run.state:  # edited meanwhile
            return
        facts = {"scores": {**config.scores, **scores}, "ground_truth": ground_truth or config.ground_truth}
        update_config(run.dataset, run.key, **facts)


def _rows(records: list[dict], figures: dict[str, Any], truth: dict[str, Any] | None = None) -> list[dict]:
    """Return one row per cluster that has members, with everything that is known about it."""
    kept = ("size", "confidence", "cohesion", "separation", "nearest", "silhouette")
    rows = []
    for record in records:
        key = str(record["id"])
        found = figures["clusters"].get(key) if record["id"] != NOISE else figures["noise"]
        if found:
            row = {"id": record["id"], "label": record["label"], "share": found["size"] / figures["n"]}
            against = truth["clusters"].get(key, {}) if truth else {}
            rows.append(row | {name: found.get(name) for name in kept} | against)
    return rows
