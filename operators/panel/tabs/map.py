"""The tab with the 2-D map: names, pictures and colors of the clusters, and what to do with what was chosen on it."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...evaluation.maps import ShownMap
from ..components import add_component, add_simple, is_simple
from ..map_colors import color_choices
from ..mapping import chosen_color, chosen_rows, draw_map, draw_picked, layout_of, map_state, shown_map, traces_of
from ..run import PanelRun
from ..selection import add_selection
from ..toolbars import add_shown
from ..widgets import QUIET, button, drop_down, row, search_field, text

HEIGHT = 520  # pixels
# A plain operator, after which nothing is drawn: the App tells of a lasso again whenever it draws the map
LASSO = "@constellation/clusters/choose_on_map"
GOALS = 50  # clusters that the chosen ones can be moved to from here, the largest; the others' cards offer it, too
AT_ONCE = 20_000  # up to this many, a map is made while the user waits
# Not `modeBarButtons`: Plotly takes a list in a list for a change of its settings at every draw, and draws for ever
_NO_TOOLS = ["select2d", "autoScale2d", "toImage"]
_SIDES = {"display": "grid", "gridTemplateColumns": "minmax(0, 1fr) minmax(0, 1fr)", "alignItems": "start"}
_PICTURE = {"width": "100%", "height": "190px", "objectFit": "contain", "display": "block", "borderRadius": "4px"}
_CHOSEN = {"minHeight": "40px"}  # so that the map stays where it is when something is chosen


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the map, above it what can be done with what was chosen, below it what was clicked."""
    shown = shown_map(run)
    if shown is None:
        _add_nothing(panel, run, events)
        return
    add_shown(panel, run, events)
    add_selection(panel, run, events)
    _add_widget(panel, run, shown, events)
    add_simple(panel, "map", run, events, lambda simple: _add_plot(simple, run, shown, events))


def _add_widget(panel: types.Object, run: PanelRun, shown: ShownMap, events: foo.Panel) -> None:
    known = ("on_map_click", "on_map_only", "on_map_new", "on_map_move", "on_map_tag", "on_map_remove")
    calls = {name: getattr(events, name) for name in (*known, "on_card", "on_simple")}
    groups = len(run.run.coarse_clusters)
    facts = {
        "digest": shown.points.digest,
        "drawn": f"{run.version}:{groups}:{run.ui.get('within', '')}",
        "selected": run.ui.get("selected") or 0,
        "shown": run.shown,
        "goals": list(_goals(run).items()),
    }
    add_component(panel, "map", run, calls, facts)


def _add_plot(panel: types.Object, run: PanelRun, shown: ShownMap, events: foo.Panel) -> None:
    _add_bar(panel, run, shown, events)
    panel.plot(
        "map",
        data=traces_of(run, shown),
        layout=layout_of(run, shown),
        config={"scrollZoom": True, "displaylogo": False, "modeBarButtonsToRemove": _NO_TOOLS},
        height=f"{HEIGHT}px",
        on_click=events.on_map_click,
        on_selected=LASSO,
    )
    _add_picked(panel, run, events)


def draw(ctx: foo.ExecutionContext, run: PanelRun, cards: bool) -> None:
    """Send the points if they have changed, and the pictures of what was clicked."""
    if not is_simple(run):
        return
    if cards:
        draw_map(ctx, run)
    draw_picked(ctx, run)


def _add_nothing(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    if run.config.n_used > AT_ONCE:
        why = f"This run has no map, and to make one of {run.config.n_used:,} {run.unit} takes long."
        text(panel, "nothing", f"{why} Compute the clusters again, with the map.")
        return
    text(panel, "nothing", "This run has no map.")
    button(panel, "make", events.on_map_make, "Make the map", strong=True)


def _add_bar(panel: types.Object, run: PanelRun, shown: ShownMap, events: foo.Panel) -> None:
    bar = types.Object()
    n = len(shown.around(chosen_rows(run, shown)))
    drop_down(bar, "color", color_choices(run), events.on_map_color, "Color of the points", chosen_color(run), 220)
    if not n:
        some = "" if shown.whole else f"{len(shown.rows):,} of {len(shown.points):,} {run.unit} are shown. "
        text(bar, "hint", f"{some}Drag around points to choose them, click one to see its cluster.", "0.8rem", QUIET)
    else:
        _add_actions(bar, run, n, events)
    panel.define_property("mapbar", bar, view=row(0.5, **_CHOSEN))


def _add_actions(bar: types.Object, run: PanelRun, n: int, events: foo.Panel) -> None:
    text(bar, "n", f"{n:,} {run.unit} chosen", bold=True)
    button(bar, "only", events.on_map_only, "Only these", help="Show only these in the grid")
    button(bar, "new", events.on_map_new, "New cluster")
    drop_down(bar, "move", _goals(run), events.on_map_move, "Move to…", width=130)
    search_field(bar, "tag", events.on_map_tag, "Tag…", width=110)
    button(bar, "remove", events.on_map_remove, "Remove", help="Put them in no cluster")
    button(bar, "clear", events.on_map_clear, icon="close", help="Choose nothing")


def _goals(run: PanelRun) -> dict[str, str]:
    largest = sorted((card for card in run.cards.values() if card.id >= 0), key=lambda card: -card.size)[:GOALS]
    return {str(card.id): card.name for card in sorted(largest, key=lambda card: card.name.casefold())}


def _add_picked(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    picked = map_state(run).get("picked")
    if not picked:
        return
    card = run.cards.get(picked["cluster"])
    sides = types.Object()
    where = f"It is in {card.name} · {run.size_of(card)}" if card else "It is in no cluster"
    name = card.name if card else "no cluster"
    sides.str("picture", view=_picture(f"The clicked one, of {name}"))
    if card:
        sides.str("sheet", view=_picture(f"Typical of {name}"))
    text(panel, "where", where, bold=True)
    panel.define_property("picked", sides, view=types.GridView(gap=1, componentsProps={"grid": {"sx": _SIDES}}))


def _picture(alt: str) -> types.ImageView:
    return types.ImageView(alt=alt, componentsProps={"image": {"style": _PICTURE}})
