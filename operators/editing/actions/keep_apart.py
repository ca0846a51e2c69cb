"""Keeping clusters apart that look alike."""

from itertools import combinations

from ....models.progress import Progress
from ...runs.edit_log import differences, make_edit
from ...runs.transaction import EditedRun
from ..base import Edit
from ..changes import Clusters, known_clusters


class KeepApart(Edit):
    """Say that clusters are not one, however alike they look: no two of them are suggested for a merger any more."""

    name = "keep_apart"
    title = "Keep clusters apart"
    hint = "They are not suggested for a merger any more"
    order = 15
    fewest = 2

    @staticmethod
    def apply(run: EditedRun, author: str, progress: Progress | None, clusters: Clusters) -> dict:
        """Keep clusters apart.

        Args:
            run: the run, held
            author: who says so
            progress: a callable ``(fraction, message)``, or None
            clusters: the ids of at least two clusters, any two of which are kept apart

        Returns:
            what was done; if they were kept apart before, nothing is written

        Raises:
            ValueError: if a cluster is refused
        """
        ids = known_clusters(run, clusters)
        if len(ids) < 2:
            raise ValueError(f"{ids} is one cluster only; name at least two clusters that are to be kept apart")
        before = run.tables["apart"]
        after = {cluster: set(others) for cluster, others in before.items()}
        for low, high in combinations(sorted(ids), 2):
            after.setdefault(low, set()).add(high)
        changes = differences(before, {cluster: sorted(others) for cluster, others in after.items()})
        if not changes:
            return run.outcome("keep_apart", "They were kept apart before; nothing was changed", [])
        names = " and ".join(repr(name) for name in run.names_of(ids).values())
        text = f"Kept {names} apart"
        run.commit(make_edit("keep_apart", author, {"clusters": ids}, text, {"apart": changes}), progress)
        return run.outcome("keep_apart", text, [])
