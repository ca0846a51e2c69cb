"""The ``export_clusters`` operator: a run as a table, folders of images, contact sheets or a report."""

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .execution.worker import report_result
from .export.job import check_export, export_clusters
from .inputs.export import propose_path
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import add_choice, check
from .outputs.markdown import escape

FORMATS = {
    "html": "HTML report",
    "csv": "CSV table",
    "json": "JSON",
    "folders": "A folder per cluster",
    "contact_sheets": "A contact sheet (PNG) per cluster",
}
HINTS = {
    "html": "One file with the map, names and thumbnails inside; opens anywhere, without a network",
    "csv": "A row per image or patch",
    "json": "The run, its clusters and a record per image or patch",
    "folders": "Copies of the images; patches are cropped",
    "contact_sheets": "Prototypes first, then members from the most to the least confident",
}


class ExportClusters(PythonCall, foo.Operator):
    """Export a run; see :func:`operators.export.job.export_clusters`."""

    work = staticmethod(export_clusters)
    check = staticmethod(check_export)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="export_clusters",
            label="Clusters: export clusters",
            description="A run as a report, a table, folders of images or contact sheets",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: run, format and path, which is checked while typing."""
        inputs = types.Object()
        if run := add_run(ctx, inputs):
            add_samples(ctx, inputs, "Export")
            format = ctx.params.get("format") or "html"
            add_choice(inputs, "format", FORMATS, "html", "Format", HINTS.get(format), HINTS)
            prop = inputs.str(
                "path",
                required=False,
                default=propose_path(run.key, format),
                label="Output path",
                description="A file or folder on the machine that serves the App",
            )
            text = "Replaces what an earlier export wrote there; other files stay"
            inputs.bool("overwrite", required=False, default=False, label="Overwrite", description=text)
            path = ctx.params.get("path") or propose_path(run.key, format)
            check(prop, check_export, ctx.dataset, run.key, path, format, bool(ctx.params.get("overwrite")))
        return types.Property(inputs, view=types.View(label="Export clusters"))

    def execute(self, ctx: foo.ExecutionContext) -> Iterator[Any]:
        """Write with live progress, then name the path."""
        try:
            key, format = chosen_run(ctx), ctx.params.get("format") or "html"
            path = ctx.params.get("path") or propose_path(key, format)
            samples, overwrite = run_samples(ctx, key), bool(ctx.params.get("overwrite"))
            done = yield from stream(
                ctx, lambda progress: export_clusters(samples, key, path, format, overwrite, progress=progress)
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        text = f"{done['n_clusters']} clusters of run {key} are in {done['path']}"
        skipped = ", ".join(f"{count:,} {reason}" for reason, count in done["skipped"].items())
        text += f"; skipped: {skipped}" if skipped else ""
        if ctx.delegated:
            ctx.set_progress(progress=1, label=text)
            report_result(escape(text))
            return
        yield show(ctx, f"Export of {key}", escape(text))
        yield ctx.ops.notify(text, variant="success")
