"""The ``delete_encoder`` operator."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .embedding.encoders import delete_encoder
from .execution.refusals import refuses_readably
from .inputs.pickers import add_trained


class DeleteEncoder(foo.Operator):
    """Delete a trained encoder; see :func:`operators.embedding.encoders.delete_encoder`."""

    @refuses_readably
    def __call__(self, name: str) -> dict:
        """Delete the encoder of that name."""
        return delete_encoder(name)

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="delete_encoder",
            label="Clusters: delete encoder",
            description="Delete an encoder trained here; vectors that it made stay",
            icon="/assets/icon.svg",
            dynamic=True,
            unlisted=True,
            risk_level="high",
        )

    def resolve_input(self, ctx: foo.ExecutionContext) -> types.Property:
        """Return the form: the encoder."""
        inputs = types.Object()
        if name := add_trained(ctx, inputs, preselect=False):
            label = f"Deletes {name!r} for all datasets"
            inputs.view("what", types.Warning(label=label, description="Vectors stay. This cannot be undone."))
        return types.Property(inputs, view=types.View(label="Delete encoder"))

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Delete it."""
        done = delete_encoder(ctx.params["name"])
        ctx.ops.notify(f"Encoder {done['name']} is deleted", variant="success")
        return done
