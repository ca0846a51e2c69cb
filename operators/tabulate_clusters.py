"""The ``tabulate_clusters`` operator: clusters against splits, tags or any label field."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .dataset.ground_truth import truth_fields
from .evaluation.crosstab import TAGS, tabulate_clusters
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import add_choice
from .outputs.crosstab import table_text


class TabulateClusters(PythonCall, foo.Operator):
    """Count clusters by split; see :func:`operators.evaluation.crosstab.tabulate_clusters`."""

    work = staticmethod(tabulate_clusters)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="tabulate_clusters",
            label="Clusters: tabulate clusters",
            description="Clusters against train, val and test, tags or classes: which group is in one split only",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, and what to group by."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            add_samples(ctx, inputs, "Count")
            fields = truth_fields(run.target)
            options = {TAGS: "Tags, such as train and test", **{name: f"Field {name}" for name in fields}}
            add_choice(inputs, "group_by", options, TAGS, "Group by")
        return types.Property(inputs, view=types.View(label="Tabulate clusters"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Count."""
        key = chosen_run(ctx)
        done = tabulate_clusters(run_samples(ctx, key), key, ctx.params.get("group_by") or TAGS)
        return {"text": table_text(done)}

    def resolve_output(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the table."""
        outputs = types.Object()
        outputs.str("text", view=types.MarkdownView())
        return types.Property(outputs, view=types.View(label="Clusters and splits"))
