"""Merging clusters."""

import numpy as np

from ....models.progress import Progress
from ...runs.labels import Labels
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import Change, Clusters, apply_change, compose_mapping, entered_name, known_clusters


class Merge(Edit):
    """Make one cluster of several; it keeps the id and the name of the largest.

    Confidences are computed again where the run places samples by centers or probabilities, for what lay between two
    of the clusters does so no more; elsewhere they stay.
    """

    name = "merge"
    title = "Merge clusters"
    hint = "The largest one's id and name stay"
    order = 10
    card_menu = "Merge with…"
    fewest = 2

    @staticmethod
    def apply(
        run: EditedRun, author: str, progress: Progress | None, clusters: Clusters, name: str | None = None
    ) -> dict:
        """Merge clusters.

        Args:
            run: the run, held
            author: who merges
            progress: a callable ``(fraction, message)``, or None
            clusters: the ids of at least two clusters
            name (None): a new name

        Raises:
            ValueError: if a cluster is refused
        """
        ids = known_clusters(run, clusters)
        if len(ids) < 2:
            raise ValueError(f"merging {ids} changes nothing; name at least two clusters")
        keep = max(ids, key=lambda cluster: (run.records[cluster]["size"], -cluster))
        mapping = dict.fromkeys(ids, keep)
        there = run.labels(clusters=ids)
        confidence = _confidence_within(run, there, keep, mapping)
        changed = (there.clusters != keep) | (there.confidence != confidence)
        there, confidence = there.where(changed), confidence[changed]
        names = {keep: entered_name(run, keep, name, ids)} if name is not None else {}
        change = Change("merge", {"clusters": ids}, there, np.full(len(confidence), keep), confidence, names, mapping)
        gone = ", ".join(repr(run.records[cluster]["label"]) for cluster in ids if cluster != keep)
        text = f"Merged {gone} into {names.get(keep, run.records[keep]['label'])!r}"
        return apply_change(run, change, text, author, progress)


def _confidence_within(run: EditedRun, there: Labels, keep: int, mapping: dict[int, int]) -> np.ndarray:
    """Return the confidences ``(n,)`` of the members of a merged cluster."""
    from ....models.placement import place_by_arrays

    confidence, spec = there.confidence.copy(), run.config.placement
    if spec["kind"] == "neighbors":
        return confidence
    rows, X = run.vectors(there, stored=True)
    if len(rows):
        followed = {**run.tables["becomes"], **compose_mapping(run.tables["becomes"], mapping)}
        placed, sure = place_by_arrays(spec, run.arrays, X, followed)
        confidence[rows] = np.where(placed == keep, sure, confidence[rows])
    return confidence
