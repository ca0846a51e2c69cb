"""What happens on the map, and with what was chosen on it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import fiftyone.operators as foo

from ....models.labels import NOISE
from ...evaluation.map_making import make_map
from ...evaluation.views import ids_view
from ...execution.app import one_sentence
from ...outputs.map_plot import POINTS
from ...runs.map_places import LISTED, inside_region
from ...runs.saved_views import tag_members
from ..edits import IN_ORDER, edit_quietly, run_now, show_edit
from ..lasso import whole_map
from ..mapping import chosen_ids, large_choice, shown_map, with_map, without_choice
from ..run import PanelRun
from ..showing import change_state, draw, guarded, keep_state, show_cluster, show_matches, show_view, with_run

CAPTION = "Chosen on the map"


def _of_map(event: Callable[[Any, foo.ExecutionContext, PanelRun], dict | None]) -> Callable[..., dict | None]:
    """Have an event do nothing, and answer ``{"stale": True}``, if it is of a map that is another one by now."""

    @with_run
    @wraps(event)
    def event_of_map(panel: foo.Panel, ctx: foo.ExecutionContext, run: PanelRun) -> dict | None:
        if "digest" in ctx.params:
            shown = whole_map(run)
            if shown is None or shown.points.digest != ctx.params["digest"]:
                return {"stale": True}
        try:
            return event(panel, ctx, run)
        except ValueError as error:
            ctx.ops.notify(one_sentence(error), variant="error")
            return {"done": False}

    return event_of_map


class MapEvents:
    """Show what is clicked, and do with what is chosen what the bar above the map says."""

    @with_run
    def on_map_color(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Color the points by something else."""
        if ctx.params["value"] != (run.ui.get("map") or {}).get("color"):
            change_state(ctx, **with_map(run, color=ctx.params["value"]))

    @_of_map
    def on_map_click(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the cluster of a point in the grid, and its picture beside it."""
        row_id = _clicked(ctx, run)
        found = run.run.labels(ids=[row_id]) if row_id else None
        if not found or not found.ids:
            return
        cluster = int(found.clusters[0])
        keep_state(ctx, **with_map(run, picked={"id": row_id, "cluster": cluster}))
        show_cluster(ctx, PanelRun.of(ctx) or run, cluster)

    @with_run
    def on_map_lasso(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Remember what the lasso is around."""
        change_state(ctx, **with_map(run, chosen=ctx.params["rows"]))

    @with_run
    def on_map_clear(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Choose nothing."""
        change_state(ctx, **without_choice(run))

    @_of_map
    def on_map_only(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show what was chosen in the grid, inside the user's view."""
        ids = chosen_ids(ctx, run)
        caption = f"{CAPTION} · {len(ids):,} {run.unit}"
        lasso = ctx.params.get("lasso") or {}
        if len(ids) <= LISTED:
            show_view(ctx, run, lambda shown: ids_view(run.run, shown, ids), caption=caption)
        elif "cluster" in lasso:  # all of it: found by its number, however many
            show_matches(ctx, run, {"cluster": int(lasso["cluster"])}, caption=caption)
        elif region := large_choice(ctx, run):
            show_view(ctx, run, lambda shown: inside_region(run.run.as_seen(shown), run.run, region), caption=caption)
        else:
            why = f"{len(ids):,} {run.unit} are chosen and the grid takes {LISTED:,} at once"
            ctx.ops.notify(f"{why}; choose fewer, or make a cluster of them and show that", variant="error")

    @_of_map
    def on_map_new(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Make a cluster of what was chosen."""
        return _edit(ctx, {})

    @_of_map
    def on_map_move(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Move what was chosen to a cluster."""
        return _edit(ctx, {"cluster": int(ctx.params["value"])})

    @_of_map
    def on_map_remove(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Put what was chosen in no cluster."""
        return _edit(ctx, {"cluster": NOISE})

    @_of_map
    def on_map_tag(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Tag what was chosen."""
        tag = (ctx.params["value"] or "").strip()
        ids = chosen_ids(ctx, run) if tag else []
        if not ids:
            return
        tag_members(run.run.target, run.run.field, ids, tag)
        ctx.ops.notify(f"Tagged {len(ids):,} {run.unit} “{tag}”", variant="success")
        ctx.ops.reload_dataset()
        keep_state(ctx)

    @with_run
    def on_map_make(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Make the map of a run that has none."""
        guarded(ctx, lambda ctx: make_map(run.run))
        draw(ctx)


def _clicked(ctx: foo.ExecutionContext, run: PanelRun) -> str | None:
    """Return the id of what was clicked: in the map in the browser, a row of it, or in the plot, a place in a trace."""
    if "row" in ctx.params:
        shown, row = whole_map(run), ctx.params["row"]
    elif ctx.params.get("trace") == POINTS:
        shown, row = shown_map(run), ctx.params.get("idx")
    else:
        return None
    if shown is None or not 0 <= row < len(shown.rows):
        return None
    return shown.points.ids(shown.rows[row : row + 1])[0]


def _edit(ctx: foo.ExecutionContext, goes: dict) -> dict:
    with IN_ORDER:
        run = run_now(ctx)
        ids = chosen_ids(ctx, run) if run else []
        if run is None or not ids:  # a second click: the first has moved them
            return {"done": False}
        done = edit_quietly(ctx, "move", {"ids": ids, **goes})
        if done:
            keep_state(ctx, **without_choice(PanelRun.of(ctx) or run))
    show_edit(ctx, done)
    draw(ctx)
    return {"done": bool(done)}
