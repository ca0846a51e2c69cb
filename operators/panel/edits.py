"""Edits that the Clusters panel applies by itself, without a form."""

from collections.abc import Callable
from threading import RLock

import fiftyone.operators as foo

from ..editing.base import apply_edit
from .run import PanelRun
from .showing import follow_edit, guarded, open_run
from .windows import note_edit, seen_version

GONE = "this run was deleted meanwhile, so nothing was saved; choose another run above"
IN_ORDER = RLock()  # the App sends what is done quickly side by side; edits follow one another


def apply_here(ctx: foo.ExecutionContext, action: str, params: dict | None = None) -> dict:
    """Apply an edit to the run that is shown, say what was done or why it is refused, and show what the run became.

    Args:
        ctx: the execution context; its parameters say what was drawn, for an edit that was not seen must not be
            changed, see :mod:`operators.panel.windows`
        action: the name of an edit, ``undo`` or ``redo``
        params (None): the parameters of the edit

    Returns:
        the result of the edit, empty if it was refused
    """
    done = edit_quietly(ctx, action, params)
    show_edit(ctx, done)
    return done


def show_edit(ctx: foo.ExecutionContext, done: dict) -> None:
    """Say what was done, and show what the run became, also if nothing was: another user has edited it then."""
    if done:
        ctx.ops.notify(done["text"], variant="success")
        ctx.ops.reload_dataset()
    open_run(ctx, ctx.panel.get_state("run"), keep=True)
    follow_edit(ctx, done)


def edit_quietly(ctx: foo.ExecutionContext, action: str, params: dict | None = None) -> dict:
    """Apply an edit as :func:`apply_here` does, and leave it to the caller to show it; say why if it is refused."""
    return in_turn(ctx, lambda key, version: apply_edit(ctx.dataset, key, action, params or {}, version=version))


def in_turn(ctx: foo.ExecutionContext, work: Callable[[str, int], dict]) -> dict:
    """Call what edits the run that is shown after the edits before it; say why if it is refused.

    Args:
        ctx: the execution context
        work: ``work(run key, version)`` edits the run if it is at that version, and returns the outcome

    Returns:
        the outcome, empty if it was refused
    """
    done, _ = attempt(ctx, work)
    return done


def attempt(ctx: foo.ExecutionContext, work: Callable[[str, int], dict]) -> tuple[dict, str | None]:
    """Do as :func:`in_turn` does.

    Returns:
        the outcome, empty if it was refused; and the sentence why, None if it was not
    """
    done: dict = {}
    with IN_ORDER:
        run = run_now(ctx)
        if run is None:
            return {}, GONE
        why = guarded(ctx, lambda ctx: done.update(work(run.key, seen_version(ctx, run))))
        if done:
            note_edit(ctx, run, done["version"])
    return done, why


def run_now(ctx: foo.ExecutionContext) -> PanelRun | None:
    """Return the run that is shown as it is now, for a request beside this one may have edited it.

    Returns:
        the run; None if there is none, or if a widget in the browser has said, by ``uid``, that it means one that was
        deleted, under whose key another was made since
    """
    ctx.dataset.reload()
    run = PanelRun.of(ctx)
    return run if run is None or ctx.params.get("uid", run.uid) == run.uid else None
