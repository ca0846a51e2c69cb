"""Map of the run that the panel shows: how it is drawn, and what was chosen on it.

Its points are in the description of the panel, packed as bytes, and not in the panel's data: that the App makes a part
of the workspace, and sends back twice with every click anywhere in the panel.
"""

import base64
import html
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import fiftyone.operators as foo
import numpy as np

from ...models.analysis.map_layout import anchors
from ...models.analysis.map_region import Region
from ...models.labels import NOISE, UNASSIGNED
from ..dataset.private import dataset_id
from ..evaluation.maps import ShownMap, clusters_now, inside_view
from ..execution.grid import users_view
from ..outputs.map_plot import Name, map_layout, map_traces
from ..runs.colors import cluster_colors
from ..runs.map_places import has_places
from ..runs.map_points import read_points
from .contact_sheets import draw_large, draw_sheets
from .lasso import lasso_region, lasso_rows, whole_map
from .map_colors import CLUSTER, color_choices, group_of, point_colors
from .opening import PANEL
from .run import PanelRun
from .state import read_ui_state

PICTURES = 10  # of the largest clusters
MANY = 60  # clusters, above which the names of coarse groups come first
_KEPT = 8  # drawings
SAID = 5000  # points, up to which the pointer says what each is; more are too much text to send
_layouts: dict[tuple, dict] = {}
_traces: dict[tuple, list[dict]] = {}


def shown_map(run: PanelRun) -> ShownMap | None:
    """Return the points that are shown, None if the run has no map."""
    points = read_points(run.run)
    return None if points is None or not len(points) else ShownMap.of(points)


def map_state(run: PanelRun) -> dict:
    """Return the UI state of the map: color, chosen, selection, picked."""
    return run.ui.get("map") or {}


def with_map(run: PanelRun, **changes: Any) -> dict:
    """Return the changed UI state of the map, as ``change_state`` takes it."""
    return {"map": {**map_state(run), **changes}}


def without_choice(run: PanelRun) -> dict:
    """Return the UI state of the map without the lasso, as ``change_state`` takes it."""
    return with_map(run, chosen=None, selection=map_state(run).get("selection", 0) + 1)


def chosen_color(run: PanelRun) -> str:
    """Return what the points are colored by; the clusters, if what was chosen is gone."""
    chosen = map_state(run).get("color") or CLUSTER
    return chosen if chosen == CLUSTER or chosen in color_choices(run) else CLUSTER


def pack_rows(n: int, rows: Iterable[int]) -> str:
    """Return rows, each below ``n``, as short text."""
    chosen = np.zeros(n, bool)
    chosen[list(rows)] = True
    return base64.b64encode(np.packbits(chosen).tobytes()).decode()


def chosen_rows(run: PanelRun, shown: ShownMap) -> np.ndarray:
    """Return the rows of what is shown that were chosen with the lasso."""
    packed = np.frombuffer(base64.b64decode(map_state(run).get("chosen") or ""), np.uint8)
    return np.flatnonzero(np.unpackbits(packed)[: len(shown.rows)])


def chosen_ids(ctx: foo.ExecutionContext, run: PanelRun) -> list[str]:
    """Return the ids of what was chosen with the lasso and is in the user's view."""
    lasso = ctx.params.get("lasso")
    shown = whole_map(run) if lasso else shown_map(run)
    if shown is None:
        return []
    rows = lasso_rows(run, shown, lasso) if lasso else shown.around(chosen_rows(run, shown))
    chosen = replace(shown, rows=rows)
    inside = inside_view(run.run, chosen, users_view(ctx))
    return [row_id for row_id, keep in zip(chosen.ids, inside.tolist(), strict=True) if keep]


def large_choice(ctx: foo.ExecutionContext, run: PanelRun) -> Region | None:
    """Return the part of the map that the lasso is around, None where the database cannot look for it."""
    if lasso := ctx.params.get("lasso"):
        return lasso_region(run, lasso)
    shown = shown_map(run)
    return shown.region(chosen_rows(run, shown)) if shown and has_places(run.run) else None


def draw_map(ctx: foo.ExecutionContext, run: PanelRun) -> None:
    """Make the traces as the user's view is now, unless they are known."""
    shown = shown_map(run)
    if shown is not None and _key(run, shown) not in _traces:
        _keep(run, shown, inside_view(run.run, shown, users_view(ctx)))


