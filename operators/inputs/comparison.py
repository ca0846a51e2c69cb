"""Form input that picks what a run is compared with."""

from ..dataset.ground_truth import truth_fields
from ..dataset.targets import resolve_target
from ..runs.store import get_config, list_clustering_runs


def others(dataset, run_key: str) -> dict[str, str]:
    """What a run can be compared with, by name: other runs of the same kind of thing, newest first, then fields."""
    patches_field = get_config(dataset, run_key).patches_field
    keys = [key for key in list_clustering_runs(dataset) if key != run_key]
    keys = [key for key in reversed(keys) if get_config(dataset, key).patches_field == patches_field]
    target = resolve_target(dataset.load_run_view(run_key), patches_field)
    return {key: f"Run {key}" for key in keys} | {name: f"Field {name}" for name in truth_fields(target)}
