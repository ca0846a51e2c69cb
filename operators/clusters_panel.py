"""The Clusters panel: the clusters of a run as cards and charts beside the grid, to see, judge and edit."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.base import list_edits
from .evaluation.views import borderline_view
from .inputs.target import NONE
from .panel.layout import add_panel
from .panel.menus import edit_form, renamed_to, run_form
from .panel.opening import PANEL, take_made_run
from .panel.run import PanelRun
from .panel.showing import (
    apply_step,
    change_state,
    draw,
    existing_run,
    follow_edit,
    measure_truth,
    open_run,
    prompt,
    show_all,
    show_clicked,
    show_cluster,
    show_matches,
    show_view,
    with_run,
)
from .panel.state import begin_ui_state
from .panel.toolbars import BORDERLINE, BORDERLINE_OF_ALL
from .panel.watching import add_watch, catch_up
from .panel.widgets import column


class ClustersPanel(foo.Panel):
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
            surfaces="grid",
        )

    def on_load(self, ctx: foo.ExecutionContext) -> None:
        """Show the run it was opened with, as it was before the page was loaded again, or the newest."""
        begin_ui_state(ctx, existing_run(ctx, take_made_run(ctx) or ctx.panel.get_state("run")))
        self.on_refresh(ctx)

    def on_run(self, ctx: foo.ExecutionContext) -> None:
        """Show the run that was picked."""
        open_run(ctx, ctx.params["value"])

    def on_refresh(self, ctx: foo.ExecutionContext) -> None:
        """Read the run again; another process may have changed it."""
        open_run(ctx, ctx.panel.get_state("run"), keep=True)

    def on_behind(self, ctx: foo.ExecutionContext) -> None:
        """Draw what is there now, for runs were made or deleted or the user has another view."""
        catch_up(ctx)

    def on_tab(self, ctx: foo.ExecutionContext) -> None:
        """Open a tab."""
        change_state(ctx, tab=ctx.params["tab"])

    def on_search(self, ctx: foo.ExecutionContext) -> None:
        """List the clusters whose names match the search."""
        change_state(ctx, search=ctx.params["value"], page=0)

    def on_sort(self, ctx: foo.ExecutionContext) -> None:
        """Sort the cards."""
        change_state(ctx, sort=ctx.params["value"], page=0)

    @with_run
    def on_page_back(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Turn one page back."""
        change_state(ctx, page=run.page - 1)

    @with_run
    def on_page_on(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Turn one page on."""
        change_state(ctx, page=run.page + 1)

    @with_run
    def on_truth(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Compare with the classes of a field."""
        field = ctx.params["value"]
        if field == (run.ui.get("truth") or NONE):
            return
        change_state(ctx, truth=None if field == NONE else field)
        measure_truth(ctx)

    @with_run
    def on_card(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the members of a card in the grid."""
        show_cluster(ctx, run, ctx.params["cluster"])

    @with_run
    def on_back(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the cluster before the one that is shown."""
        show_cluster(ctx, run, run.beside(-1))

    @with_run
    def on_next(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the cluster after the one that is shown."""
        show_cluster(ctx, run, run.beside(1))

    @with_run
    def on_order(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Sort the members in the grid."""
        if run.shown in run.cards and ctx.params["value"] != (run.ui.get("order") or "confidence"):
            show_cluster(ctx, run, run.shown, ctx.params["value"])

    @with_run
    def on_borderline(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the borderline members of all clusters."""
        ui = {"caption": BORDERLINE_OF_ALL, "order": BORDERLINE}
        show_view(ctx, run, lambda shown: borderline_view(run.run, shown), **ui)
        draw(ctx, cards=False)

    @with_run
    def on_pair(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show two clusters together, to judge which of them a borderline member belongs to."""
        names = " and ".join(run.names[cluster] for cluster in ctx.params["clusters"])
        show_matches(ctx, run, {"cluster": {"$in": ctx.params["clusters"]}}, caption=names)

    def on_all(self, ctx: foo.ExecutionContext) -> None:
        """Show everything that the user's own view has."""
        show_all(ctx)

    def on_chart(self, ctx: foo.ExecutionContext) -> None:
        """Draw a chart."""
        change_state(ctx, chart=ctx.params["chart"])

    @with_run
    def on_chart_click(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the members that a bar or square stands for."""
        show_clicked(ctx, run, ctx.params["relative_path"].removeprefix("chart_"))

    @with_run
    def on_menu(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form of an edit, or sort the members, as chosen from the menu of a card."""
        action, key, version = ctx.params["value"].split(":")
        cluster = int(key)
        if cluster not in run.cards:
            return
        if action in list_edits():
            prompt(ctx, "edit_clusters", edit_form(action, run, cluster, int(version)), self.on_done)
        else:
            show_cluster(ctx, run, cluster, action)

    @with_run
    def on_run_menu(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form that was chosen from the menu of the run."""
        prompt(ctx, ctx.params["value"], run_form(ctx.params["value"], run), self.on_done)

    def on_undo(self, ctx: foo.ExecutionContext) -> None:
        """Undo the last edit."""
        done = apply_step(ctx, "undo")
        self.on_refresh(ctx)  # also if it was refused, for another user has edited the run then
        follow_edit(ctx, done)

    def on_redo(self, ctx: foo.ExecutionContext) -> None:
        """Redo what was undone."""
        done = apply_step(ctx, "redo")
        self.on_refresh(ctx)
        follow_edit(ctx, done)

    def on_done(self, ctx: foo.ExecutionContext) -> None:
        """Show what a form that was opened here has done."""
        ctx.ops.reload_dataset()
        if renamed := renamed_to(ctx):
            ctx.panel.set_state("run", renamed)
        self.on_refresh(ctx)
        follow_edit(ctx, ctx.params.get("result") or {})

    @with_run
    def on_measure(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form that computes the statistics of a large run: it shows progress and can be scheduled."""
        prompt(ctx, "evaluate_clusters", run_form("evaluate_clusters", run), self.on_done)

    def on_start(self, ctx: foo.ExecutionContext) -> None:
        """Open the form of a new run."""
        prompt(ctx, "compute_clusters", {}, self.on_done)

    def render(self, ctx: foo.ExecutionContext) -> types.Property:
        """Draw the toolbars, then the open tab."""
        panel = types.Object()
        add_panel(panel, PanelRun.of(ctx), self)
        add_watch(panel)
        # A layer of its own: else the browser sorts its widgets among the grid's whenever an image appears there
        layer = {"willChange": "transform"}
        return types.Property(panel, view=column(1.25, p=1.5, boxSizing="border-box", **layer))
