"""UI state of an open Clusters panel, kept on the server.

The App counts a panel's state as part of its workspace, and loads the whole page again when that changes. A click on a
card also changes the grid, so that the page would be loaded twice. The panel's state therefore holds only the run, what
the inputs show, and the name under which the rest is kept.
"""

from threading import RLock
from uuid import uuid4

import fiftyone.operators as foo

UI_STATE = RLock()  # held from reading to saving: what two events change at once is kept, also beside the panel's timer
_STORE = "constellation_clusters_panel"
_NAME = "look_name"  # in saved workspaces
_LETTERS = 8  # of the name of a window
_SECONDS = 30 * 24 * 3600  # since it last changed; a browser does not always say that it was closed
_VIEWS = ("map", "clusters")
# Description of what the grid shows; not true of a grid that shows everything
_OF_THE_GRID = ("shown", "caption", "order", "saved")


def begin_ui_state(ctx: foo.ExecutionContext, run: str | None) -> None:
    """Give a panel that was just opened a UI state of its own, which starts as that of the same panel before a reload.

    It is of its own because a workspace may be saved, and opened by several people.

    Args:
        ctx: the execution context
        run: key of the run that the panel is to show, None if there is none
    """
    ui = read_ui_state(ctx)
    if not ctx.has_custom_view:
        ui = {name: value for name, value in ui.items() if name not in _OF_THE_GRID}
    name = ctx.panel.get_state(_NAME)
    began = {"run": run, _NAME: name if name and not ui else uuid4().hex}
    if any(ctx.panel.get_state(key) != value for key, value in began.items()):
        ctx.panel.set_state(began)
    if run is not None:
        save_ui_state(ctx, ui)


def panel_state(run: str) -> dict:
    """Return the state that a panel has as soon as it is opened, so that the App need not load its page again for it.

    Args:
        run: key of the run that it is to show
    """
    return {"run": run, _NAME: uuid4().hex}


def read_ui_state(ctx: foo.ExecutionContext) -> dict:
    """Read the UI state that was saved last, empty if there is none."""
    name = ctx.panel.get_state(_NAME)
    return (ctx.store(_STORE).get(name) if name and ctx.dataset is not None else None) or {}


def save_ui_state(ctx: foo.ExecutionContext, ui: dict) -> None:
    """Save the UI state for the next event of the same panel.

    Args:
        ctx: the execution context
        ui: see :class:`operators.panel.run.PanelRun`
    """
    store, name = ctx.store(_STORE), ctx.panel.get_state(_NAME)
    store.set(name, ui, ttl=_SECONDS)
    store.update_ttl(name, _SECONDS)  # the store counts from when a name was first set


def note_tab(ctx: foo.ExecutionContext, uid: str, tab: str) -> None:
    """Note at which of the two views of all clusters a run is left; the next panel that shows it opens there.

    Args:
        ctx: the execution context
        uid: name that no other run has
        tab: the tab that was opened
    """
    if tab in _VIEWS:
        store, name = ctx.store(_STORE), f"tab:{uid}"
        store.set(name, tab, ttl=_SECONDS)
        store.update_ttl(name, _SECONDS)


def noted_tab(ctx: foo.ExecutionContext, uid: str) -> str | None:
    """Return the view of all clusters at which a run was left, None if nobody has chosen one."""
    return ctx.store(_STORE).get(f"tab:{uid}")


def name_of(ctx: foo.ExecutionContext) -> dict:
    """Return the part of the panel's state by which :func:`read_ui_state` finds the rest."""
    return {_NAME: ctx.panel.get_state(_NAME)}


def window_of(ctx: foo.ExecutionContext) -> str:
    """Return the name of the browser's window that an event comes from; what does not say it is drawn under a new one.

    The panel's state cannot say it, for all windows with a dataset have that in common.
    """
    if not ctx.params.get("window"):
        ctx.params["window"] = uuid4().hex[:_LETTERS]
    return str(ctx.params["window"])
