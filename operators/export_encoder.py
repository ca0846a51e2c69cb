"""The ``export_encoder`` operator: a trained encoder as one file."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.encoders import export_encoder
from .execution.refusals import refuses_readably
from .inputs.pickers import add_trained, chosen_name
from .inputs.widgets import refuse


class ExportEncoder(foo.Operator):
    """Export a trained encoder; see :func:`operators.embedding.encoders.export_encoder`."""

    @refuses_readably
    def __call__(self, name: str, path: str) -> dict:
        """Export the encoder of that name."""
        return export_encoder(name, path)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="export_encoder",
            label="Clusters: export encoder",
            description="Save an encoder trained here as one file, to import it elsewhere",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: encoder and folder."""
        inputs = types.Object()
        add_trained(ctx, inputs)
        explorer = types.FileExplorerView(choose_dir=True, button_label="Choose a folder", choose_button_label="Choose")
        label, where = "Folder", "On the machine that serves the App"
        prop = inputs.file("folder", required=True, label=label, description=where, view=explorer)
        if not (ctx.params.get("folder") or {}).get("absolute_path"):
            refuse(prop, "choose a folder")
        return types.Property(inputs, view=types.View(label="Export encoder"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Write the file."""
        path = ctx.params.get("path") or ctx.params["folder"]["absolute_path"]
        done = export_encoder(chosen_name(ctx) or "", path)
        ctx.ops.notify(f"Exported to {done['path']}", variant="success")
        return done
