"""Changes while a Clusters panel is open: of runs, in a form, a worker or another process, and of the user's view."""

import hashlib

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..execution.grid import view_name
from ..runs.store import run_ids
from .job_lines import has_ended, jobs_seen
from .opening import show_labels, take_made_run
from .run import PanelRun
from .selection import missed_lasso
from .showing import follow_edit, open_run
from .state import UI_STATE, read_ui_state, save_ui_state

_WATCH = "@constellation/clusters/watch_clustering_runs"
_MILLISECONDS = 3000  # between questions, each a query of a few milliseconds


class TimerView(types.View):
    """A view without a look that calls an operator again and again; the App knows it, its Python types do not."""


def add_watch(panel: types.Object, run: PanelRun | None) -> None:
    """Have the panel ask for changes as long as it is open; it says what is drawn in the tab that asks."""
    look = run.look if run else None
    # another name has the App make another timer; one that is there goes on with what it was drawn with first
    name = f"watch_{hashlib.sha256((look or '').encode()).hexdigest()[:12]}"
    panel.view(name, TimerView(interval=_MILLISECONDS, on_interval=_WATCH, params={"drawn": look}))


def is_behind(ctx: foo.ExecutionContext) -> bool:
    """Return whether the tab that asks shows something else than there is now.

    There may be other runs than it has listed, its counts may be of another view, somebody may have edited the run, or
    done something in another tab, which has its UI state in common with this one.
    """
    ctx.dataset.reload()  # another process may have made one
    run = PanelRun.of(ctx)
    ui = run.ui if run else read_ui_state(ctx)
    if "drawn" in ctx.params and ctx.params["drawn"] != (run.look if run else None):
        return True
    return run_ids(ctx.dataset) != (ui.get("runs") or {}) or ("within" in ui and view_name(ctx) != ui["within"])


def missed(ctx: foo.ExecutionContext) -> str | None:
    """Return the event that tells the panel that asks what it has missed, None if nothing."""
    if is_behind(ctx):
        return "on_behind"
    if missed_lasso(ctx, read_ui_state(ctx)):
        return "on_change_selected"
    return "on_jobs" if jobs_seen(ctx.dataset) != (read_ui_state(ctx).get("jobs") or []) else None


def catch_up(ctx: foo.ExecutionContext) -> None:
    """List the runs as they are now; go to the one that was made in the App, and tell of one from elsewhere."""
    known, runs, made = read_ui_state(ctx).get("runs") or {}, run_ids(ctx.dataset), take_made_run(ctx)
    if made in runs:
        ctx.ops.reload_dataset()  # else the App does not know the labels
        open_run(ctx, made)
        for message in show_labels(ctx, str(made)):
            del message  # it is sent when it is made
        ctx.ops.reload_samples()
        see_jobs(ctx)
        return
    open_run(ctx, ctx.panel.get_state("run"), keep=True)
    see_jobs(ctx)
    if _edited_since(ctx):
        ctx.ops.reload_dataset()  # the grid has the old names
        follow_edit(ctx, {})
    new = [key for key, run_id in runs.items() if run_id not in known.values()]
    if new and known:
        ctx.ops.notify(f"Run {new[-1]} was made; it is in the panel's list", variant="info")


def _edited_since(ctx: foo.ExecutionContext) -> bool:
    """Return whether the run that is drawn in the tab that asked is at another version by now."""
    _, _, drawn = (ctx.params.get("drawn") or "").partition(":")
    version, _, key = drawn.partition(":")
    run = PanelRun.of(ctx)
    return run is not None and run.key == key and str(run.version) != version


def see_jobs(ctx: foo.ExecutionContext) -> None:
    """Note which jobs the panel shows; if one has ended, the App reads the dataset again, which it may have changed."""
    now = jobs_seen(ctx.dataset)
    with UI_STATE:
        ui = read_ui_state(ctx)
        before = ui.get("jobs") or []
        if now != before:
            save_ui_state(ctx, {**ui, "jobs": now})
    if has_ended(before, now):
        ctx.ops.reload_dataset()
