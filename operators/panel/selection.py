"""Selected images or patches, in the grid or by a lasso, and the bar that moves them."""

import hashlib

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE
from .run import PanelRun
from .state import read_ui_state
from .widgets import button, drop_down, row, text

NEW, OUT, OTHER = "new", str(NOISE), "other"
_MANY = 40  # clusters that the list of targets has; the form has all


def selected_ids(ctx: foo.ExecutionContext, patches_field: str | None) -> list[str]:
    """Return the ids of what is selected: in the grid, on it as labels, or else by a lasso; empty if nothing is."""
    if patches_field and (labels := ctx.selected_labels):
        return [label["label_id"] for label in labels]
    return list(ctx.selected or lasso_ids(ctx))


def lasso_ids(ctx: foo.ExecutionContext) -> list[str]:
    """Return the ids of what a lasso of the App is around, empty if there is none or its ids were moved already.

    Older Embeddings panels make it an extended selection, newer ones a stage beside the view.
    """
    found = list((ctx.extended_selection or {}).get("selection") or [])
    for name, values in (ctx.request_params.get("extended") or {}).items():
        if not found and name.rpartition(".")[2] == "Select":
            found = list(values.get("sample_ids") or [])
    return found if lasso_print(found) != read_ui_state(ctx).get("moved") else []


def lasso_print(ids: list[str]) -> str:
    """Return a short text for what a lasso is around."""
    return hashlib.sha256("".join(ids).encode()).hexdigest()[:16]


def missed_lasso(ctx: foo.ExecutionContext, ui: dict) -> bool:
    """Return whether the tab that asks has another lasso than the panel knows: the App does not tell of all."""
    ids = lasso_ids(ctx)
    if not ids:
        return bool(ui.get("lasso")) and ui["lasso"][0] == ctx.params.get("window")
    return not ui.get("lasso") or ui["lasso"][1] != lasso_print(ids)


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
