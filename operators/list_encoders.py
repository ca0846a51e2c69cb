"""The ``list_encoders`` operator: the encoders that were trained here, with the curve of one of them."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.encoders import list_encoders
from .inputs.pickers import add_trained, chosen_name
from .inputs.widgets import add_form_button
from .outputs.training import training_output, training_results

IMPORT = "import_encoder"
ACTIONS = {IMPORT: "Import…", "export_encoder": "Export…", "delete_encoder": "Delete…"}


class ListEncoders(foo.Operator):
    """List trained encoders; see :func:`operators.embedding.encoders.list_encoders`."""

    def __call__(self) -> list[dict]:
        """List the encoders."""
        return list_encoders()

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="list_encoders",
            label="Clusters: trained encoders",
            description="Curves of the encoders trained here, and where they are kept; import, export and delete them",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: the encoder whose curve is shown, and the forms that move and delete encoders."""
        inputs = types.Object()
        chosen = add_trained(ctx, inputs)
        known = {"name": chosen} if chosen else {}
        buttons = inputs.h_stack("buttons", gap=2)
        for name, label in ACTIONS.items():
            if known or name == IMPORT:
                add_form_button(buttons, name, label, {} if name == IMPORT else known)
        return types.Property(inputs, view=types.View(label="Trained encoders"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Read the store."""
        found = list_encoders()
        chosen = next((entry for entry in found if entry["name"] == chosen_name(ctx)), None)
        if chosen is None or "problem" in chosen:
            return {"encoders": found, "text": chosen["problem"] if chosen else "No encoder has been trained here yet"}
        return {"encoders": found, "chosen": chosen, **training_results(chosen)}

    def resolve_output(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return text and curve of the chosen one, then a table of all."""
        results = ctx.results or {}
        if not results.get("chosen"):
            outputs = types.Object()
            outputs.str("text", view=types.MarkdownView())
            return types.Property(outputs, view=types.View(label="Trained encoders"))
        form = training_output(results["chosen"])
        row, table = types.Object(), types.TableView()
        for key, label in (("name", "Name"), ("kind", "Kind"), ("epochs", "Epochs"), ("dimension", "Dimensions")):
            row.str(key, label=label)
            table.add_column(key, label=label)
        form.type.list("encoders", row, view=table, label="All trained encoders")
        return form
