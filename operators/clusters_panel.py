"""The Clusters panel: the clusters of a run as cards and charts beside the grid, to look at, doubt and change."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..models.labels import UNASSIGNED
from .editing.base import list_edits
from .evaluation.views import borderline_view, unassigned_view
from .inputs.target import NONE
from .panel.charts import TITLES, clicked
from .panel.layout import add_panel
from .panel.menus import edit_form, renamed_to, run_form
from .panel.opening import PANEL
from .panel.run import PanelRun
from .panel.showing import (
    apply_step,
    change_state,
    draw,
    existing_run,
    measure_truth,
    open_run,
    prompt,
    show_cluster,
    show_matches,
    show_view,
)
from .panel.state import begin_ui_state
from .panel.toolbars import BORDERLINE
from .panel.widgets import column


class ClustersPanel(foo.Panel):
    """Shows the clusters of a run, one card each, and their charts; clicks change the grid."""

    @property
    def config(self):
        """How the App offers this panel."""
        return foo.PanelConfig(
            name=PANEL,
            label="Clusters",
            icon="/assets/panel.svg",
            help_markdown="See, judge and edit the clusters of a run",
            category=foo.Categories.ANALYZE,
            surfaces="grid",
        )

    def on_load(self, ctx):
        """Shows the run it was opened with, as it was before the page was loaded again, or the newest."""
        begin_ui_state(ctx, existing_run(ctx, ctx.panel.get_state("run")))
        self.on_refresh(ctx)

    def on_run(self, ctx):
        """Another run was picked."""
        open_run(ctx, ctx.params["value"])

    def on_refresh(self, ctx):
        """Reads the run again; somebody else may have changed it."""
        open_run(ctx, ctx.panel.get_state("run"), keep=True)

    def on_tab(self, ctx):
        """Another tab."""
        change_state(ctx, tab=ctx.params["tab"])

    def on_search(self, ctx):
        """Words to find names by."""
        change_state(ctx, search=ctx.params["value"], page=0)

    def on_sort(self, ctx):
        """Another order of the cards."""
        change_state(ctx, sort=ctx.params["value"], page=0)

    def on_page_back(self, ctx):
        """One page back."""
        change_state(ctx, page=PanelRun.of(ctx).page - 1)

    def on_page_on(self, ctx):
        """One page on."""
        change_state(ctx, page=PanelRun.of(ctx).page + 1)

    def on_truth(self, ctx):
        """Another field of classes to compare with."""
        field = ctx.params["value"]
        if field == (PanelRun.of(ctx).ui.get("truth") or NONE):
            return
        change_state(ctx, truth=None if field == NONE else field)
        measure_truth(ctx)

    def on_card(self, ctx):
        """A card was clicked: the grid shows its members."""
        cluster = ctx.params["cluster"]
        if cluster == UNASSIGNED:
            run = PanelRun.of(ctx)
            show_view(ctx, run, lambda: unassigned_view(run.run), shown=UNASSIGNED)
        else:
            show_cluster(ctx, cluster)

    def on_back(self, ctx):
        """The cluster before the one that is shown."""
        show_cluster(ctx, PanelRun.of(ctx).beside(-1))

    def on_next(self, ctx):
        """The cluster after the one that is shown."""
        show_cluster(ctx, PanelRun.of(ctx).beside(1))

    def on_order(self, ctx):
        """Another order in the grid."""
        run = PanelRun.of(ctx)
        if run.shown in run.cards and ctx.params["value"] != (run.ui.get("order") or "confidence"):
            show_cluster(ctx, run.shown, ctx.params["value"])

    def on_borderline(self, ctx):
        """The least certain of all clusters."""
        run = PanelRun.of(ctx)
        part = "The least certain of all clusters"
        show_view(ctx, run, lambda: borderline_view(run.run, run.dataset), part=part, order=BORDERLINE)
        draw(ctx, cards=False)

    def on_pair(self, ctx):
        """Two clusters, to see whether somebody belongs to the one or the other."""
        run = PanelRun.of(ctx)
        names = " and ".join(run.names[cluster] for cluster in ctx.params["clusters"])
        show_matches(ctx, run, {"cluster": {"$in": ctx.params["clusters"]}}, part=names)

    def on_all(self, ctx):
        """The grid shows everything again."""
        ctx.ops.clear_view()
        change_state(ctx, shown=None, part=None, order=None)

    def on_chart(self, ctx):
        """Another chart."""
        change_state(ctx, chart=ctx.params["chart"])

    def on_chart_click(self, ctx):
        """A bar or square was clicked: the grid shows whom it stands for."""
        run, params = PanelRun.of(ctx), ctx.params
        name = params["relative_path"].removeprefix("chart_")
        wanted = clicked(name, run, params.get("x"), params.get("y"))
        if isinstance(wanted.get("cluster"), int) and len(wanted) == 1:
            show_cluster(ctx, wanted["cluster"])
        elif wanted:
            # the chart goes on to be that of the cluster whose bar was clicked
            stays = run.shown if wanted.get("cluster") == run.shown else None
            show_matches(ctx, run, wanted, part=f"A part of the chart “{TITLES[name]}”", shown=stays)

    def on_menu(self, ctx):
        """Something to do with a cluster."""
        action, cluster, version = ctx.params["value"].split(":")
        run, cluster = PanelRun.of(ctx), int(cluster)
        if cluster not in run.cards:
            return
        if action in list_edits():
            prompt(ctx, "edit_clusters", edit_form(action, run, cluster, int(version)), self.on_done)
        else:
            show_cluster(ctx, cluster, action)

    def on_run_menu(self, ctx):
        """Something to do with the run."""
        name = ctx.params["value"]
        prompt(ctx, name, run_form(name, PanelRun.of(ctx)), self.on_done)

    def on_undo(self, ctx):
        """Takes the last edit back."""
        apply_step(ctx, "undo")
        self.on_refresh(ctx)  # also if it was refused, for somebody else has edited the run then

    def on_redo(self, ctx):
        """Does again what was taken back."""
        apply_step(ctx, "redo")
        self.on_refresh(ctx)

    def on_done(self, ctx):
        """A form that was opened here has done its work."""
        ctx.ops.reload_dataset()
        if renamed := renamed_to(ctx):
            ctx.panel.set_state("run", renamed)
        self.on_refresh(ctx)

    def on_measure(self, ctx):
        """Figures of a large run: the form says what is going on and can be scheduled."""
        prompt(ctx, "evaluate_clusters", run_form("evaluate_clusters", PanelRun.of(ctx)), self.on_done)

    def on_start(self, ctx):
        """Opens the form of a new run."""
        prompt(ctx, "compute_clusters", {}, self.on_done)

    def render(self, ctx):
        """The bars, then the open tab."""
        panel = types.Object()
        add_panel(panel, PanelRun.of(ctx), self)
        # A layer of its own: else the browser sorts its parts among the grid's whenever an image appears there
        layer = {"willChange": "transform"}
        return types.Property(panel, view=column(1.25, p=1.5, boxSizing="border-box", **layer))
