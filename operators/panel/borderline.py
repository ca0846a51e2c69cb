"""Strip of the Clusters panel with the borderline images or patches, each with its second choice."""

from typing import NamedTuple

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .contact_sheets import draw_sheets
from .pictures import picture_button
from .run import PanelRun
from .widgets import QUIET, column, text

TILES = 12
_PICTURE = {"width": "100%", "aspectRatio": "1", "objectFit": "cover", "borderRadius": "4px"}
_CELLS = {"display": "grid", "gridTemplateColumns": "repeat(auto-fill, minmax(92px, 1fr))", "alignItems": "start"}


class Borderline(NamedTuple):
    """An image or patch that is nearly as close to another cluster.

    Args:
        id: its sample id or label id
        cluster: its cluster
        second: the other cluster, None if there is none
    """

    id: str
    cluster: int
    second: int | None


def borderline_members(run: PanelRun, cluster: int | None = None) -> list[Borderline]:
    """Return the borderline members of a cluster, or of all, those nearest to another cluster first."""
    statistics = run.statistics.get("clusters", {})
    chosen = statistics if cluster is None else {str(cluster): statistics.get(str(cluster), {})}
    ranked = []
    for key, known in chosen.items():
        rows = zip(known.get("margin", []), known.get("border", []), known.get("second", []), strict=True)
        ranked += [(margin, row_id, int(key), second) for margin, row_id, second in rows if int(key) in run.cards]
    ranked.sort()
    return [Borderline(row_id, own, second if second in run.cards else None) for _, row_id, own, second in ranked]


def _shown(run: PanelRun) -> int | None:
    return run.shown if run.shown in run.cards else None


def draw_borderline(ctx: foo.ExecutionContext, run: PanelRun) -> None:
    """Send the pictures of the strip to the panel."""
    members = borderline_members(run, _shown(run))[:TILES]
    fields = run.run.config.vector_fields
    sheets = draw_sheets(run.run.target, [[member.id] for member in members], columns=1, fields=fields)
    ctx.panel.set_data({f"borderline.tile_{place}.picture": sheet for place, sheet in enumerate(sheets)})


def add_borderline(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the strip; a click on a picture shows its cluster and its second choice together."""
    tiles = types.Object()
    whole = _shown(run) is None
    for place, (_, own, second) in enumerate(borderline_members(run, _shown(run))[:TILES]):
        tile = types.Object()
        pair = [own] if second is None else [own, second]
        names = " or ".join(run.cards[cluster].name for cluster in pair)
        label, of = f"Show {' and '.join(run.cards[cluster].name for cluster in pair)}", f"Borderline: {names}"
        picture_button(tile, "picture", events.on_pair, label, of, {"clusters": pair}, _PICTURE)
        if whole:
            text(tile, "own", run.cards[own].name, "0.75rem", help=run.cards[own].name, one_line=True)
        other = f"or {run.cards[second].name}" if second is not None else "no other cluster"
        text(tile, "second", other, "0.75rem", QUIET, help=other, one_line=True)
        tiles.define_property(f"tile_{place}", tile, view=column(0.25, position="relative"))
    panel.define_property("borderline", tiles, view=types.GridView(gap=1, componentsProps={"grid": {"sx": _CELLS}}))
