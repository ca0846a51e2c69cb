"""The ``delete_clustering_run`` operator."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.locks import turn, writing
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .runs.lifecycle import delete_run
from .runs.maps import clean_maps, touch_maps
from .runs.store import get_config


def delete_clustering_run(samples, run_key: str) -> dict:
    """Deletes a run, its label field, and its 2-D map if no other run uses it; vectors stay.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        ``{"run_key", "deleted_field", "deleted_map"}``, None where there was nothing to delete

    Raises:
        ValueError: in one sentence, if there is no such run; nothing is changed then
    """
    dataset = samples._root_dataset
    dataset.reload()
    visualization = get_config(dataset, run_key).visualization
    path = get_config(dataset, run_key).label_path
    with writing(dataset, f"run key {run_key!r}", f"field {path!r}"), turn(dataset):
        done = delete_run(dataset, run_key)
        deleted = clean_maps(dataset, except_key=run_key)
        touch_maps(dataset)  # the next run of this name has other clusters
    return {**done, "deleted_map": visualization if visualization in deleted else None}


class DeleteClusteringRun(PythonCall, foo.Operator):
    """Deletes a run; see :func:`delete_clustering_run`."""

    work = staticmethod(delete_clustering_run)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="delete_clustering_run",
            label="Clusters: delete clustering run",
            description="Delete a run with its label field and its map; vectors stay",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="high",
        )

    def resolve_input(self, ctx):
        """The form: which run, and what goes with it."""
        inputs = types.Object()
        key = add_run(ctx, inputs)
        if key:
            field = get_config(ctx.dataset, key).cluster_field
            text = f"Deletes run {key!r} with its label field {field!r}"
            inputs.view("what", types.Warning(label=text, description="The vectors stay. This cannot be undone."))
        return types.Property(inputs, view=types.View(label="Delete clustering run"))

    def execute(self, ctx):
        """Deletes and refreshes the App."""
        key = chosen_run(ctx, required=True)
        done = delete_clustering_run(ctx.dataset, key)
        ctx.ops.reload_dataset()
        ctx.ops.notify(f"Run {key} is deleted", variant="success")
        return done
