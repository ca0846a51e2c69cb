"""Edits of one window of the browser, which follow one another; a window has the App in it, where the panel has tabs.

All that is drawn in a window carries its name and the version of the run that it shows. What is clicked quickly was
drawn before the clicks in front of it had come back; it is an edit of what its window has made of the run meanwhile, so
that only somebody else's edits are in its way.

Fields to type into send nothing but their name, which must stay as long as somebody may be typing: not all that has the
panel drawn says its window, and a field of another name is another field. What was typed is therefore of no window, and
in no window's way.
"""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .run import PanelRun
from .state import window_of

TYPED = "typed"  # in place of a window, for what was typed
_STORE = "constellation_windows"
_SECONDS = 3600  # what is older than that was drawn long ago, and anew since


def stamp_of(run: PanelRun) -> str:
    """Return the end of the name of a widget that sends nothing but its name: the version."""
    return str(run.version)


def take_stamp(ctx: foo.ExecutionContext, name: str) -> None:
    """Take the version from the name of the widget that an event comes from, see :func:`stamp_of`."""
    ctx.params.update(version=int(name.rpartition("_")[2]), window=TYPED)


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
        the version of the run now if all edits since it was drawn are of the same window or were typed, else the one
        that was drawn
    """
    drawn = int(ctx.params["version"])
    return run.version if _follow(ctx, run, drawn) == run.version else drawn


def note_edit(ctx: foo.ExecutionContext, run: PanelRun, version: int) -> None:
    """Note an edit of a window.

    Args:
        ctx: the execution context
        run: the run before it
        version: the version after it
    """
    store, name = ctx.store(_STORE), _name(run, window_of(ctx))
    own = _edits(ctx, run, window_of(ctx))
    first = own[0] if own and _follow(ctx, run, own[1]) == run.version else run.version
    drawn = ctx.params.get("version")
    if drawn is not None and _follow(ctx, run, int(drawn)) == run.version:
        first = min(first, int(drawn))  # what was typed since is of this window as well
    store.set(name, [first, version], ttl=_SECONDS)
    store.update_ttl(name, _SECONDS)  # the store counts from when a name was first set


def _follow(ctx: foo.ExecutionContext, run: PanelRun, version: int) -> int:
    """Return the version that the edits of a window, and those that were typed, made of a version."""
    chains = [found for window in (window_of(ctx), TYPED) if (found := _edits(ctx, run, window))]
    while later := [last for first, last in chains if first <= version < last]:
        version = max(later)
    return version


def _edits(ctx: foo.ExecutionContext, run: PanelRun, window: str) -> list[int] | None:
    """Return the versions before and after the last edits of a window that nobody else's were between."""
    found = ctx.store(_STORE).get(_name(run, window))
    return found if isinstance(found, list) else None


def _name(run: PanelRun, window: str) -> str:
    return f"{run.uid}:{window}"
