"""Changes while a Clusters panel is open: of runs, in a form, a worker or another process, and of the user's view."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..execution.grid import view_name
from ..runs.store import run_ids
from .opening import take_made_run
from .run import PanelRun
from .showing import follow_edit, open_run
from .state import read_ui_state

_WATCH = "@constellation/clusters/watch_clustering_runs"
_MILLISECONDS = 3000  # between questions, each a query of a few milliseconds


class TimerView(types.View):
    """A view without a look that calls an operator again and again; the App knows it, its Python types do not."""


def add_watch(panel: types.Object, run: PanelRun | None) -> None:
    """Have the panel ask for changes as long as it is open; it says what is drawn in the tab that asks."""
    drawn = {"drawn": run.look if run else None}
    panel.view("watch", TimerView(interval=_MILLISECONDS, on_interval=_WATCH, params=drawn))


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


def catch_up(ctx: foo.ExecutionContext) -> None:
    """List the runs as they are now; go to the one that was made in the App, and tell of one from elsewhere."""
    known, runs, made = read_ui_state(ctx).get("runs") or {}, run_ids(ctx.dataset), take_made_run(ctx)
    if made in runs:
        open_run(ctx, made)
        return
    open_run(ctx, ctx.panel.get_state("run"), keep=True)
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
