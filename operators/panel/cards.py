"""Cards of the Clusters panel: contact sheet, name and statistics of a cluster."""

from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE, UNASSIGNED
from ..outputs.verdicts import isolation, tightness
from .contact_sheets import draw_sheets
from .entries import text_field, tick_box
from .fields import field_of
from .menus import card_actions
from .pictures import picture_button, skipped_while_typing
from .run import Card, PanelRun
from .ticks import ticked
from .widgets import MARKED, QUIET, button, column, dotted, menu, row, text

PURITY = "Purity: its most frequent class and the share of that"
CONFIDENCE = "Confidence {:.2f}: mean of the members, from 0 to 1; other methods reckon theirs otherwise"
COHESION = "Cohesion {:.2f}: 1 if all members are equal, 0 if the cluster is as wide as all images together"
SEPARATION = (
    "Separation {:.1f}: distance to the nearest cluster in standard deviations; "
    "2.7 is one cluster cut in two, above 4 there is a gap"
)
_TWO_LINES: dict[str, Any] = {
    "display": "-webkit-box",
    "WebkitLineClamp": 2,
    "WebkitBoxOrient": "vertical",
    "overflow": "hidden",
}
MIXED = "mixed: more than one kind of thing"
NAMESAKE = "another cluster has the same name; rename one"
NAMESAKE_HELP = "The App tells labels apart by their names: in the grid both have one color, and a filter finds both"
_SHEET = {"width": "100%", "aspectRatio": "1", "objectFit": "contain", "display": "block", "borderRadius": "4px"}
_SHEET |= {"background": "rgba(128, 128, 128, .2)"}
_CELLS = {"display": "grid", "gridTemplateColumns": "repeat(auto-fill, minmax(150px, 1fr))", "alignItems": "stretch"}


def draw_cards(ctx: foo.ExecutionContext, run: PanelRun) -> None:
    """Send the contact sheets of the open page to the panel."""
    sheets = draw_sheets(run.run.target, [card.prototypes for card in run.on_page], fields=run.run.config.vector_fields)
    ctx.panel.set_data({f"simple.cards.card_{place}.sheet": sheet for place, sheet in enumerate(sheets)})


