"""What the small operators on runs share: the form that picks a run."""

from .forms import add_choice, add_problem
from .runs import lifecycle as runs


def add_run(ctx, inputs) -> str | None:
    """Adds a drop-down of the dataset's clustering runs, newest first.

    Returns:
        the chosen run key, or None if there is no run
    """
    keys = runs.list_clustering_runs(ctx.dataset) if ctx.dataset is not None else []
    if not keys:
        add_problem(inputs, "This dataset has no clustering run; start one with compute_clusters")
        return None
    labels = {key: f"{key} ({runs.get_config(ctx.dataset, key).method})" for key in reversed(keys)}
    add_choice(inputs, "run_key", labels, keys[-1], "Run")
    chosen = ctx.params.get("run_key")
    return chosen if chosen in keys else keys[-1]


def chosen_run(ctx, required: bool = False) -> str:
    """The run key that was chosen.

    Args:
        ctx: the execution context
        required (False): whether the newest run will not do when none was named

    Raises:
        ValueError: in one sentence, if no run can be meant
    """
    keys = runs.list_clustering_runs(ctx.dataset)
    if key := ctx.params.get("run_key"):
        return key
    if required or not keys:
        raise ValueError(f"no run was named; set run_key to one of {', '.join(keys) or 'none, there are no runs'}")
    return keys[-1]
