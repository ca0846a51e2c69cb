"""The tab with the cards."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..alike import add_alike, draw_alike
from ..borderline import add_borderline, draw_borderline
from ..card_data import cards_data, print_of
from ..cards import add_cards, add_pages, draw_cards
from ..components import add_component, add_simple, is_simple
from ..run import PanelRun
from ..selection import add_selection
from ..ticks import add_ticks, ticked
from ..toolbars import BORDERLINE, add_search, add_shown
from ..widgets import MARKED, button, text


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the search, what the grid shows and the cards."""
    add_search(panel, run, events)
    add_shown(panel, run, events)
    add_selection(panel, run, events)
    add_ticks(panel, run, events)
    if not run.current:
        stale = "The statistics are from before the last edit or deletion."
        text(panel, "old", stale if run.statistics else "There are no statistics yet.", "0.8rem", **MARKED)
        button(panel, "measure", events.on_measure, "Compute statistics")
    add_alike(panel, run, events)
    if run.ui.get("order") == BORDERLINE:
        add_borderline(panel, run, events)
    if not run.listed:
        text(panel, "nothing", "No cluster has such a name." if run.ui.get("search") else "There is no cluster.")
    _add_widget(panel, run, events)
    add_simple(panel, "cards", run, events, lambda simple: _add_pages(simple, run, events))


def _add_widget(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    calls = {name: getattr(events, name) for name in ("on_card", "on_tick", "on_name", "on_menu", "on_simple")}
    facts = {"print": print_of(cards_data(run)), "ticks": ticked(run), "shown": run.shown}
    add_component(panel, "cards", run, calls, facts)


def _add_pages(simple: types.Object, run: PanelRun, events: foo.Panel) -> None:
    add_cards(simple, run, events)
    add_pages(simple, run, events)


def draw(ctx: foo.ExecutionContext, run: PanelRun, cards: bool) -> None:
    """Send the pictures of two that look alike and of borderline members, and those of the simple view."""
    if cards and is_simple(run):
        draw_cards(ctx, run)
    if cards:
        draw_alike(ctx, run)
    if run.ui.get("order") == BORDERLINE:
        draw_borderline(ctx, run)
