"""A grouping by criterion as a run like any other."""

import numpy as np

from ..dataset.owned_fields import drop_field
from ..execution.locks import schema_lock
from ..naming.store import apply_names
from ..runs.clusters import cluster_label, label_width
from ..runs.labels import create_label_field, write_labels
from ..runs.lifecycle import register

METHOD = "criterion"
_KEPT = ("embeddings", "encoder", "spaces", "normalize", "patches_field", "visualization", "digest", "versions")


def keep_groups(target, table, X, labels, confidence, groups, job, given, config, stages) -> list[dict]:
    """Keeps groups as a run: labels first, then the run; groups that no image is in are left out.

    Args:
        target: the images or patches
        table: their vectors' table
        X: ``(n, d)`` the vectors as they were clustered
        labels: ``(n,)`` groups, -1 for none
        confidence: ``(n,)`` how sure each is
        groups: ``(name, description)`` of each group
        job: the :class:`operators.criterion_job.CriterionJob`
        given: the arguments by name
        config: the configuration of the run that the images come from
        stages: :class:`operators.execution.Stages`

    Returns:
        the groups, with id, name, description and size
    """
    from ...models.analysis.exemplars import prototypes

    used = np.unique(labels[labels >= 0])
    labels = np.where(labels < 0, -1, np.searchsorted(used, labels))
    chosen, width = prototypes(X, labels, confidence, seed=given["seed"]), label_width(labels)
    clusters = [
        {
            "id": int(cluster),
            "label": cluster_label(int(cluster), width),
            "size": int((labels == cluster).sum()),
            "confidence": round(float(confidence[labels == cluster].mean()), 4),
            "prototypes": [table.ids[row] for row in chosen.get(int(cluster), [])],
        }
        for cluster in np.unique(labels)
    ]
    new_key, dataset, report = given["new_run_key"], target.dataset, stages.enter("writing")
    path, created = target.storage_path(new_key), False
    try:
        with schema_lock(dataset):
            create_label_field(target, new_key, new_key)
            created = True
        write_labels(target, new_key, table, labels, confidence, report)
        stages.leave()
        with schema_lock(dataset):
            register(target, new_key, _config(table, labels, given, config, job, path, stages), clusters, {})
    except BaseException:
        if created:
            drop_field(dataset, path)
        raise
    sizes = {c["id"]: c["size"] for c in clusters}
    return [
        {"id": i, "name": groups[group][0], "description": groups[group][1], "size": sizes[i]}
        for i, group in enumerate(used.tolist())
    ]


def name_groups(dataset, run_key: str, kept: list[dict], job):
    """Gives the groups of a kept run their names, in an edit of its own, for which nobody else may hold the run."""
    origin = {"coherent": True, "source": METHOD, "model": job.choice.model, "host": job.choice.host}
    about = {group["id"]: {"name": group["name"], "description": group["description"], **origin} for group in kept}
    apply_names(dataset, run_key, about, METHOD)


def _config(table, labels, given, config, job, path, stages) -> dict:
    """What the new run records; what it shares with the old one is copied."""
    asked = ("criterion", "n_groups", "n_fine", "images", "context", "language")
    placement = {"kind": "neighbors", "reduction": "none", "normalize": bool(config.normalize)}
    placement |= {"dimension": int(table.X.shape[1]), "k": 5, "metric": "cosine"}
    return {
        **{name: getattr(config, name) for name in _KEPT if hasattr(config, name)},
        "method": METHOD,
        "params": {"run_key": given["run_key"], **{name: given[name] for name in asked}, "model": job.choice.model},
        "seed": given["seed"],
        "cluster_field": given["new_run_key"],
        "label_path": path,
        "ground_truth": None,
        "reduce": "none",
        "reduce_params": {},
        "n_used": len(table.ids),
        "n_noise": int((labels < 0).sum()),
        "n_clusters": int(labels.max()) + 1,
        "skipped": {reason: len(ids) for reason, ids in table.skipped.items()},
        "scores": {},
        "recall": [],
        "notes": [
            f"grouped by {given['criterion']!r} with {job.calls} calls to {job.choice.model} at {job.choice.host}"
        ],
        "placement": placement,
        "history": None,
        "training": None,
        "seconds": stages.seconds,
    }
