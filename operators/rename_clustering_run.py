"""The ``rename_clustering_run`` operator."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from . import runs
from .execution import PythonCall
from .forms import refuse
from .locks import writing
from .run_choice import add_run


def rename_clustering_run(samples, run_key: str, new_run_key: str) -> dict:
    """Renames a run; its label field moves along if it had the key's name.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        new_run_key: a free key

    Returns:
        ``{"run_key", "cluster_field"}`` as they are now

    Raises:
        ValueError: in one sentence, if a key is refused; nothing is changed then
    """
    dataset = samples._root_dataset
    with writing(dataset, f"run key {run_key!r}", f"run key {new_run_key!r}"):
        return runs.rename_run(dataset, run_key, new_run_key)


class RenameClusteringRun(PythonCall, foo.Operator):
    """Renames a run; see :func:`rename_clustering_run`."""

    work = staticmethod(rename_clustering_run)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="rename_clustering_run",
            label="Clusters: rename clustering run",
            description="Give a run, and the field that carries its name, a new name",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: which run and its new key, checked while typing."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            prop = inputs.str("new_run_key", required=True, label="New run key")
            if new := ctx.params.get("new_run_key"):
                try:
                    runs.check_run_key(ctx.dataset, new)
                except ValueError as error:
                    refuse(prop, str(error))
        return types.Property(inputs, view=types.View(label="Rename clustering run"))

    def execute(self, ctx):
        """Renames and shows the new name in the App."""
        key = ctx.params.get("run_key") or runs.list_clustering_runs(ctx.dataset)[-1]
        done = rename_clustering_run(ctx.dataset, key, ctx.params["new_run_key"])
        ctx.ops.reload_dataset()
        ctx.ops.notify(f"Run {key} is now {done['run_key']}", variant="success")
        return done
