"""Form input that picks what a run is compared with."""

from ..dataset.ground_truth import truth_fields
from ..runs.run import Run
from ..runs.store import list_clustering_runs


def comparable(run: Run) -> dict[str, str]:
    """Return labels of what a run can be compared with: other runs of the same kind, newest first, then fields."""
    others = [Run.cached(run.dataset, key) for key in reversed(list_clustering_runs(run.dataset)) if key != run.key]
    same = [other.key for other in others if other.config.patches_field == run.config.patches_field]
    return {key: f"Run {key}" for key in same} | {name: f"Field {name}" for name in truth_fields(run.target)}
