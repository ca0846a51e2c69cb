"""The Clusters panel: the clusters of a run as cards and charts beside the grid, to see, judge and edit."""

from dataclasses import replace

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .panel.events.alike import AlikeEvents
from .panel.events.cards import CardEvents
from .panel.events.charts import ChartEvents
from .panel.events.compare import CompareEvents
from .panel.events.groups import GroupEvents
from .panel.events.map import MapEvents
from .panel.events.review import ReviewEvents
from .panel.events.tabs import TabEvents
from .panel.events.ticks import TickEvents
from .panel.jobs import JobEvents, add_jobs
from .panel.layout import add_panel
from .panel.opening import PANEL, show_labels, take_made_run
from .panel.run import PanelRun
from .panel.served import first_answers
from .panel.showing import existing_run, open_run
from .panel.state import begin_ui_state, read_ui_state, window_of
from .panel.watching import add_watch, catch_up, see_jobs
from .panel.widgets import column
from .panel.windows import Stamped
from .runs.store import list_clustering_runs


class ClustersPanel(
    AlikeEvents,
    CardEvents,
    ChartEvents,
    CompareEvents,
    GroupEvents,
    JobEvents,
    MapEvents,
    ReviewEvents,
    TabEvents,
    TickEvents,
    foo.Panel,
):
    """Panel with the clusters of a run, one card each, and their charts; clicks change the grid."""

    @property
    def config(self) -> foo.PanelConfig:
        """Name and place of the panel in the App."""
        return foo.PanelConfig(
            name=PANEL,
            label="Clusters",
            icon="bubble_chart",  # the App draws no file of ours here
            help_markdown="See, judge and edit the clusters of a run",
            category=foo.Categories.ANALYZE,
            surfaces="grid modal",
        )

    def on_load(self, ctx: foo.ExecutionContext) -> None:
        """Show the run it was opened with, as it was before the page was loaded again, or the newest.

        Beside a sample that was opened, it begins with the review: the grid's cards and map are behind it.
        """
        is_new = not read_ui_state(ctx)
        begin_ui_state(ctx, existing_run(ctx, take_made_run(ctx) or ctx.panel.get_state("run")))
        self.on_refresh(ctx)
        if is_new and ctx.current_sample:
            ctx.params["tab"] = "review"
            self.on_tab(ctx)
        if ctx.dataset is not None:
            see_jobs(ctx)

    def on_run(self, ctx: foo.ExecutionContext) -> None:
        """Show the run that was picked."""
        if ctx.params["value"] in list_clustering_runs(ctx.dataset):
            list(show_labels(ctx, ctx.params["value"]))
        open_run(ctx, ctx.params["value"])

    def on_behind(self, ctx: foo.ExecutionContext) -> None:
        """Draw what is there now, for runs were made or deleted or the user has another view."""
        catch_up(ctx)

    def render(self, ctx: foo.ExecutionContext) -> types.Property:
        """Draw the toolbars, then the open tab."""
        panel = types.Object()
        if ctx.dataset is not None:
            add_jobs(panel, ctx.dataset, read_ui_state(ctx).get("job"), self)
        run = PanelRun.of(ctx)
        if run and ctx.params.get("__method__") == "on_load":
            run = replace(run, given=first_answers(ctx, run))
        add_panel(panel, run, self)
        add_watch(panel, run)
        # A layer of its own: else the browser sorts its widgets among the grid's whenever an image appears there
        layer = {"willChange": "transform"}
        view = column(1.25, p=1.5, boxSizing="border-box", **layer)
        return Stamped(panel, run, window_of(ctx), view)
