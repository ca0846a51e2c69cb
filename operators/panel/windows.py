"""Edits of one window of the browser, which follow one another; a window has the App in it, where the panel has tabs.

All that is drawn in a window carries its name and the version of the run that it shows. What is clicked quickly was
drawn before the clicks in front of it had come back; it is an edit of what its window has made of the run meanwhile, so
that only somebody else's edits are in its way.
"""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .run import PanelRun
from .state import window_of

_STORE = "constellation_windows"
_SECONDS = 3600  # what is older than that was drawn long ago, and anew since


def stamp_of(run: PanelRun) -> str:
    """Return the end of the name of a widget that sends nothing but its name: version and window."""
    return f"{run.version}_{run.window}"


def take_stamp(ctx: foo.ExecutionContext, name: str) -> None:
    """Take version and window from the name of the widget that an event comes from, see :func:`stamp_of`."""
    version, window = name.split("_")[-2:]
    ctx.params.update(version=int(version), window=window)


class Stamped(types.Property):
    """What is drawn, all of whose widgets send the version of the run and the window when they are used.

    Args:
        drawn: the object that is drawn
        run: the run that it shows, None if there is none
        window: the window's name
        view: its view
    """

    def __init__(self, drawn: types.Object, run: PanelRun | None, window: str, view: types.View) -> None:
        super().__init__(drawn, view=view)
        self.stamp = {"window": window, **({"version": run.version} if run else {})}

    def to_json(self) -> dict:
        """Return it as plain data."""
        found: dict = super().to_json()
        _stamp(found, self.stamp)
        return found


def _stamp(drawn: dict, stamp: dict) -> None:
    view = drawn.get("view") or {}
    if isinstance(view.get("params"), dict):
        view["params"] = {**stamp, **view["params"]}
    for child in (drawn["type"].get("properties") or {}).values():
        _stamp(child, stamp)


def seen_version(ctx: foo.ExecutionContext, run: PanelRun) -> int:
    """Return the version that the user of a window knows.

    Args:
        ctx: the execution context of an event, whose parameters say what was drawn
        run: the run as it is now

    Returns:
        the version of the run now if all edits since it was drawn are of the same window, else the one that was drawn
    """
    drawn, own = int(ctx.params["version"]), _own_edits(ctx, run)
    return run.version if own and own[0] <= drawn and own[1] == run.version else drawn


def note_edit(ctx: foo.ExecutionContext, run: PanelRun, version: int) -> None:
    """Note an edit of a window.

    Args:
        ctx: the execution context
        run: the run before it
        version: the version after it
    """
    own, store, name = _own_edits(ctx, run), ctx.store(_STORE), _name(ctx, run)
    first = own[0] if own and own[1] == run.version else run.version
    store.set(name, [first, version], ttl=_SECONDS)
    store.update_ttl(name, _SECONDS)  # the store counts from when a name was first set


def _own_edits(ctx: foo.ExecutionContext, run: PanelRun) -> list[int] | None:
    """Return the versions before and after the last edits of a window that nobody else's were between."""
    found = ctx.store(_STORE).get(_name(ctx, run))
    return found if isinstance(found, list) else None


def _name(ctx: foo.ExecutionContext, run: PanelRun) -> str:
    return f"{run.config.uid or run.key}:{window_of(ctx)}"