def traces_of(run: PanelRun, shown: ShownMap) -> list[dict]:
    """Return the traces of the map."""
    key = _key(run, shown)
    return _traces[key] if key in _traces else _keep(run, shown, np.ones(len(shown.rows), bool))


def _key(run: PanelRun, shown: ShownMap) -> tuple:
    of_run = str(dataset_id(run.dataset)), run.config.uid or run.key, run.version, len(shown.points)
    return *of_run, chosen_color(run), run.ui.get("within", "")


def _keep(run: PanelRun, shown: ShownMap, inside: np.ndarray) -> list[dict]:
    clusters, confidence = clusters_now(run.run, shown)
    colors, said = point_colors(run, shown, chosen_color(run), clusters, confidence)
    hover = _hover(run, clusters, said) if len(clusters) <= SAID else None
    if len(_traces) >= _KEPT:
        del _traces[next(iter(_traces))]
    found = _traces[_key(run, shown)] = map_traces(shown.xy, colors, hover, inside, clusters != UNASSIGNED)
    return found


def _hover(run: PanelRun, clusters: np.ndarray, said: list[str] | None) -> list[str]:
    names = {cluster: html.escape(name, quote=False) for cluster, name in run.names.items()}
    hover = [names.get(cluster, "without a cluster") for cluster in clusters.tolist()]
    if said is None:
        return hover
    return [f"{name}<br>{html.escape(words, quote=False)}" for name, words in zip(hover, said, strict=True)]


def draw_picked(ctx: foo.ExecutionContext, run: PanelRun) -> None:
    """Send the picture of the point that was clicked, and the contact sheet of its cluster."""
    picked = map_state(run).get("picked")
    if not picked:
        return
    target, fields = run.run.target, run.config.vector_fields
    (large,) = draw_large(target, [picked["id"]], fields)
    card = run.cards.get(picked["cluster"])
    (sheet,) = draw_sheets(target, [card.prototypes if card else []], fields=fields)
    ctx.panel.set_data({"simple.picked.picture": large, "simple.picked.sheet": sheet})


def layout_of(run: PanelRun, shown: ShownMap) -> dict:
    """Return the layout of the map, with the names of its clusters as they are now."""
    key = _key(run, shown)[:4]
    if key not in _layouts:
        if len(_layouts) >= _KEPT:
            del _layouts[next(iter(_layouts))]
        _layouts[key] = map_layout(shown.xy, _names(run, shown))
    return {**_layouts[key], "selectionrevision": map_state(run).get("selection", 0)}


def _names(run: PanelRun, shown: ShownMap) -> list[Name]:
    """Return what is to be written, the most important first."""
    clusters, _ = clusters_now(run.run, shown)
    cards = sorted((card for key, card in run.cards.items() if key != NOISE), key=lambda card: -card.size)
    places = anchors(shown.xy, clusters, [card.id for card in cards])
    cards = [card for card in cards if card.id in places]
    pictured = [card for card in cards if card.prototypes][:PICTURES]
    wanted, fields = [card.prototypes[:1] for card in pictured], run.config.vector_fields
    sheets = draw_sheets(run.run.target, wanted, columns=1, fields=fields)
    pictures = {card.id: sheet for card, sheet in zip(pictured, sheets, strict=True)}
    known = cluster_colors(run.run)
    fine = [Name(card.name, places[card.id], pictures.get(card.id), color=known[card.id]) for card in cards]
    return [*(_group_names(run, shown, clusters) if len(cards) > MANY else []), *fine]


def _group_names(run: PanelRun, shown: ShownMap, clusters: np.ndarray) -> list[Name]:
    records = sorted(run.run.coarse_clusters, key=lambda record: -record["size"])
    places = anchors(shown.xy, group_of(run, clusters), [record["id"] for record in records])
    return [Name(record["label"], places[record["id"]], strong=True) for record in records if record["id"] in places]


def tell_choice(ctx: foo.ExecutionContext) -> None:
    """Tell the panel that asks what its lasso is around, in few bytes, unless that is nothing or known."""
    rows = [one["idx"] for one in ctx.params.get("data") or [] if one["trace_idx"] == 0]
    if not rows or ctx.dataset is None:
        return
    packed = pack_rows(max(rows) + 1, rows)
    if packed != (read_ui_state(ctx).get("map") or {}).get("chosen"):
        told = {name: ctx.params.get(name) for name in ("panel_id", "panel_state")}
        event = {"__method__": "on_map_lasso", "rows": packed}
        ctx.trigger(f"@constellation/clusters/{PANEL}", params={**told, **event})
