"""Changes while a Clusters panel is open: of runs, in a form, a worker or another process, and of the user's view."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..execution.grid import view_name
from ..runs.store import run_ids
from .opening import take_made_run
from .showing import open_run
from .state import read_ui_state

_WATCH = "@constellation/clusters/watch_clustering_runs"
_MILLISECONDS = 3000  # between questions, each a query of a few milliseconds


class TimerView(types.View):
    """A view without a look that calls an operator again and again; the App knows it, its Python types do not."""


def add_watch(panel: types.Object) -> None:
    """Have the panel ask for new runs as long as it is open."""
    panel.view("watch", TimerView(interval=_MILLISECONDS, on_interval=_WATCH))


def is_behind(ctx: foo.ExecutionContext) -> bool:
    """Return whether there are other runs than the panel that asks has listed, or its counts are of another view."""
    ctx.dataset.reload()  # another process may have made one
    ui = read_ui_state(ctx)
    return run_ids(ctx.dataset) != (ui.get("runs") or {}) or ("within" in ui and view_name(ctx) != ui["within"])


def catch_up(ctx: foo.ExecutionContext) -> None:
    """List the runs as they are now; go to the one that was made in the App, and tell of one from elsewhere."""
    known, runs, made = read_ui_state(ctx).get("runs") or {}, run_ids(ctx.dataset), take_made_run(ctx)
    if made in runs:
        open_run(ctx, made)
        return
    open_run(ctx, ctx.panel.get_state("run"), keep=True)
    new = [key for key, run_id in runs.items() if run_id not in known.values()]
    if new and known:
        ctx.ops.notify(f"Run {new[-1]} was made; it is in the panel's list", variant="info")
