"""The ``load_clustering_view`` operator: the samples or patches that a run clustered."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from . import runs
from .execution import PythonCall
from .run_choice import add_run, chosen_run


def load_clustering_view(samples, run_key: str):
    """The view that a run was computed on.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        a :class:`fiftyone.core.view.DatasetView`

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    dataset = samples._root_dataset
    runs.get_config(dataset, run_key)
    return dataset.load_run_view(run_key)


class LoadClusteringView(PythonCall, foo.Operator):
    """Shows the samples of a run; see :func:`load_clustering_view`."""

    work = staticmethod(load_clustering_view)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="load_clustering_view",
            label="Clusters: load clustering view",
            description="Show the samples that a run clustered",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which run."""
        inputs = types.Object()
        add_run(ctx, inputs)
        return types.Property(inputs, view=types.View(label="Load clustering view"))

    def execute(self, ctx):
        """Sets the App's view."""
        key = chosen_run(ctx)
        ctx.ops.set_view(view=load_clustering_view(ctx.dataset, key))
