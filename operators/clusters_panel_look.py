"""How an open Clusters panel looks at its run, kept on the server.

The App counts a panel's state as part of its workspace, and loads the whole page anew when that changes. A click on a
card also changes the grid, so that the page would be loaded twice. The panel's state therefore holds no more than the
run and the name under which the rest is kept.
"""

from uuid import uuid4

_STORE = "constellation_clusters_panel"
_NAME = "look_name"
_SECONDS = 30 * 24 * 3600  # a browser does not always say that it was closed


def begin_look(ctx, run: str | None):
    """Gives a panel that was just opened a look of its own, which starts as that of the same panel before a reload.

    Two people who open one saved workspace do not step through the clusters together.

    Args:
        ctx: the execution context
        run: key of the run that the panel is to show, None if there is none
    """
    look = read_look(ctx) if run == ctx.panel.get_state("run") else {}
    ctx.panel.set_state({"run": run, _NAME: uuid4().hex})
    keep_look(ctx, look)


def read_look(ctx) -> dict:
    """The look that was kept last, empty if there is none."""
    name = ctx.panel.get_state(_NAME)
    return (ctx.store(_STORE).get(name) if name else None) or {}


def keep_look(ctx, look: dict):
    """Keeps a look for the next event of the same panel.

    Args:
        ctx: the execution context
        look: see :class:`operators.clusters_panel_run.PanelRun`
    """
    ctx.store(_STORE).set(ctx.panel.get_state(_NAME), look, ttl=_SECONDS)
