"""The ``show_cluster_colors`` operator: the Clusters panel has the App show the colors of a run's clusters."""

import fiftyone.core.utils as fou
import fiftyone.operators as foo
from fiftyone.core.session.events import SetColorScheme
from fiftyone.server.events import dispatch_event, get_state

from .dataset.color_scheme import session_scheme
from .runs.colors import show_colors
from .runs.run import Run


class ShowClusterColors(foo.Operator):
    """Color the labels of a run in the grid and in the Embeddings panel as on its cards."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Hidden from the operator browser: only the panel calls it."""
        return foo.OperatorConfig(
            name="show_cluster_colors", label="Show the colors of clusters", unlisted=True, risk_level="low"
        )

    async def execute(self, ctx: foo.ExecutionContext) -> None:
        """Write the colors to the dataset, and to the session of the App, which reads the dataset's only once."""
        scheme = await fou.run_sync_task(self._colored, ctx)
        if scheme is not None:
            await dispatch_event(None, SetColorScheme.from_odm(scheme))

    def _colored(self, ctx: foo.ExecutionContext) -> object:
        try:
            show_colors(Run.open(ctx.dataset, ctx.params["run_key"]))
        except ValueError:  # it was deleted meanwhile
            return None
        state = get_state()
        shown = state.dataset is not None and state.dataset.name == ctx.dataset.name
        return session_scheme(ctx.dataset, state.color_scheme) if shown else None
