"""Dissolving clusters into noise."""

import numpy as np

from ....models.labels import NOISE
from ....models.progress import Progress
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import Change, Clusters, apply_change, known_clusters


class Dissolve(Edit):
    """Make noise of clusters; new samples that come to them are noise as well."""

    name = "dissolve"
    title = "Dissolve clusters into noise"
    hint = "New samples that come to them are noise, too"
    order = 40
    card_menu = "Dissolve into noise…"

    @staticmethod
    def apply(run: EditedRun, author: str, progress: Progress | None, clusters: Clusters) -> dict:
        """Dissolve clusters.

        Args:
            run: the run, held
            author: who dissolves them
            progress: a callable ``(fraction, message)``, or None
            clusters: the ids of one or more clusters

        Raises:
            ValueError: if a cluster is refused
        """
        ids = known_clusters(run, clusters)
        there = run.labels(clusters=ids)
        n = len(there.ids)
        change = Change("dissolve", {"clusters": ids}, there, np.full(n, NOISE), np.zeros(n))
        change.mapping = dict.fromkeys(ids, NOISE)
        text = f"Dissolved {', '.join(map(repr, run.names_of(ids).values()))}: {n:,} {run.target.unit} are noise now"
        return apply_change(run, change, text, author, progress)
