"""The ``stop_clustering`` operator: stops the jobs on a dataset, in any process."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .execution.stopping import describe, running, stop_clustering
from .inputs.widgets import add_choice

ALL = "all of them"


class StopClustering(PythonCall, foo.Operator):
    """Stop running work; see :func:`operators.execution.stopping.stop_clustering`."""

    work = staticmethod(stop_clustering)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="stop_clustering",
            label="Clusters: stop",
            description="Stop running work on this dataset; finished epochs and vectors are kept",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: the job."""
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

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Set the flag of the chosen jobs."""
        chosen = ctx.params.get("job")
        done = stop_clustering(ctx.dataset, None if chosen == ALL else chosen)
        names = ", ".join(entry["what"] for entry in done["stopped"]) or "nothing, for nothing is running"
        ctx.ops.notify(f"Stopping {names}", variant="info")
        return done
