"""The strip of the Clusters panel with the least certain images or patches, and where each would go instead."""

import fiftyone.operators.types as types

from .contact_sheets import draw_sheets
from .run import PanelRun
from .widgets import QUIET, column, text

TILES = 12
_CELLS = {"display": "grid", "gridTemplateColumns": "repeat(auto-fill, minmax(92px, 1fr))", "alignItems": "start"}


def border(run: PanelRun) -> list[tuple[str, int, int | None]]:
    """The least certain images or patches of the shown cluster, or of all: their id, cluster and second choice."""
    statistics = run.statistics.get("clusters", {})
    chosen = {str(run.shown): statistics.get(str(run.shown), {})} if run.shown in run.cards else statistics
    found = []
    for key, entry in chosen.items():
        rows = zip(entry.get("margin", []), entry.get("border", []), entry.get("second", []), strict=True)
        found += [(margin, row_id, int(key), second) for margin, row_id, second in rows if int(key) in run.cards]
    return [(row_id, own, second if second in run.cards else None) for _, row_id, own, second in sorted(found)]


def draw_border(ctx, run: PanelRun):
    """Sends the pictures of the strip to the panel."""
    shown = border(run)[:TILES]
    sheets = draw_sheets(run.run.target, [[row_id] for row_id, _, _ in shown], columns=1)
    ctx.panel.set_data({f"border.tile_{place}.picture": sheet for place, sheet in enumerate(sheets)})


def add_border(panel, run: PanelRun, events):
    """Adds the strip; a click on a picture shows its cluster and its second choice together."""
    tiles = types.Object()
    whole = run.shown not in run.cards
    for place, (_, own, second) in enumerate(border(run)[:TILES]):
        tile = types.Object()
        pair = [own] if second is None else [own, second]
        names = " or ".join(run.cards[cluster].name for cluster in pair)
        style = {"width": "100%", "aspectRatio": "1", "objectFit": "cover", "borderRadius": "4px", "cursor": "pointer"}
        view = types.ImageView(
            alt=names,
            operator=events.on_pair,
            params={"clusters": pair},
            componentsProps={"image": {"style": style, "title": f"Show {names}"}},
        )
        tile.str("picture", view=view)
        if whole:
            text(tile, "own", run.cards[own].name, "0.75rem", help=run.cards[own].name, one_line=True)
        words = f"or {run.cards[second].name}" if second is not None else "no other cluster"
        text(tile, "second", words, "0.75rem", QUIET, help=words, one_line=True)
        tiles.define_property(f"tile_{place}", tile, view=column(0.25))
    panel.define_property("border", tiles, view=types.GridView(gap=1, componentsProps={"grid": {"sx": _CELLS}}))
