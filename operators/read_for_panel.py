"""The ``read_for_panel`` operator: widgets of an open Clusters panel ask it for what they draw."""

import fiftyone.operators as foo

from .panel.served import answer


class ReadForPanel(foo.Operator):
    """Answer a widget; the panel is not drawn again."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Hidden from the operator browser: only the panel calls it."""
        return foo.OperatorConfig(name="read_for_panel", label="Read for the panel", unlisted=True, risk_level="low")

    def execute(self, ctx: foo.ExecutionContext) -> dict:
        """Answer what is asked."""
        return answer(ctx)
