"""The ``list_encoders`` operator: the encoders that were trained here, with the curve of one of them."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.encoders import list_encoders
from .inputs.pickers import add_trained, chosen_name
from .outputs.training import training_output, training_results


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
            label="Clusters: list encoders",
            description="The encoders trained here, how well they learned, and where they are kept",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: the encoder whose curve is shown."""
        inputs = types.Object()
        add_trained(ctx, inputs)
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
