"""The ``export_encoder`` operator: a trained encoder as one file."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.encoders import export_encoder
from .inputs.pickers import add_trained, chosen_name
from .inputs.widgets import refuse


class ExportEncoder(foo.Operator):
    """Exports a trained encoder; see :func:`export_encoder`."""

    def __call__(self, name: str, path: str) -> dict:
        """See :func:`export_encoder`."""
        return export_encoder(name, path)

    @property
    def config(self) -> foo.OperatorConfig:
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="export_encoder",
            label="Clusters: export encoder",
            description="Save an encoder trained here as one file, to import it elsewhere",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """The form: which one, and where to."""
        inputs = types.Object()
        add_trained(ctx, inputs)
        explorer = types.FileExplorerView(choose_dir=True, button_label="Choose a folder", choose_button_label="Choose")
        label, where = "Folder", "On the machine that serves the App"
        prop = inputs.file("folder", required=True, label=label, description=where, view=explorer)
        if not (ctx.params.get("folder") or {}).get("absolute_path"):
            refuse(prop, "choose a folder")
        return types.Property(inputs, view=types.View(label="Export encoder"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Writes the file."""
        path = ctx.params.get("path") or ctx.params["folder"]["absolute_path"]
        done = export_encoder(chosen_name(ctx) or "", path)
        ctx.ops.notify(f"Exported to {done['path']}", variant="success")
        return done
