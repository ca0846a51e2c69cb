"""The ``choose_on_map`` operator: the map of an open Clusters panel tells it what a lasso is around."""

import fiftyone.operators as foo

from .panel.mapping import tell_choice


class ChooseOnMap(foo.Operator):
    """Tell the panel what was chosen; it is drawn again only if that is something else than before."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Hidden from the operator browser: only the panel calls it."""
        return foo.OperatorConfig(name="choose_on_map", label="Choose on the map", unlisted=True, risk_level="low")

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Pass on what is around, unless it is nothing."""
        tell_choice(ctx)
