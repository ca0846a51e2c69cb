"""How an open Clusters panel looks at its run, kept on the server.

The App counts a panel's state as part of its workspace, and loads the whole page anew when that changes. A click on a
card also changes the grid, so that the page would be loaded twice. The panel's state therefore holds only the run, what
the inputs show, and the name under which the rest is kept.
"""

from uuid import uuid4

_STORE = "constellation_clusters_panel"
_NAME = "look_name"
_SECONDS = 30 * 24 * 3600  # since it last changed; a browser does not always say that it was closed
# What the grid shows, in words; not true of a grid that shows everything
_OF_THE_GRID = ("shown", "part", "order")


def begin_look(ctx, run: str | None):
    """Gives a panel that was just opened a look of its own, which starts as that of the same panel before a reload.

    It is of its own because a workspace may be saved, and opened by several people.

    Args:
        ctx: the execution context
        run: key of the run that the panel is to show, None if there is none
    """
    look = read_look(ctx)
    if not ctx.has_custom_view:
        look = {name: value for name, value in look.items() if name not in _OF_THE_GRID}
    ctx.panel.set_state({"run": run, _NAME: uuid4().hex})
    if run is not None:
        keep_look(ctx, look)


def read_look(ctx) -> dict:
    """The look that was kept last, empty if there is none."""
    name = ctx.panel.get_state(_NAME)
    return (ctx.store(_STORE).get(name) if name and ctx.dataset is not None else None) or {}


def keep_look(ctx, look: dict):
    """Keeps a look for the next event of the same panel.

    Args:
        ctx: the execution context
        look: see :class:`operators.clusters_panel_run.PanelRun`
    """
    store, name = ctx.store(_STORE), ctx.panel.get_state(_NAME)
    store.set(name, look, ttl=_SECONDS)
    store.update_ttl(name, _SECONDS)  # the store counts from when a name was first set
