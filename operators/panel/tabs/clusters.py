"""The tab with the cards."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..alike import add_alike, draw_alike
from ..borderline import add_borderline, draw_borderline
from ..cards import add_cards, add_pages, draw_cards
from ..run import PanelRun
from ..selection import add_selection
from ..ticks import add_ticks
from ..toolbars import BORDERLINE, add_search, add_shown
from ..widgets import MARKED, button, text


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the search, what the grid shows and the cards of the open page."""
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
    add_cards(panel, run, events)
    add_pages(panel, run, events)


def draw(ctx: foo.ExecutionContext, run: PanelRun, cards: bool) -> None:
    """Send the contact sheets of the open page, and the pictures of two that look alike and of borderline members."""
    if cards:
        draw_cards(ctx, run)
        draw_alike(ctx, run)
    if run.ui.get("order") == BORDERLINE:
        draw_borderline(ctx, run)
