"""Form of ``assign_clusters``, and its values as arguments."""

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..runs.store import list_clustering_runs
from .pickers import add_run
from .widgets import add_choice

HERE = "here"
PASSED = ("min_confidence", "overwrite", "cluster_field", "batch_size", "num_workers", "author")


def add_run_anywhere(ctx: foo.ExecutionContext, inputs: types.Object) -> bool:
    """Add the choice of a dataset that has runs, and of a run."""
    others = [info["name"] for info in _with_runs() if info["name"] != ctx.dataset.name]
    if others:
        options = {HERE: "This dataset", **{f"in {name}": name for name in others}}
        add_choice(inputs, "run_dataset", options, HERE, "Dataset of the run")
    run_dataset = chosen_dataset(ctx)
    if run_dataset is ctx.dataset:
        return add_run(ctx, inputs) is not None
    keys = list_clustering_runs(run_dataset)
    add_choice(inputs, "run_key", {key: key for key in reversed(keys)}, keys[-1], "Run")
    return True


def _with_runs() -> list[dict]:
    """Find the datasets that have runs by one query; whether those are clusterings is seen when one is chosen."""
    from fiftyone.core.odm import get_db_conn

    return list(get_db_conn().datasets.find({"runs": {"$exists": True, "$ne": {}}}, {"name": 1}).sort("name"))


def chosen_dataset(ctx: foo.ExecutionContext) -> fo.Dataset:
    """Return the dataset that has the run, the open one by default."""
    chosen = (ctx.params.get("run_dataset") or HERE).removeprefix("in ")
    if chosen in (HERE, ctx.dataset.name) or not fo.dataset_exists(chosen):
        return ctx.dataset
    run_dataset = fo.load_dataset(chosen)
    return run_dataset if list_clustering_runs(run_dataset) else ctx.dataset


def picked_run(ctx: foo.ExecutionContext, run_dataset: fo.Dataset) -> str:
    """Return the key of the run that was picked, by default the newest of ``run_dataset``.

    Raises:
        ValueError: if there is no such run
    """
    keys = list_clustering_runs(run_dataset)
    key = ctx.params.get("run_key")
    if key in keys:
        return key
    if not keys or key:
        raise ValueError(f"dataset {run_dataset.name!r} has no run {key!r}; its runs are {', '.join(keys) or 'none'}")
    return keys[-1]
