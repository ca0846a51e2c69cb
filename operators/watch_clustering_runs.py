"""The ``watch_clustering_runs`` operator: an open Clusters panel asks it whether there are other runs by now."""

import fiftyone.operators as foo

from .panel.opening import PANEL
from .panel.watching import missed


class WatchClusteringRuns(foo.Operator):
    """Tell the panel that asks if runs, jobs or the view are others than it knows; it is drawn again only then."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Hidden from the operator browser: only the panel calls it."""
        return foo.OperatorConfig(name="watch_clustering_runs", label="Watch runs", unlisted=True, risk_level="low")

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Compare what is there with what the panel knows."""
        if ctx.dataset is not None and (event := missed(ctx)):
            told = {name: ctx.params.get(name) for name in ("panel_id", "panel_state", "drawn", "window")}
            ctx.trigger(f"@constellation/clusters/{PANEL}", params={**told, "__method__": event})
