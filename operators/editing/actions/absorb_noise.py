"""Absorbing noise into the nearest clusters."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ....models.labels import MIXED, NOISE
from ....models.progress import Progress
from ...runs.run import Run
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import Change, apply_change

_ROUNDING = 1e-6  # of cosines in float32: copies of a center pass a minimum of 1


class AbsorbNoise(Edit):
    """Put noise into the nearest cluster, by the cosine to its center, if that is at least ``min_similarity``.

    Vectors of a run that did not scale them to length 1 are coordinates, whose origin means nothing; theirs are
    taken from the mean of all. The confidence is the simplified silhouette about the centers (Hruschka et al. 2004).
    """

    name = "absorb_noise"
    title = "Put noise into the nearest cluster"
    hint = "If the cosine similarity to the cluster's center is at least the minimum"
    order = 50
    noise_menu = "Put into the nearest clusters…"

    @classmethod
    def check(cls, run: Run) -> None:
        """Raise ValueError if a run has no cluster or no noise."""
        super().check(run)
        if NOISE not in run.names:
            raise ValueError("this run has no noise; there is nothing to absorb")

    @staticmethod
    def apply(
        run: EditedRun,
        author: str,
        progress: Progress | None,
        min_similarity: Annotated[
            float,
            Field(ge=-1, le=1, title="Minimum cosine similarity", description="Noise that is less similar stays noise"),
        ] = 0.5,
        ids: list[str] | None = None,
    ) -> dict:
        """Absorb noise.

        Args:
            run: the run, held
            author: who does it
            progress: a callable ``(fraction, message)``, or None
            min_similarity (0.5): the minimum cosine similarity, from -1 to 1
            ids (None): the images or patches that are meant, by default all noise

        Returns:
            what was done, with ``n_left``, how many are noise still, and their largest cosine as ``nearest_left``

        Raises:
            ValueError: if there is no noise, no cluster or no vectors
        """
        from ....models.placement import nearest_by_cosine

        members = run.labels(clusters=list(run.records))
        noise = members.clusters == NOISE
        asked = noise if ids is None else noise & np.isin(members.ids, list(ids))
        if not asked.any() or noise.all():
            what = "noise" if not asked.any() else "cluster"
            raise ValueError(f"run {run.key!r} has no {what} among these {run.target.unit}; nothing can be absorbed")
        rows, X = run.vectors(members)
        here = np.flatnonzero(asked[rows])
        clusters, confidence, cosine = nearest_by_cosine(X, members.clusters[rows], here, not run.config.normalize)
        near = cosine >= min_similarity - _ROUNDING
        left = {"n_left": int(noise.sum() - near.sum()), "nearest_left": _largest(cosine[~near])}
        if not near.any():
            text = f"No noise has a cosine of {min_similarity} to a cluster; nothing was changed"
            return {**run.outcome("absorb_noise", text, []), **left}
        there = members.take(rows[here[near]])
        change = Change("absorb_noise", {"min_similarity": min_similarity}, there, clusters[near], confidence[near])
        change.mapping = {NOISE: MIXED}
        text = f"Put {near.sum():,} of {asked.sum():,} noise {run.target.unit} into the nearest cluster"
        return {**apply_change(run, change, text, author, progress), **left}


def _largest(values: np.ndarray) -> float | None:
    return round(float(values.max()), 4) if len(values) else None
