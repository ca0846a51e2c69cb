"""Answers to the map in the browser: positions, colors, names, and what is under the pointer."""

import base64
from typing import Any

import fiftyone.operators as foo
import numpy as np

from ....models.analysis.map_layout import anchors
from ....models.analysis.map_region import grid_square, unit_square
from ....models.labels import NOISE, UNASSIGNED
from ...evaluation.maps import clusters_now, clusters_of_map, inside_view
from ...execution.grid import users_view
from ...outputs.map_plot import Colors
from ...runs.colors import cluster_colors
from ..contact_sheets import draw_large, draw_sheets
from ..lasso import whole_map
from ..map_colors import CLUSTER, GRAY, PALE, color_choices, group_of, point_colors
from ..mapping import MANY, PICTURES
from ..run import PanelRun
from ..selection import selected_ids

_SHADES = 256  # of a scale
_NOTHING = {"gone": True}


def _positions(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return where the points are, in four bytes each, from 0 to 65,535 in each direction."""
    shown = whole_map(run)
    if shown is None:
        return _NOTHING
    x, y = grid_square(shown.points.xy).astype("<u2").T
    return {"digest": shown.points.digest, "n": len(shown.points), "x": _packed(x), "y": _packed(y)}


def _colors(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the colors of the points, in a byte or two each, with the legend and the names."""
    shown = whole_map(run)
    if shown is None:
        return _NOTHING
    chosen = ctx.params.get("color") or CLUSTER
    choices = color_choices(run)
    chosen = chosen if chosen in choices else CLUSTER
    if chosen == CLUSTER:
        clusters = clusters_of_map(run.run, shown)
        places, entries, scale = _by_cluster(run, clusters)
    else:
        clusters, confidence = clusters_now(run.run, shown)
        colors, _ = point_colors(run, shown, chosen, clusters, confidence)
        places, entries, scale = _by_value(colors)
    inside = inside_view(run.run, shown, users_view(ctx))
    there = clusters != UNASSIGNED
    return {
        "n": len(clusters),
        "color": chosen,
        "choices": list(choices.items()),
        "places": _packed(places.astype("u1" if len(entries) < 256 else "<u2")),
        "entries": entries,
        "scale": scale,
        "names": _names(run, unit_square(shown.points.xy), clusters),
        "inside": None if inside.all() and there.all() else _packed(np.packbits(inside & there)),
    }


def _by_cluster(run: PanelRun, clusters: np.ndarray) -> tuple[np.ndarray, list[dict], None]:
    found, places, counts = np.unique(clusters, return_inverse=True, return_counts=True)
    known, entries = cluster_colors(run.run), []
    for cluster, count in zip(found.tolist(), counts.tolist(), strict=True):
        name = run.names.get(cluster, "noise" if cluster == NOISE else "no cluster")
        color = known.get(cluster, GRAY if cluster == NOISE else PALE)
        entries.append({"cluster": cluster, "name": name, "color": color, "count": count})
    return places.reshape(-1), entries, None


def _by_value(colors: Colors) -> tuple[np.ndarray, list[dict], dict | None]:
    if colors.palette is None:
        return _of_scale(colors)
    counts = np.bincount(colors.values.astype(np.int64), minlength=len(colors.palette)).tolist()
    names = colors.names or [""] * len(colors.palette)
    entries = [
        {"name": name, "color": color, "count": count}
        for name, color, count in zip(names, colors.palette, counts, strict=True)
    ]
    return colors.values, entries, None


def _of_scale(colors: Colors) -> tuple[np.ndarray, list[dict], dict]:
    """Return the shades of a scale; the last one is of points without a number."""
    from plotly.colors import sample_colorscale

    values = np.asarray(colors.values, np.float64)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    part = (values - low) / (high - low if high > low else 1)
    places = np.where(np.isfinite(part), np.round(np.nan_to_num(part) * (_SHADES - 2)), _SHADES - 1)
    shades = sample_colorscale("Viridis", (np.arange(_SHADES - 1) / (_SHADES - 2)).tolist(), colortype="tuple")
    palette = ["#" + "".join(f"{round(255 * part):02x}" for part in shade) for shade in shades]
    entries = [{"name": "", "color": color, "count": 0} for color in [*palette, PALE]]
    return places, entries, {"title": colors.title, "low": low, "high": high}


def _names(run: PanelRun, places: np.ndarray, clusters: np.ndarray) -> list[dict]:
    """Return what is to be written on the map, the most important first."""
    cards = sorted((card for key, card in run.cards.items() if key != NOISE), key=lambda card: -card.size)
    at = anchors(places, clusters, [card.id for card in cards])
    fine = [
        {"cluster": card.id, "text": card.name, "at": _place(at[card.id]), "color": card.color}
        for card in cards
        if card.id in at
    ]
    return [*(_group_names(run, places, clusters) if len(cards) > MANY else []), *fine]


def _portraits(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the addresses of pictures of the largest clusters by id; none waits for them to be named."""
    if run.no_pictures:
        return {"portraits": {}}
    cards = sorted((card for key, card in run.cards.items() if key != NOISE), key=lambda card: -card.size)
    pictured = [card for card in cards if card.prototypes][:PICTURES]
    wanted, fields = [card.prototypes[:1] for card in pictured], run.config.vector_fields
    sheets = draw_sheets(run.run.target, wanted, columns=1, fields=fields)
    return {"portraits": {str(card.id): sheet for card, sheet in zip(pictured, sheets, strict=True)}}


def _group_names(run: PanelRun, places: np.ndarray, clusters: np.ndarray) -> list[dict]:
    records = sorted(run.run.coarse_clusters, key=lambda record: -record["size"])
    at = anchors(places, group_of(run, clusters), [record["id"] for record in records])
    known = [record for record in records if record["id"] in at]
    return [{"text": one["label"], "at": _place(at[one["id"]]), "color": PALE, "coarse": True} for one in known]


def _place(at: Any) -> list[float]:
    return [round(float(part), 5) for part in at]


def _point(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the picture of a point and what it is in."""
    shown = whole_map(run)
    if shown is None or ctx.params["digest"] != shown.points.digest:
        return _NOTHING
    (row_id,) = shown.points.ids(np.array([ctx.params["row"]]))
    found = run.run.labels(ids=[row_id])
    if not found.ids:
        return {"name": "deleted", "picture": None}
    cluster = int(found.clusters[0])
    (picture,) = [None] if run.no_pictures else draw_large(run.run.target, [row_id], run.config.vector_fields)
    return {"name": run.names.get(cluster, "without a cluster"), "picture": picture}


def _selected(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the rows of what is selected in the grid."""
    shown = whole_map(run)
    if shown is None:
        return _NOTHING
    rows = shown.points.rows(selected_ids(ctx, run.config.patches_field))
    return {"digest": shown.points.digest, "rows": _packed(rows.astype("<u4"))}


def _packed(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


QUESTIONS = {
    "positions": _positions,
    "colors": _colors,
    "portraits": _portraits,
    "point": _point,
    "selected": _selected,
}
