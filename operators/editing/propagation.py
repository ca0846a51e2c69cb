"""Proposed labels: the majority class of a cluster for its unlabeled members."""

from collections import Counter
from typing import Annotated

import fiftyone as fo
from pydantic import Field

from ...models.labels import NOISE
from ...models.parameters import typed
from ..dataset.ground_truth import read_truth
from ..dataset.owned_fields import MARK, drop_field
from ..execution.locks import schema_lock, write_lock
from ..runs.clusters import cluster_label
from ..runs.labels import create_label_field
from ..runs.lifecycle import check_cluster_field
from ..runs.members import Members
from ..runs.run import Run

PURITY, LABELED = 0.9, 3
_SLICE = 5000


def propagate_labels(
    samples,
    run_key: str,
    ground_truth: str,
    output_field: str,
    min_purity: Annotated[float, Field(gt=0, le=1)] = PURITY,
    min_labeled: Annotated[int, Field(ge=1)] = LABELED,
    progress=None,
) -> dict:
    """Proposes, in a new field, the majority class of each pure cluster for its members without a class.

    Nothing else is written: labels that exist stay, and a field that exists is refused.

    Args:
        samples: the dataset, or a view into it that gets the proposals; what is known of a cluster is counted over all
            of its members
        run_key: the run's key
        ground_truth: a field of classes that some samples have; for patches an attribute of the labels, or the patches
            field itself for their own label
        output_field: the new field, of Classifications with the cluster's id and its purity as confidence; for patches
            an attribute of the labels
        min_purity (0.9): the least share of a cluster's known members that are of its majority class
        min_labeled (3): the least known members of a cluster
        progress (None): a callable ``(fraction, message)``, which may raise to stop; no field is left then

    Returns:
        a dict with "output_field"; "n_proposed", "n_known" and "n_left" (unlabeled, without proposal) of ``samples``;
        and "clusters", each with "id", "label", "known", "majority", "purity", "proposed" and why not, "reason"

    Raises:
        ValueError: in one sentence, if an argument is refused or no cluster is pure enough; nothing is written then
    """
    members, classes = _checked(samples, run_key, ground_truth, output_field, min_purity, min_labeled)
    everyone, all_classes = members, classes
    if samples is not members.target.dataset:
        everyone = Run.cached(samples, run_key).members()
        all_classes = read_truth(everyone.target, ground_truth, everyone.ids)
    if not any(name is not None for name in all_classes):
        raise ValueError(f"no member of run {run_key!r} has a class in {ground_truth!r}; label some first")
    clusters, proposals = _propose(everyone, all_classes, set(members.ids), min_purity, min_labeled)
    known = sum(name is not None for name in classes)
    if not proposals:
        raise ValueError(
            f"there is nothing to propose, {known:,} of {len(classes):,} {members.target.unit} have a class and no "
            f"cluster with unlabeled members reaches min_purity={min_purity} and min_labeled={min_labeled}; lower them"
        )
    path = members.target.storage_path(output_field)
    with write_lock(members.target.dataset, f"run key {run_key!r}", f"field {path!r}"):
        _write(members, output_field, path, proposals, progress or (lambda fraction, message="": None))
    return {
        "run_key": run_key,
        "output_field": output_field,
        "unit": members.target.unit,
        "n_proposed": len(proposals),
        "n_known": known,
        "n_left": len(classes) - known - len(proposals),
        "clusters": clusters,
    }


def check_propagation(
    samples, run_key, ground_truth, output_field, min_purity=PURITY, min_labeled=LABELED, progress=None
):
    """Refuses the arguments of :func:`propagate_labels` that can be refused before any work of a worker.

    Raises:
        ValueError: in one sentence
    """
    _checked(samples, run_key, ground_truth, output_field, min_purity, min_labeled)


def _checked(samples, run_key, ground_truth, output_field, min_purity, min_labeled) -> tuple[Members, list]:
    """Who may get a proposal, and the classes they have."""
    names = {"run_key": run_key, "ground_truth": ground_truth, "output_field": output_field}
    typed(propagate_labels, {**names, "min_purity": min_purity, "min_labeled": min_labeled})
    members = Run.open(samples, run_key).members(samples)
    check_cluster_field(members.target, output_field)
    return members, read_truth(members.target, ground_truth, members.ids)


def _propose(members: Members, classes, asked: set, min_purity, min_labeled) -> tuple[list[dict], dict]:
    """What is known of each cluster, and the proposals by id for those that are ``asked`` about."""
    clusters, proposals = [], {}
    for cluster, rows in members.by_cluster().items():
        if cluster == NOISE:
            continue
        counts = Counter(str(classes[row]) for row in rows if classes[row] is not None)
        known = sum(counts.values())
        # of equally frequent classes the first by name, whatever the order of the samples
        majority, most = min(counts.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
        purity = most / known if known else 0.0
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


def _write(members: Members, field, path, proposals, progress):
    """All or nothing; until the end the field is marked as being written, so that a kill leaves nothing either."""
    target = members.target
    with schema_lock(target.dataset):
        check_cluster_field(target, field)
        create_label_field(target, field, members.run_key)
    try:
        keys, local = list(proposals), target.local_path(field)
        sample_of = dict(zip(members.ids, members.sample_ids, strict=True))
        for start in range(0, len(keys), _SLICE):
            progress(start / len(keys), f"proposal {start:,} of {len(keys):,}")
            part = keys[start : start + _SLICE]
            if target.patches_field:
                values = [{"sample_id": sample_of[key], "label_id": key, "value": proposals[key]} for key in part]
                target.source.set_label_values(local, values, validate=False)
            else:
                target.source.set_values(local, {key: proposals[key] for key in part}, key_field="id")
        with schema_lock(target.dataset):
            found = target.dataset.get_field(path)
            found.info = {MARK: {"role": "proposal", "run_key": members.run_key}}
            found.description = f"Proposed by the clusters of run {members.run_key}"
            found.save()
    except BaseException:
        drop_field(target.dataset, path)
        raise
