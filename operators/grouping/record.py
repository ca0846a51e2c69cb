"""Record of a grouping by criterion: a run like any other."""

from dataclasses import dataclass

import numpy as np

from ...models.labels import NOISE
from ..dataset.vectors import VectorTable
from ..execution.stages import Stages
from ..naming.session import by_reason
from ..naming.store import apply_names
from ..runs.config import RunConfig
from ..runs.lifecycle import keep_run
from ..runs.records import cluster_records
from ..runs.run import Run
from .questions import CriterionJob
from .request import CriterionRequest

METHOD = "criterion"
_COPIED = (
    "embeddings",
    "encoder",
    "spaces",
    "normalize",
    "patches_field",
    "slices",
    "visualization",
    "digest",
    "versions",
)


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


def keep_groups(request: CriterionRequest, grouping: Grouping, job: CriterionJob, stages: Stages) -> list[dict]:
    """Keep groups as a run; groups without images are left out.

    Args:
        request: the request
        grouping: the images and their groups
        job: the questions
        stages: the stages of the work

    Returns:
        the groups, with id, name, description and size
    """
    used = np.unique(grouping.labels[grouping.labels >= 0])
    labels = np.where(grouping.labels < 0, NOISE, np.searchsorted(used, grouping.labels))
    table, confidence = grouping.table, grouping.confidence
    clusters = cluster_records(table.ids, grouping.X, labels, confidence, request.arguments.seed)
    config, target, report = _config(request, grouping, labels, job), request.run.own_target, stages.enter("writing")
    keep_run(target, request.new_run_key, config, clusters, table, labels, confidence, stages, report)
    sizes = {c["id"]: c["size"] for c in clusters}
    return [
        {"id": i, "name": grouping.groups[group][0], "description": grouping.groups[group][1], "size": sizes[i]}
        for i, group in enumerate(used.tolist())
    ]


def name_groups(run: Run, kept: list[dict], job: CriterionJob) -> None:
    """Give the groups of a kept run their names, in an edit of its own, for which no lock of the run may be held."""
    origin = {"coherent": True, "source": METHOD, "model": job.choice.model, "host": job.choice.host}
    about = {group["id"]: {"name": group["name"], "description": group["description"], **origin} for group in kept}
    apply_names(run, about, METHOD)
    for group in kept:
        group["name"] = about[group["id"]]["name"]


def unreadable_note(job: CriterionJob) -> list[str]:
    """Return a note if images that were to be captioned could not be read, counted by reason."""
    counted = ", ".join(f"{n:,} {reason}" for reason, n in by_reason(job.unreadable).items())
    return [f"{len(job.unreadable):,} images to caption could not be read ({counted})"] if counted else []


def _config(request: CriterionRequest, grouping: Grouping, labels: np.ndarray, job: CriterionJob) -> RunConfig:
    """Return the configuration of the new run; what it shares with the old one is copied."""
    config, arguments, new_key = request.run.config, request.arguments, request.new_run_key
    params = {name: getattr(arguments, name) for name in ("run_key", "criterion", "n_groups", "n_fine")}
    params |= {"context": arguments.context, "language": arguments.language}
    params |= {"images": arguments.n_exemplars, "model": job.choice.model}
    placement: dict = {"kind": "neighbors", "reduction": "none", "normalize": bool(config.normalize)}
    placement |= {"dimension": int(grouping.X.shape[1]), "k": 5, "metric": "cosine"}
    if "scaling" in config.placement:
        placement["scaling"] = config.placement["scaling"]
    if len(grouping.widths) > 1:
        placement["widths"] = grouping.widths
    skipped = {reason: len(ids) for reason, ids in grouping.table.skipped.items()}
    text = f"grouped by {arguments.criterion!r} with {job.calls} calls to {job.choice.model} at {job.choice.host}"
    return RunConfig(
        **{name: getattr(config, name) for name in _COPIED},
        method=METHOD,
        params=params,
        seed=arguments.seed,
        cluster_field=new_key,
        label_path=request.run.target.storage_path(new_key),
        n_used=len(grouping.table.ids),
        n_noise=int((labels < 0).sum()),
        n_clusters=int(labels.max()) + 1,
        skipped=skipped,
        notes=[text, *unreadable_note(job)],
        placement=placement,
    )
