"""Confirming that images or patches are in the right cluster."""

import numpy as np

from ....models.labels import UNASSIGNED
from ....models.progress import Progress
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import CERTAIN, Change, apply_change, selected_labels


class Confirm(Edit):
    """Leave images or patches where they are, because a person says so: their confidence is 1."""

    name = "confirm"
    title = "Confirm the selected samples"
    hint = "They stay where they are, and their confidence becomes 1, because you said so"
    order = 35

    @staticmethod
    def apply(run: EditedRun, author: str, progress: Progress | None, ids: list[str]) -> dict:
        """Confirm images or patches.

        Args:
            run: the run, held
            author: who confirms them
            progress: a callable ``(fraction, message)``, or None
            ids: sample ids, or label ids of patches

        Raises:
            ValueError: if an id is refused, or one has no cluster to be confirmed
        """
        there = selected_labels(run, ids)
        if outside := int((there.clusters < 0).sum()):
            raise ValueError(
                f"{outside} of {len(there.ids)} {run.target.unit} are in no cluster that could be confirmed; "
                "move them to one instead"
            )
        n = len(there.ids)
        change = Change("confirm", {}, there, there.clusters, np.full(n, CERTAIN), new_prototypes=False)
        names = ", ".join(map(repr, run.names_of(sorted(set(there.clusters.tolist()) - {UNASSIGNED})).values()))
        return apply_change(run, change, f"Confirmed {n:,} {run.target.unit} in {names}", author, progress)
