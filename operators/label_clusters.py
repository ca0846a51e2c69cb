"""The ``label_clusters`` operator: names for the clusters of a run, from a vision LLM or without any network."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.app import failed, stream
from .execution.python_call import PythonCall
from .inputs.naming import add_naming, naming_arguments
from .naming.job import check_naming, label_clusters, name_clusters
from .naming.server import read_secrets
from .outputs.naming import show_naming


class LabelClusters(PythonCall, foo.Operator):
    """Names clusters; see :func:`operators.naming.label_clusters`."""

    work = staticmethod(label_clusters)
    check = staticmethod(check_naming)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="label_clusters",
            label="Clusters: label clusters",
            description="Name each cluster after what its images show; sends nothing before you agree",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="high",
        )

    def resolve_input(self, ctx):
        """The form: which run, who names it, what is sent where, and what that costs."""
        inputs = types.Object()
        add_naming(ctx, inputs)
        return types.Property(inputs, view=types.View(label="Label clusters"))

    def execute(self, ctx):
        """Names with live progress, then shows the names."""
        try:
            given = naming_arguments(ctx)
            secrets = read_secrets(ctx)
            summary = yield from stream(ctx, lambda progress: name_clusters(ctx.dataset, given, secrets, progress))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if not ctx.delegated:
            if not summary.get("dry_run"):
                yield ctx.ops.reload_dataset()
                yield ctx.ops.reload_samples()
            yield show_naming(ctx, summary)
