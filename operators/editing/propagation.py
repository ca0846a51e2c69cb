"""Proposed labels: the majority class of a cluster for its unlabeled members."""

from collections import Counter
from collections.abc import Collection
from typing import Annotated, Any, NamedTuple

import fiftyone as fo
from pydantic import Field

from ...models.labels import NOISE
from ...models.parameters import typed
from ...models.progress import Progress, quiet
from ..dataset.ground_truth import read_truth
from ..dataset.owned_fields import MARK, remove_field
from ..dataset.schema import describe_field
from ..execution.locks import schema_lock, write_lock
from ..runs.clusters import cluster_label
from ..runs.labels import Labels, create_label_field, write_values
from ..runs.lifecycle import check_cluster_field
from ..runs.members import Members
from ..runs.run import Run

MIN_PURITY, MIN_LABELED = 0.9, 3


def propagate_labels(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    ground_truth: str,
    output_field: str,
    min_purity: Annotated[float, Field(gt=0, le=1)] = MIN_PURITY,
    min_labeled: Annotated[int, Field(ge=1)] = MIN_LABELED,
    progress: Progress | None = None,
) -> dict:
    """Propose, in a new field, the majority class of each pure cluster for its members without a class.

    Nothing else is written: labels that exist stay, and a field that exists is refused.

    Args:
        samples: the dataset, or a view into it that gets the proposals; what is known of a cluster is counted over all
            of its members
        run_key: the run's key
        ground_truth: a field of classes that some samples have; for patches an attribute of the labels, or the patches
            field itself for their own label
        output_field: the new field, of Classifications with the cluster's id and its purity as confidence; for patches
            an attribute of the labels
        min_purity (0.9): the least share of a cluster's labeled members that are of its majority class
        min_labeled (3): the least labeled members of a cluster
        progress (None): a callable ``(fraction, message)``, which may raise to stop; no field is left then

    Returns:
        a dict with "output_field"; "n_proposed", "n_known" and "n_left" (unlabeled, without proposal) of ``samples``;
        and "clusters", each with "id", "label", "known", "majority", "purity", "proposed" and why not, "reason"

    Raises:
        ValueError: if an argument is refused or no cluster is pure enough; nothing is written then
    """
    asked = check_propagation(samples, run_key, ground_truth, output_field, min_purity, min_labeled)
    members, all_members, all_classes = asked.members, asked.members, asked.classes
    if samples is not members.target.dataset:
        all_members = asked.run.members()
        all_classes = read_truth(all_members.target, ground_truth, all_members.ids)
    if not any(name is not None for name in all_classes):
        raise ValueError(f"no member of run {run_key!r} has a class in {ground_truth!r}; label some first")
    clusters, proposals = _propose(all_members, all_classes, set(members.ids), min_purity, min_labeled)
    n, n_known = len(asked.classes), sum(name is not None for name in asked.classes)
    if not proposals:
        raise ValueError(
            f"there is nothing to propose, {n_known:,} of {n:,} {members.target.unit} have a class and no "
            f"cluster with unlabeled members reaches min_purity={min_purity} and min_labeled={min_labeled}; lower them"
        )
    path = members.target.storage_path(output_field)
    with write_lock(members.target.dataset, f"run key {run_key!r}", f"field {path!r}"):
        _write(members, output_field, path, proposals, progress or quiet)
    return {
        "run_key": run_key,
        "output_field": output_field,
        "unit": members.target.unit,
        "n_proposed": len(proposals),
        "n_known": n_known,
        "n_left": n - n_known - len(proposals),
        "clusters": clusters,
    }


class Propagation(NamedTuple):
    """The checked arguments of :func:`propagate_labels`.

    Attributes:
        run: the run
        members: its members among the samples, who may get a proposal
        classes: their classes, None where unknown
    """

    run: Run
    members: Members
    classes: list[Any]


def check_propagation(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    ground_truth: str,
    output_field: str,
    min_purity: float = MIN_PURITY,
    min_labeled: int = MIN_LABELED,
    progress: Progress | None = None,
) -> Propagation:
    """Refuse the arguments of :func:`propagate_labels` that can be refused before any work.

    Raises:
        ValueError: if one is refused
    """
    names = {"run_key": run_key, "ground_truth": ground_truth, "output_field": output_field}
    typed(propagate_labels, {**names, "min_purity": min_purity, "min_labeled": min_labeled})
    run = Run.open(samples, run_key)
    members = run.members(samples)
    check_cluster_field(members.target, output_field)
    return Propagation(run, members, read_truth(members.target, ground_truth, members.ids))


def _propose(
    members: Members, classes: list[Any], asked: Collection[str], min_purity: float, min_labeled: int
) -> tuple[list[dict[str, Any]], dict[str, fo.Classification]]:
    """Return what is known of each cluster, and the proposals by id for those that are ``asked`` about."""
    clusters: list[dict[str, Any]] = []
    proposals: dict[str, fo.Classification] = {}
    for cluster, rows in members.by_cluster().items():
        if cluster == NOISE:
            continue
        counts = Counter(str(classes[row]) for row in rows if classes[row] is not None)
        known = sum(counts.values())
        # of equally frequent classes the first by name, whatever the order of the samples
        majority = min(counts, key=lambda name: (-counts[name], name), default=None)
        purity = counts[majority] / known if majority is not None else 0.0
        unlabeled = [row for row in rows if classes[row] is None and members.ids[row] in asked]
        reason = None
        if known < min_labeled:
            reason = f"{known} known members"
        elif purity < min_purity:
            reason = f"purity {purity:.2f}"
        if reason is None:
            for row in unlabeled:
                proposals[members.ids[row]] = fo.Classification(label=majority, confidence=purity, cluster=cluster)
        clusters.append(
            {
                "id": cluster,
                "label": members.names.get(cluster, cluster_label(cluster)),
                "known": known,
                "majority": majority,
                "purity": purity,
                "proposed": len(unlabeled) if reason is None else 0,
                "reason": reason,
            }
        )
    return clusters, proposals


def _write(
    members: Members, field: str, path: str, proposals: dict[str, fo.Classification], progress: Progress
) -> None:
    """Write all or nothing; the field is marked as being written until then, so that a kill leaves nothing either."""
    target = members.target
    with schema_lock(target.dataset):
        check_cluster_field(target, field)
        create_label_field(target, field, members.run_key)
    try:
        rows = [row for row, key in enumerate(members.ids) if key in proposals]
        some = Labels(members.ids, members.sample_ids, members.labels, members.confidence).take(rows)
        write_values(target, target.local_path(field), some, [proposals[key] for key in some.ids], progress)
        with schema_lock(target.dataset):
            mark = {"role": "proposal", "run_key": members.run_key}
            describe_field(target.dataset, path, {MARK: mark}, f"Proposed by the clusters of run {members.run_key}")
    except BaseException:
        remove_field(target.source, target.local_path(field))
        raise