def add_cards(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the cards of the open page.

    Args:
        panel: the object to add to
        run: the run that is shown
        events: the panel, whose methods the cards call
    """
    cards = types.Object()
    for place, card in enumerate(run.on_page):
        _add_card(cards, f"card_{place}", card, run, events)
    unassigned = run.ui.get("unassigned")
    if unassigned and run.shows_unassigned:
        _add_unassigned(cards, unassigned, run, events)
    add_grid(panel, "cards", cards, skipped_while_typing(card.name for card in run.on_page))


def add_grid(panel: types.Object, name: str, cards: types.Object, more: dict | None = None) -> None:
    """Add cards side by side, in as many columns as there is room for; ``more`` is added to the style."""
    style = {**_CELLS, **(more or {})}
    panel.define_property(name, cards, view=types.GridView(gap=1, componentsProps={"grid": {"sx": style}}))


def _add_card(cards: types.Object, name: str, card: Card, run: PanelRun, events: foo.Panel) -> None:
    box = types.Object()
    show = {"cluster": card.id}
    picture_button(box, "sheet", events.on_card, f"Show {card.name}", f"Typical of {card.name}", show, _SHEET)
    keys = card.id in (run.shown, NOISE)  # where the tab key stops; else it goes from one name to the next
    if card.id != NOISE:
        marked = card.id in ticked(run)
        tick_box(box, events.on_tick, f"Tick {card.name}", marked, {"cluster": card.id}, keys)
    _add_head(box, card, run, events, keys)
    text(box, "size", f"{run.size_of(card)} · {100 * card.share:.1f} %")
    if statistics := statistics_lines(card):  # one widget, for the App takes its time with each
        lines, helps = zip(*statistics, strict=True)
        text(box, "statistics", "\n".join(lines), "0.8rem", QUIET, help="\n".join(helps), whiteSpace="pre-line")
    if card.mixed:
        text(box, "mixed", MIXED, "0.8rem", bold=True, **MARKED)
    if list(run.names.values()).count(card.name) > 1:  # of 0.1.0, which let two have one
        text(box, "namesake", NAMESAKE, "0.8rem", help=NAMESAKE_HELP, **MARKED)
    if card.description:
        text(box, "description", card.description, "0.8rem", QUIET, help=card.description, **_TWO_LINES)
    border = {"p": 1, "m": 0, "height": "100%", "boxSizing": "border-box"}
    border |= {"borderColor": "primary.main"} if card.id == run.shown else {}
    cards.define_property(name, box, view=column(0.25, types.OutlinedContainer(sx=border), position="relative"))


def _add_head(box: types.Object, card: Card, run: PanelRun, events: foo.Panel, keys: bool) -> None:
    """Add the name, which is a field when it is clicked, and the menu."""
    head, name = types.Object(), types.Object()
    text(name, "said", card.name, "0.95rem", bold=True, **_TWO_LINES, **dotted(card.color))
    if card.id != NOISE:
        text_field(name, field_of(run, card), card.name, events.on_name, f"Name of {card.name}")
    around = {"display": "block", "position": "relative", "minWidth": 0}
    head.define_property("name", name, view=types.GridView(gap=0, componentsProps={"grid": {"sx": around}}))
    actions = card_actions(card.id)
    which = {"cluster": card.id}
    menu(head, "menu", actions, events.on_menu, f"Actions of {card.name}", which, run.turn, fit=True, keys=keys)
    columns = {"display": "grid", "gridTemplateColumns": "minmax(0, 1fr) auto", "alignItems": "center"}
    style = {**columns, "position": "relative", "width": "100%"}
    box.define_property("head", head, view=types.GridView(gap=0, componentsProps={"grid": {"sx": style}}))


def statistics_lines(card: Card) -> list[tuple[str, str]]:
    """Return the lines on what the cluster is like in words, with the figures and their explanations."""
    lines = []
    if card.purity is not None:
        lines.append((f"{100 * card.purity:.0f} % {card.majority}", PURITY))
    if card.cohesion is not None:
        lines.append((tightness(card.cohesion), COHESION.format(card.cohesion)))
    if card.separation is not None and card.nearest is not None:
        lines.append((isolation(card.separation, card.nearest), SEPARATION.format(card.separation)))
    if lines and card.confidence is not None and card.id != NOISE:  # a figure that only its method can explain
        words, help = lines[-1]
        lines[-1] = (words, f"{help}\n{CONFIDENCE.format(card.confidence)}")
    return lines


def _add_unassigned(cards: types.Object, count: int, run: PanelRun, events: foo.Panel) -> None:
    box = types.Object()
    text(box, "name", "Without a cluster", "0.95rem", bold=True)
    text(box, "size", f"{count:,} {run.unit}")
    text(box, "why", why_unassigned(run), "0.8rem", QUIET)
    button(box, "show", events.on_card, "Show", params={"cluster": UNASSIGNED})
    cards.define_property("unassigned", box, view=column(0.5, types.OutlinedContainer(sx={"p": 1, "m": 0})))


def why_unassigned(run: PanelRun) -> str:
    """Return why there are images or patches without a cluster."""
    skipped = ", ".join(f"{number:,} {reason}" for reason, number in run.config.skipped.items())
    return f"left out by the run: {skipped}" if skipped else "not part of the run"


def add_pages(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the buttons that turn the pages, if there are several."""
    if run.pages == 1:
        return
    bar = types.Object()
    button(bar, "back", events.on_page_back, icon="chevron_left", help="Page back", disabled=run.page == 0)
    text(bar, "where", f"page {run.page + 1} of {run.pages} · {len(run.listed):,} clusters", color=QUIET)
    last = run.page == run.pages - 1
    button(bar, "on", events.on_page_on, icon="chevron_right", help="Page on", disabled=last)
    panel.define_property("pages", bar, view=row())
