"""Question of the Clusters panel whether two clusters that look alike are one, with both contact sheets."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..evaluation.alike import Alike, alike_clusters
from ..outputs.verdicts import likeness
from .contact_sheets import draw_sheets
from .run import PanelRun
from .widgets import QUIET, button, column, dotted, row, text

_SIDES = {"display": "grid", "gridTemplateColumns": "repeat(2, minmax(0, 1fr))", "alignItems": "start"}
_SHEET = {"width": "100%", "aspectRatio": "1", "maxHeight": "300px", "objectFit": "contain", "display": "block"}
HELP = "Separation {:.1f}: above 4 there is a gap; similarity of their centers {:.2f}, of 1"


def asked_pair(run: PanelRun) -> tuple[list[Alike], int] | None:
    """Return the pairs that look alike and the place of the one that is asked about, None if none is.

    The UI state has the clusters that were asked about last; where these do not look alike any more, for they were
    merged or kept apart, the first of those that are left is asked about.
    """
    asked = run.ui.get("alike")
    pairs = alike_clusters(run.run) if asked else []
    if not pairs:
        return None
    places = [place for place, pair in enumerate(pairs) if list(pair.clusters) == asked]
    return pairs, places[0] if places else 0


def next_pair(run: PanelRun) -> list[int] | None:
    """Return the clusters of the pair after the one that is asked about, going round."""
    asked = asked_pair(run)
    if asked is None:
        return None
    pairs, place = asked
    return list(pairs[(place + 1) % len(pairs)].clusters)


def add_alike(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the question that is open, or a line that opens it; nothing where no two clusters look alike."""
    if asked := asked_pair(run):
        _add_question(panel, run, *asked, events)
        return
    pairs = alike_clusters(run.run)
    if not pairs:
        return
    line = types.Object()
    first, second = (run.names[cluster] for cluster in pairs[0].clusters)
    more = len(pairs) - 1
    others = f", and so do{'es' * (more == 1)} {more} more pair{'s' * (more > 1)}" if more else ""
    text(line, "said", f"{first} and {second} look alike{others}.", help=_figures(pairs[0]))
    params = {"clusters": list(pairs[0].clusters)}
    button(
        line, "open", events.on_alike, "Side by side", help="See both and decide: merge or keep apart", params=params
    )
    panel.define_property("alike_line", line, view=row())


def draw_alike(ctx: foo.ExecutionContext, run: PanelRun) -> None:
    """Send the contact sheets of the pair that is asked about."""
    asked = asked_pair(run)
    if asked is None:
        return
    pairs, place = asked
    prototypes = [run.cards[cluster].prototypes for cluster in pairs[place].clusters]
    sheets = draw_sheets(run.run.target, prototypes, fields=run.run.config.vector_fields)
    ctx.panel.set_data({f"alike.sides.side_{side}.sheet": sheet for side, sheet in enumerate(sheets)})


def _add_question(panel: types.Object, run: PanelRun, pairs: list[Alike], place: int, events: foo.Panel) -> None:
    pair, box, sides = pairs[place], types.Object(), types.Object()
    first, second = (run.names[cluster] for cluster in pair.clusters)
    text(box, "asked", "These two look alike. Are they one?", bold=True)
    said = f"{likeness(pair.separation, first, second)} · {place + 1} of {len(pairs)}"
    text(box, "said", said, "0.8rem", QUIET, help=_figures(pair))
    for side, cluster in enumerate(pair.clusters):
        _add_side(sides, f"side_{side}", run, cluster)
    box.define_property("sides", sides, view=types.GridView(gap=1, componentsProps={"grid": {"sx": _SIDES}}))
    answers, both = types.Object(), {"clusters": list(pair.clusters)}
    help = "Make one cluster of both; the larger one's name stays"
    button(answers, "merge", events.on_alike_merge, "Merge", help=help, params=both, strong=True)
    help = "They are two; do not ask again"
    button(answers, "apart", events.on_alike_apart, "Keep apart", help=help, params=both)
    button(answers, "next", events.on_alike_next, "Next", help="Decide later", disabled=len(pairs) < 2)
    button(answers, "both", events.on_pair, "Show both", help="Show both in the grid", params=both)
    button(answers, "close", events.on_alike, "Close", help="Ask no more for now", params={"clusters": None})
    box.define_property("answers", answers, view=row(0.5))
    panel.define_property("alike", box, view=column(0.75, types.OutlinedContainer(sx={"p": 1, "m": 0})))


def _add_side(sides: types.Object, name: str, run: PanelRun, cluster: int) -> None:
    side, card = types.Object(), run.cards[cluster]
    text(side, "name", card.name, "0.95rem", bold=True, **dotted(card.color))
    text(side, "size", run.size_of(card), "0.8rem", QUIET)
    view = types.ImageView(alt=f"Typical of {card.name}", componentsProps={"image": {"style": _SHEET}})
    side.str("sheet", view=view)
    sides.define_property(name, side, view=column(0.25))


def _figures(pair: Alike) -> str:
    return HELP.format(pair.separation, pair.similarity)
