"""Absorbing noise into the nearest clusters."""

import numpy as np

from ....models.labels import MIXED, NOISE
from ...runs.labels import read_labels
from ...runs.records import run_vectors
from ..changes import Change, apply_change
from ..transaction import edited, editing


def absorb_noise(
    dataset, run_key: str, threshold: float = 0.5, ids=None, by="user", version=None, progress=None
) -> dict:
    """Puts noise into the nearest cluster, by the cosine to its center, if that is at least ``threshold``.

    Vectors of a run that did not scale them to length 1 are coordinates, whose origin means nothing; theirs are
    taken from the mean of all. The confidence is the simplified silhouette about the centers (Hruschka et al. 2004).

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        threshold (0.5): the least cosine, from -1 to 1
        ids (None): the images or patches that are meant, by default all noise
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`, with ``n_left``, how many are noise still, and
        their largest cosine as ``nearest_left``

    Raises:
        ValueError: in one sentence, if there is no noise, no cluster or no vectors, or somebody else edits the run
    """
    from ....models.placement import nearest_by_cosine

    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not -1 <= threshold <= 1:
        raise ValueError(f"threshold={threshold!r} is not a cosine; give a number from -1 to 1")
    with editing(dataset, run_key, version) as run:
        members = read_labels(run.target, run.name, clusters=list(run.clusters))
        noise = members.clusters == NOISE
        asked = noise if ids is None else noise & np.isin(members.ids, list(ids))
        if not asked.any() or noise.all():
            what = "noise" if not asked.any() else "cluster"
            raise ValueError(f"run {run_key!r} has no {what} among these {run.target.unit}; nothing can be absorbed")
        rows, X = run_vectors(run.target, run.config, members)
        here = np.flatnonzero(asked[rows])
        goes, confidence, cosine = nearest_by_cosine(X, members.clusters[rows], here, not run.config.normalize)
        near = cosine >= threshold
        left = {"n_left": int(noise.sum() - near.sum()), "nearest_left": _largest(cosine[~near])}
        if not near.any():
            text = f"No noise has a cosine of {threshold} to a cluster; nothing was changed"
            return {**edited(run, "absorb_noise", text, []), **left}
        there = members.take(rows[here[near]])
        change = Change("absorb_noise", {"threshold": threshold}, there, goes[near], confidence[near])
        change.becomes = {NOISE: MIXED}
        text = f"Put {near.sum():,} of {asked.sum():,} noise {run.target.unit} into the nearest cluster"
        return {**apply_change(run, change, text, by, progress), **left}


def _largest(values) -> float | None:
    return round(float(values.max()), 4) if len(values) else None
