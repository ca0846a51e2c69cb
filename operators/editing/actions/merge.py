"""Merging clusters."""

import numpy as np

from ...runs.labels import read_labels
from ...runs.records import run_vectors
from ...runs.store import read_arrays
from ..changes import Change, apply_change, compose_mapping, known_clusters
from ..names import clean_name
from ..transaction import editing


def merge_clusters(dataset, run_key: str, clusters, name=None, by="user", version=None, progress=None) -> dict:
    """Makes one cluster of several; it keeps the id and the name of the largest.

    Confidences follow where the run places samples by centers or probabilities, for what lay between two of the
    clusters does so no more; elsewhere they stay.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        clusters: the ids of at least two clusters
        name (None): a new name
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if a cluster is refused or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        ids = known_clusters(run, clusters)
        if len(ids) < 2:
            raise ValueError(f"merging {ids} changes nothing; name at least two clusters")
        keep = max(ids, key=lambda cluster: (run.clusters[cluster]["size"], -cluster))
        becomes = dict.fromkeys(ids, keep)
        there = read_labels(run.target, run.name, clusters=ids)
        confidence = _confidence_within(run, there, keep, becomes)
        changed = (there.clusters != keep) | (there.confidence != confidence)
        there, confidence = there.where(changed), confidence[changed]
        names = {keep: clean_name(name)} if name is not None else {}
        change = Change("merge", {"clusters": ids}, there, np.full(len(confidence), keep), confidence, names, becomes)
        gone = ", ".join(repr(run.clusters[cluster]["label"]) for cluster in ids if cluster != keep)
        text = f"Merged {gone} into {names.get(keep, run.clusters[keep]['label'])!r}"
        return apply_change(run, change, text, by, progress)


def _confidence_within(run, there, keep, becomes) -> np.ndarray:
    """Confidences ``(n,)`` of the members of a merged cluster."""
    from ....models.placement import place_by_arrays

    confidence, spec = there.confidence.copy(), run.config.placement
    if spec["kind"] == "neighbors":
        return confidence
    rows, X = run_vectors(run.target, run.config, there)
    if len(rows):
        followed = {**run.tables["becomes"], **compose_mapping(run.tables["becomes"], becomes)}
        placed, sure = place_by_arrays(spec, read_arrays(run.dataset, run.run_key), X, followed)
        confidence[rows] = np.where(placed == keep, sure, confidence[rows])
    return confidence
