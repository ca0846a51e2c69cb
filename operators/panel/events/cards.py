"""Events of the cards, and of the bar that says what the grid shows."""

import fiftyone.operators as foo

from ...editing.base import list_edits
from ...evaluation.views import borderline_view
from ...inputs.target import NONE
from ..menus import edit_form, run_form
from ..review import begin_review
from ..run import PanelRun
from ..showing import (
    change_state,
    draw,
    keep_state,
    measure_truth,
    prompt,
    show_all,
    show_cluster,
    show_matches,
    show_view,
    with_run,
)
from ..toolbars import BORDERLINE, BORDERLINE_OF_ALL
from ..windows import seen_version
from .edits import EditEvents


class CardEvents(EditEvents):
    """Find, sort and turn the cards, show their members, open the forms of their menus."""

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
    def on_measure(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form that computes the statistics of a large run: it shows progress and can be scheduled."""
        prompt(ctx, "evaluate_clusters", run_form("evaluate_clusters", run), self.on_done)

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
        """Show clusters together: two, to judge which of them a borderline member belongs to, or those of a group."""
        names = ctx.params.get("name") or " and ".join(run.names[cluster] for cluster in ctx.params["clusters"])
        show_matches(ctx, run, {"cluster": {"$in": ctx.params["clusters"]}}, caption=names)

    def on_all(self, ctx: foo.ExecutionContext) -> None:
        """Show everything that the user's own view has."""
        show_all(ctx)

    @with_run
    def on_menu(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form of an edit, or sort the members, as chosen from the menu of a card."""
        action, cluster = ctx.params["value"], ctx.params["cluster"]
        keep_state(ctx, turn=run.turn + 1)
        if cluster not in run.cards:
            return
        if action in list_edits():
            form = edit_form(action, run, cluster, seen_version(ctx, run))
            prompt(ctx, "edit_clusters", form, self.on_done)
        elif action == "review":
            change_state(ctx, tab="review", review=begin_review(run, cluster).as_dict())
        else:
            show_cluster(ctx, run, cluster, action)
