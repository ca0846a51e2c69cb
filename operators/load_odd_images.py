"""The ``load_odd_images`` operator: what a vision model found out of place in its cluster."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .naming.store import read_names
from .runs.members import read_members
from .runs.store import get_config


def load_odd_images(samples, run_key: str, cluster: int | None = None):
    """The images that ``label_clusters`` was told do not belong to their cluster.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        cluster (None): the id of one cluster, by default of all

    Returns:
        a :class:`fiftyone.core.view.DatasetView`, of patches if the run is of patches

    Raises:
        ValueError: in one sentence, if there is no such run, or nothing odd is known of it
    """
    dataset = samples._root_dataset
    dataset.reload()
    get_config(dataset, run_key)
    names = read_names(dataset, run_key)
    chosen = names if cluster is None else {cluster: names.get(cluster, {})}
    ids = [row_id for about in chosen.values() for row_id in about.get("odd") or []]
    if not ids:
        where = f"run {run_key!r}" if cluster is None else f"cluster {cluster} of run {run_key!r}"
        raise ValueError(f"no odd images are known of {where}; a vision model finds them in label_clusters")
    return read_members(dataset, run_key).view(list(dict.fromkeys(ids)))


class LoadOddImages(PythonCall, foo.Operator):
    """Shows odd images; see :func:`load_odd_images`."""

    work = staticmethod(load_odd_images)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="load_odd_images",
            label="Clusters: load odd images",
            description="Show the images that a vision model found out of place in their cluster",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which run and, if not all, which cluster."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            why = "Id of one cluster; empty: all of them"
            inputs.int("cluster", min=0, required=False, label="Cluster", description=why)
        return types.Property(inputs, view=types.View(label="Load odd images"))

    def execute(self, ctx):
        """Sets the App's view."""
        ctx.ops.set_view(view=load_odd_images(ctx.dataset, chosen_run(ctx), ctx.params.get("cluster")))
