"""Edits that the Clusters panel applies by itself, without a form."""

from threading import RLock

import fiftyone.operators as foo

from ..editing.base import apply_edit
from .showing import follow_edit, guarded, open_run

IN_ORDER = RLock()  # the App sends what is done quickly side by side; edits follow one another


def apply_here(ctx: foo.ExecutionContext, action: str, params: dict | None = None) -> dict:
    """Apply an edit to the run that is shown, say what was done or why it is refused, and show what the run became.

    Args:
        ctx: the execution context; ``version`` of its parameters is that of the run that the user saw, for an edit
            that was not seen must not be changed
        action: the name of an edit, ``undo`` or ``redo``
        params (None): the parameters of the edit

    Returns:
        the result of the edit, empty if it was refused
    """
    if done := edit_quietly(ctx, action, params):
        ctx.ops.notify(done["text"], variant="success")
        ctx.ops.reload_dataset()
    open_run(ctx, ctx.panel.get_state("run"), keep=True)  # also if it was refused, for another user has edited it then
    follow_edit(ctx, done)
    return done


def edit_quietly(ctx: foo.ExecutionContext, action: str, params: dict | None = None) -> dict:
    """Apply an edit as :func:`apply_here` does, and leave it to the caller to show it; say why if it is refused."""
    done: dict = {}

    def edit(ctx: foo.ExecutionContext) -> None:
        key, version = ctx.panel.get_state("run"), ctx.params["version"]
        done.update(apply_edit(ctx.dataset, key, action, params or {}, version=version))

    with IN_ORDER:
        guarded(ctx, edit)
    return done
