"""What the small operators on runs share: the form that picks a run."""

from datetime import datetime

import fiftyone.operators.types as types

from . import runs
from .forms import add_choice


def add_run(ctx, inputs) -> str | None:
    """Adds a drop-down of the dataset's clustering runs.

    Returns:
        the chosen run key, or None if there is no run
    """
    keys = runs.list_clustering_runs(ctx.dataset)
    if not keys:
        prop = inputs.str("problem", required=False, view=types.Warning(label="This dataset has no clustering run"))
        prop.invalid = True
        return None
    labels = {key: f"{key} ({runs.get_config(ctx.dataset, key).method})" for key in reversed(keys)}
    add_choice(inputs, "run_key", labels, keys[-1], "Run")
    chosen = ctx.params.get("run_key")
    return chosen if chosen in keys else keys[-1]


def when(timestamp: datetime | None) -> str:
    """A run's time: ``2026-11-22 14:05`` UTC."""
    return timestamp.strftime("%Y-%m-%d %H:%M UTC") if timestamp else "unknown"
