"""The ``get_clustering_run_info`` operator: a run, readable and as JSON."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.python_call import PythonCall
from .inputs.pickers import add_run, chosen_run
from .outputs.run_info import cluster_rows, edits_text, info_text
from .runs.info import get_clustering_run_info


class GetClusteringRunInfo(PythonCall, foo.Operator):
    """Show a run; see :func:`operators.runs.info.get_clustering_run_info`."""

    work = staticmethod(get_clustering_run_info)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="get_clustering_run_info",
            label="Clusters: get clustering run info",
            description="What a run did, with its scores and clusters",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run."""
        inputs = types.Object()
        add_run(ctx, inputs)
        return types.Property(inputs, view=types.View(label="Clustering run info"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Read the run."""
        key = chosen_run(ctx)
        info = get_clustering_run_info(ctx.dataset, key)
        text = "\n".join([info_text(info), *edits_text(info["edits"])])
        return {"text": text, "clusters": cluster_rows(info["clusters"]), "json": info}

    def resolve_output(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return text, a table of the clusters, and everything as JSON."""
        outputs = types.Object()
        outputs.str("text", view=types.MarkdownView())
        row = types.Object()
        table = types.TableView()
        for key, label in (("label", "Cluster"), ("size", "Size"), ("share", "Share"), ("confidence", "Confidence")):
            row.str(key, label=label)
            table.add_column(key, label=label)
        outputs.list("clusters", row, view=table, label="Clusters")
        folded = {"jsonViewer": {"jsonViewerProps": {"collapsed": 1, "style": {"padding": "1rem"}}}}
        outputs.obj("json", label="Everything, as JSON", view=types.JSONView(componentsProps=folded))
        return types.Property(outputs, view=types.View(label="Clustering run"))
