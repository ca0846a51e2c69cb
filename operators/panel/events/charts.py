"""Events of the charts."""

import fiftyone.operators as foo

from ..run import PanelRun
from ..showing import change_state, show_clicked, with_run


class ChartEvents:
    """Choose a chart, and show what is clicked on it."""

    def on_chart(self, ctx: foo.ExecutionContext) -> None:
        """Draw a chart."""
        change_state(ctx, chart=ctx.params["chart"])

    @with_run
    def on_chart_click(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the members that a bar or square stands for."""
        show_clicked(ctx, run, ctx.params["relative_path"].removeprefix("chart_"))
