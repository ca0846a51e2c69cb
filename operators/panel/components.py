"""Widgets of our own in the browser, ``assets/panel``, and the simple view in the place of one that it cannot show.

Both are drawn for all tabs with the dataset, which may be in different browsers. Classes of the page, which the widgets
put there when they have come, turn off what a tab must not show.
"""

import os
from collections.abc import Callable

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .run import PanelRun
from .widgets import QUIET, button, column, row, text

READ = "@constellation/clusters/read_for_panel"
NAMES = {"map": "ConstellationMap", "cards": "ConstellationCards", "review": "ConstellationReview"}
# For who knows that browsers do not get the widgets, as behind a base path, where FiftyOne asks for them in vain
ALWAYS_SIMPLE = os.environ.get("CONSTELLATION_SIMPLE_VIEW", "") not in ("", "0")
_LATE = "The {} with pictures has not loaded in this browser."


def is_simple(run: PanelRun) -> bool:
    """Return whether the simple view is drawn."""
    return ALWAYS_SIMPLE or bool(run.ui.get("simple"))


def add_component(
    panel: types.Object,
    part: str,
    run: PanelRun,
    events: dict[str, Callable],
    facts: dict,
) -> None:
    """Add a widget of our own.

    Args:
        panel: the object to add to
        part: a key of ``NAMES``
        run: the run that is shown
        events: methods of the panel that it calls, by the name that it has for them
        facts: what it is drawn with; another ``look`` has it ask for the rest again
    """
    if ALWAYS_SIMPLE:
        return
    box = types.Object()
    view = types.View(
        component=NAMES[part],
        composite_view=True,
        read=READ,
        asks={"panel_id": "widget", "panel_state": run.panel_state},  # by which an operator finds the run
        params={"uid": run.uid},
        given=run.given,
        facts={"look": run.look, "version": run.version, "unit": run.unit, **facts},
        **events,
    )
    box.define_property("widget", types.Object(), view=view)
    panel.define_property(
        f"{part}_widget", box, view=column(0, display="none", **_where("html.constellation &", "grid"))
    )


def add_simple(
    panel: types.Object, part: str, run: PanelRun, events: foo.Panel, add: Callable[[types.Object], None]
) -> None:
    """Add the simple view of a widget, seen where the browser cannot show that: at first a button that asks for it.

    Args:
        panel: the object to add to
        part: a key of ``NAMES``
        run: the run that is shown
        events: the panel
        add: adds the simple view to an object
    """
    simple = types.Object()
    if ALWAYS_SIMPLE:
        add(simple)
        panel.define_property("simple", simple, view=column(1.25))
        return
    if is_simple(run):
        add(simple)
    else:
        bar = types.Object()
        hidden = _where("html.constellation &", "none")  # the widget says by itself what is wrong with it
        text(bar, "why", _LATE.format(part), "0.8rem", QUIET, **hidden)
        button(bar, "simple", events.on_simple, "Simple view", help="Show it without what the browser has to load")
        simple.define_property("bar", bar, view=row(1))
    panel.define_property("simple", simple, view=column(1.25, **_where(f"html.constellation-{part} &", "none")))


def _where(page: str, display: str) -> dict:
    return {page: {"display": display}}
