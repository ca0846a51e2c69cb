"""The ``import_encoder`` operator: an exported encoder into the model store."""

from pathlib import Path

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.encoders import import_encoder
from .execution.refusals import refuses_readably
from .inputs.encoders import archive_path
from .inputs.widgets import refuse


class ImportEncoder(foo.Operator):
    """Import an encoder; see :func:`operators.embedding.encoders.import_encoder`."""

    @refuses_readably
    def __call__(self, path: str, name: str | None = None) -> dict:
        """Import the encoder in a file."""
        return import_encoder(path, name)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="import_encoder",
            label="Clusters: import encoder",
            description="Add an encoder from a file made by export encoder",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: file and name."""
        from ..models.training import store
        from ..models.training.checkpoint import read_record

        inputs = types.Object()
        explorer = types.FileExplorerView(button_label="Choose a file", choose_button_label="Choose")
        label, where = "File", "On the machine that serves the App, ending in .safetensors"
        prop = inputs.file("file", required=True, label=label, description=where, view=explorer)
        path, name = archive_path(ctx), ctx.params.get("name")
        try:
            name = name or (read_record(Path(path)).get("name") if path else None)
        except ValueError as error:
            refuse(prop, str(error))
        if not path:
            refuse(prop, "choose a file")
        prop = inputs.str("name", required=False, default=name, label="Name", description="Its name here")
        try:
            if name:
                store.check_free(name)
        except ValueError as error:
            refuse(prop, str(error))
        return types.Property(inputs, view=types.View(label="Import encoder"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Read the file."""
        done = import_encoder(archive_path(ctx) or "", ctx.params.get("name") or None)
        ctx.ops.notify(f"Imported as trained:{done['name']}", variant="success")
        return done
