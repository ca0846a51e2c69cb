"""Dissolving clusters into noise."""

import numpy as np

from ....models.labels import NOISE
from ...runs.labels import read_labels
from ..changes import Change, apply_change, known_clusters
from ..transaction import editing


def dissolve_clusters(dataset, run_key: str, clusters, by="user", version=None, progress=None) -> dict:
    """Makes noise of clusters; new samples that come to them are noise as well.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        clusters: the ids of one or more clusters
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
        there = read_labels(run.target, run.name, clusters=ids)
        n = len(there.ids)
        change = Change("dissolve", {"clusters": ids}, there, np.full(n, NOISE), np.zeros(n))
        change.becomes = dict.fromkeys(ids, NOISE)
        text = f"Dissolved {', '.join(map(repr, run.labels_of(ids).values()))}: {n:,} {run.target.unit} are noise now"
        return apply_change(run, change, text, by, progress)
