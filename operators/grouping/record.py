"""A grouping by criterion as a run like any other."""

from dataclasses import dataclass

import numpy as np

from ...models.labels import NOISE
from ..dataset.owned_fields import drop_field
from ..dataset.targets import Target
from ..dataset.vectors import VectorTable
from ..execution.locks import schema_lock
from ..execution.stages import Stages
from ..naming.store import apply_names
from ..runs.config import RunConfig
from ..runs.labels import create_label_field, write_labels
from ..runs.lifecycle import register
from ..runs.records import cluster_records
from ..runs.run import Run
from .questions import CriterionJob

METHOD = "criterion"
_COPIED = ("embeddings", "encoder", "spaces", "normalize", "patches_field", "visualization", "digest", "versions")


@dataclass(frozen=True)
class Grouping:
    """Images and their groups.

    Args:
        table: the table of the vectors
        X: ``(n, d)`` the vectors as they were clustered
        widths: dimensions of the vector fields side by side in ``X``
        labels: ``(n,)`` groups, -1 for none
        confidence: ``(n,)`` in [0, 1]
        groups: ``(name, description)`` of each group
    """

    table: VectorTable
    X: np.ndarray
    widths: list[int]
    labels: np.ndarray
    confidence: np.ndarray
    groups: list[tuple[str, str]]


def keep_groups(
    run: Run, target: Target, grouping: Grouping, job: CriterionJob, given: dict, stages: Stages
) -> list[dict]:
    """Keep groups as a run: labels first, then the run; groups that no image is in are left out.

    Args:
        run: the run that the images come from
        target: the images or patches
        grouping: their groups
        job: the questions
        given: the arguments by name
        stages: the stages of the work

    Returns:
        the groups, with id, name, description and size
    """
    used = np.unique(grouping.labels[grouping.labels >= 0])
    labels = np.where(grouping.labels < 0, NOISE, np.searchsorted(used, grouping.labels))
    table, confidence = grouping.table, grouping.confidence
    clusters = cluster_records(table.ids, grouping.X, labels, confidence, given["seed"])
    new_key, dataset, report = given["new_run_key"], target.dataset, stages.enter("writing")
    path, created = target.storage_path(new_key), False
    try:
        with schema_lock(dataset):
            create_label_field(target, new_key, new_key)
            created = True
        write_labels(target, new_key, table, labels, confidence, report)
        stages.leave()
        with schema_lock(dataset):
            config = _config(run.config, grouping, labels, given, job, path, stages)
            register(target, new_key, config, clusters, {})
    except BaseException:
        if created:
            drop_field(dataset, path)
        raise
    sizes = {c["id"]: c["size"] for c in clusters}
    return [
        {"id": i, "name": grouping.groups[group][0], "description": grouping.groups[group][1], "size": sizes[i]}
        for i, group in enumerate(used.tolist())
    ]


def name_groups(run: Run, kept: list[dict], job: CriterionJob) -> None:
    """Give the groups of a kept run their names, in an edit of its own, for which nobody else may hold the run."""
    origin = {"coherent": True, "source": METHOD, "model": job.choice.model, "host": job.choice.host}
    about = {group["id"]: {"name": group["name"], "description": group["description"], **origin} for group in kept}
    apply_names(run, about, METHOD)


def _config(
    config: RunConfig, grouping: Grouping, labels: np.ndarray, given: dict, job: CriterionJob, path: str, stages: Stages
) -> RunConfig:
    """The configuration of the new run; what it shares with the old one is copied."""
    asked = {name: given[name] for name in ("criterion", "n_groups", "n_fine", "context", "language")}
    placement = {"kind": "neighbors", "reduction": "none", "normalize": bool(config.normalize)}
    placement |= {"dimension": int(grouping.X.shape[1]), "k": 5, "metric": "cosine"}
    if len(grouping.widths) > 1:
        placement["widths"] = grouping.widths
    skipped = {reason: len(ids) for reason, ids in grouping.table.skipped.items()}
    text = f"grouped by {given['criterion']!r} with {job.calls} calls to {job.choice.model} at {job.choice.host}"
    return RunConfig(
        **{name: getattr(config, name) for name in _COPIED},
        method=METHOD,
        params={"run_key": given["run_key"], **asked, "images": given["n_exemplars"], "model": job.choice.model},
        seed=given["seed"],
        cluster_field=given["new_run_key"],
        label_path=path,
        n_used=len(grouping.table.ids),
        n_noise=int((labels < 0).sum()),
        n_clusters=int(labels.max()) + 1,
        skipped=skipped,
        notes=[text],
        placement=placement,
        seconds=stages.seconds,
    )
