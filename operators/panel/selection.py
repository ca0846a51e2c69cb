"""Selected images or patches, in the grid or by a lasso, and the bar that moves them."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE
from .run import PanelRun
from .widgets import button, drop_down, row, text

NEW, OUT, OTHER = "new", str(NOISE), "other"
_MANY = 40  # clusters that the list of targets has; the form has all


def selected_ids(ctx: foo.ExecutionContext, patches_field: str | None) -> list[str]:
    """Return the ids of what is selected: in the grid, on it as labels, or else by a lasso; empty if nothing is."""
    if patches_field and (labels := ctx.selected_labels):
        return [label["label_id"] for label in labels]
    extended = ctx.extended_selection or {}
    return list(ctx.selected or extended.get("selection") or [])


def add_selection(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the bar that moves what is selected; nothing if nothing is."""
    count = run.ui.get("selected")
    if not count:
        return
    bar = types.Object()
    text(bar, "count", f"{count:,} selected", bold=True)
    if run.shown in run.cards and run.shown != NOISE:
        name = run.names[run.shown]
        params = {"value": str(run.shown)}
        button(bar, "here", events.on_move, f"Move to {name[:24]}", help=f"Move them to {name}", params=params)
    button(bar, "new", events.on_move, "New cluster", help="Make a cluster of them", params={"value": NEW})
    largest = sorted((card for card in run.cards.values() if card.id != NOISE), key=lambda card: -card.size)
    choices = {str(card.id): card.name for card in largest[:_MANY]}
    if len(largest) > _MANY:
        choices[OTHER] = "Another one…"
    drop_down(bar, f"to_{run.turn}", choices, events.on_move, "Move to")
    button(bar, "out", events.on_move, "Out of clusters", help="Make noise of them", params={"value": OUT})
    panel.define_property("selection", bar, view=row())
