"""The ``stop_clustering`` operator: stops what runs on a dataset, in whichever process."""

import time

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .execution.stopping import request_stop, running
from .inputs.widgets import add_choice

ALL = "all of them"


def stop_clustering(samples, job: str | None = None) -> dict:
    """Asks running work on a dataset to stop: immediate, delegated, or in another Python process.

    A job ends at its next batch, within seconds. What it finished is kept: embeddings, and the last epoch of a
    training, which ``resume=True`` continues.

    Args:
        samples: the dataset, or a view into it
        job (None): the id of one job, by default all

    Returns:
        ``{"stopped": [{"id", "what", "started", "host", "pid"}, ...]}``

    Raises:
        ValueError: in one sentence, if there is no such job
    """
    return {"stopped": request_stop(samples, job)}


class StopClustering(PythonCall, foo.Operator):
    """Stops running work; see :func:`stop_clustering`."""

    work = staticmethod(stop_clustering)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="stop_clustering",
            label="Clusters: stop",
            description="Stop running work on this dataset; finished epochs and vectors are kept",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which job."""
        inputs = types.Object()
        view = types.View(label="Stop")
        jobs = running(ctx.dataset)
        if not jobs:
            prop = inputs.str("problem", required=False, view=types.Notice(label="Nothing is running on this dataset"))
            prop.invalid = True
            return types.Property(inputs, view=view)
        options = {ALL: f"All {len(jobs)} jobs"} if len(jobs) > 1 else {}
        options |= {entry["id"]: describe(entry) for entry in jobs}
        add_choice(inputs, "job", options, next(iter(options)), "Job")
        return types.Property(inputs, view=view)

    def execute(self, ctx):
        """Sets the flag and says which jobs will see it."""
        chosen = ctx.params.get("job")
        done = stop_clustering(ctx.dataset, None if chosen == ALL else chosen)
        names = ", ".join(entry["what"] for entry in done["stopped"]) or "nothing, for nothing is running"
        ctx.ops.notify(f"Stopping {names}", variant="info")
        return done


def describe(entry: dict) -> str:
    """A job for people: ``train_encoder wafers, since 14:05, process 4711 on host``."""
    since = time.strftime("%H:%M", time.localtime(entry["started"]))
    return f"{entry['what']}, since {since}, process {entry['pid']} on {entry['host']}"
