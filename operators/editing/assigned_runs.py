"""Runs of fields that were filled by assignment: what was put there opens, and is edited and exported, like any run."""

from dataclasses import replace
from typing import Any

from ...models.labels import NOISE, UNASSIGNED
from ..dataset.shapes import slices_of
from ..dataset.targets import Target
from ..execution.locks import schema_lock
from ..runs.config import MAX_CONFIG_CLUSTERS
from ..runs.labels import read_labels
from ..runs.lifecycle import register
from ..runs.records import edited_records
from ..runs.run import Run
from ..runs.store import update_config
from .origins import own_run

_OF_THE_SOURCE: dict[str, Any] = {
    "ground_truth": None,
    "constraints_from": None,
    "visualization": None,
    "fit_on": None,
    "digest": None,
    "scores": {},
    "recall": [],
    "collapsed": [],
    "history": None,
    "training": None,
    "seconds": {},
    "clusters": None,
    "version": 0,
    "state": 0,
}


def keep_assigned(source: Run, target: Target, name: str, names: dict[int, str], skipped: dict[str, int]) -> None:
    """Make the run of a field that was filled by assignment, or bring it up to date.

    It has the identity of the run that the clusters are of, as a clone of that has, and all that places new samples.

    Args:
        source: the run that the clusters are of
        target: what was assigned
        name: the field, and the key of its run; the caller holds the locks of both
        names: the names of the clusters by id
        skipped: how many have no usable vector, by reason
    """
    dataset, path = target.dataset, target.storage_path(name)
    kept = own_run(dataset, path)
    note = f"filled by assign_clusters with the clusters of run {source.key!r} of dataset {source.dataset.name!r}"
    origin = {"run_key": source.key, "dataset": source.dataset.name, "uid": source.config.uid}
    own: dict[str, Any] = {"cluster_field": name, "label_path": path, "slices": slices_of(target.source)}
    own |= {"skipped": skipped, "notes": [note], "assigned_from": origin}
    config = replace(source.config, **(_OF_THE_SOURCE | own))
    where = kept.target if kept else target
    members = read_labels(where, name)
    members = members.where(members.clusters != UNASSIGNED)
    found = edited_records(where, config, members, names)
    records = [found[cluster] for cluster in sorted(found)]
    counts: dict[str, Any] = {
        "n_used": len(members.ids),
        "n_noise": int((members.clusters == NOISE).sum()),
        "n_clusters": sum(cluster != NOISE for cluster in found),
    }
    tables = {table: source.results.get(table) or {} for table in ("names", "becomes")}
    with schema_lock(dataset):
        if kept is None:
            register(target, name, replace(config, **counts), records, source.arrays, **tables)
            return
        version = kept.version + 1
        facts = {**counts, "skipped": skipped, "assigned_from": origin, "version": version, "state": version}
        brief = records if len(records) <= MAX_CONFIG_CLUSTERS else None
        update_config(dataset, kept.key, **facts, clusters=brief)
        kept.results.save(clusters=records, **tables)
