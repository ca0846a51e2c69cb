"""Events of ticked cards and of what is selected in the grid: edits without a form."""

import fiftyone.operators as foo

from ...runs.saved_views import save_selection
from ..edits import IN_ORDER, apply_here, edit_quietly, show_edit
from ..menus import edit_form, run_form
from ..run import PanelRun
from ..selection import NEW, OTHER, lasso_ids, lasso_print, selected_ids
from ..showing import draw, guarded, keep_state, prompt, show_matches, with_run
from ..state import window_of
from ..ticks import ticked
from ..windows import seen_version, take_stamp
from .edits import EditEvents


class TickEvents(EditEvents):
    """Tick cards, edit those that are ticked, move what is selected."""

    def on_tick(self, ctx: foo.ExecutionContext) -> dict:
        """Tick a card, or take its tick away; or those of several ``clusters``.

        Returns:
            the clusters that are ``ticked`` after it
        """
        with IN_ORDER:
            run = PanelRun.of(ctx)
            if run is None:
                return {"ticked": []}
            which = ctx.params.get("clusters") or [ctx.params["cluster"]]
            others = [cluster for cluster in ticked(run) if cluster not in which]
            now = [*others, *which] if ctx.params["on"] else others
            keep_state(ctx, ticked=now)
            return {"ticked": now}

    def on_clear_ticks(self, ctx: foo.ExecutionContext) -> None:
        """Take all ticks away."""
        keep_state(ctx, ticked=[])

    def on_merge(self, ctx: foo.ExecutionContext) -> None:
        """Merge the ticked clusters."""
        _edit(ctx, "merge", {"clusters": ctx.params["clusters"]})

    def on_dissolve(self, ctx: foo.ExecutionContext) -> None:
        """Make noise of the ticked clusters."""
        _edit(ctx, "dissolve", {"clusters": ctx.params["clusters"]})

    @with_run
    def on_name_ticked(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Give the ticked clusters a name; several get numbers."""
        if name := _typed(ctx, run):
            apply_here(ctx, "rename", {"names": dict.fromkeys(ticked(run), name)})
            keep_state(ctx, turn=run.turn + 1)

    @with_run
    def on_tag_ticked(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Tag the members of the ticked clusters."""
        if tag := _typed(ctx, run):
            guarded(ctx, lambda ctx: _tag(ctx, run, tag))
            keep_state(ctx, turn=run.turn + 1)

    @with_run
    def on_export_ticked(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the ticked clusters, and open the form that exports what is shown."""
        names = ", ".join(run.names[cluster] for cluster in ticked(run))
        show_matches(ctx, run, {"cluster": {"$in": ticked(run)}}, caption=names)
        form = {**run_form("export_clusters", run), "view_target": "CURRENT_VIEW"}
        prompt(ctx, "export_clusters", form, self.on_done)

    @with_run
    def on_change_selected(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Offer to move what is selected."""
        count, ids = len(selected_ids(ctx, run.config.patches_field)), lasso_ids(ctx)
        lasso = [window_of(ctx), lasso_print(ids)] if ids else None
        if count != (run.ui.get("selected") or 0) or lasso != run.ui.get("lasso"):
            keep_state(ctx, selected=count, lasso=lasso)

    def on_change_extended_selection(self, ctx: foo.ExecutionContext) -> None:
        """Offer to move what a lasso has in it."""
        self.on_change_selected(ctx)

    @with_run
    def on_move(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Move what is selected to a cluster, to a new one, or out of all."""
        goes, ids = ctx.params["value"], selected_ids(ctx, run.config.patches_field)
        if goes == OTHER:
            keep_state(ctx, turn=run.turn + 1)
            first = next(iter(run.cards))
            prompt(ctx, "edit_clusters", edit_form("move", run, first, seen_version(ctx, run)), self.on_done)
            return
        with IN_ORDER:
            now = PanelRun.of(ctx)
            if now is None or not now.ui.get("selected"):  # a second click: the first has moved them
                return
            done = edit_quietly(ctx, "move", {"ids": ids} if goes == NEW else {"ids": ids, "cluster": int(goes)})
            if done:
                lasso = lasso_ids(ctx)
                keep_state(ctx, selected=0, lasso=None, moved=lasso_print(lasso), turn=now.turn + 1)
        show_edit(ctx, done)
        if done:
            ctx.ops.clear_selected_samples()
            ctx.ops.clear_selected_labels()
            ctx.ops.set_extended_selection(clear=True)
            draw(ctx)


def _edit(ctx: foo.ExecutionContext, action: str, params: dict) -> None:
    """Apply an edit of the ticked clusters; if it was not refused, no card is ticked after it."""
    with IN_ORDER:
        run = PanelRun.of(ctx)
        if run is None or ticked(run) != params["clusters"]:  # a second click: the first has done it
            return
        done = edit_quietly(ctx, action, params)
        if done:
            keep_state(ctx, ticked=[])
    show_edit(ctx, done)


def _typed(ctx: foo.ExecutionContext, run: PanelRun) -> str:
    """Return what was typed for the ticked clusters, empty if it is nothing or other ones are ticked by now."""
    name = ctx.params["path"].rpartition(".")[2]
    take_stamp(ctx, name)
    meant = name.split("_")[1:-2]  # the turn and the stamp come last
    return (ctx.params["value"] or "").strip() if meant == [str(cluster) for cluster in ticked(run)] else ""


def _tag(ctx: foo.ExecutionContext, run: PanelRun, tag: str) -> None:
    members = run.run.members()
    ids = [members.ids[row] for cluster in ticked(run) for row in members.rows_of(cluster)]
    save_selection(members, ids, tag, None)
    ctx.ops.notify(f"Tagged {len(ids):,} {run.unit} {tag!r}", variant="success")
    ctx.ops.reload_dataset()
