"""The 2-D map of a run as a Plotly scatter plot: points in colors, names and pictures of clusters."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...models.analysis.map_layout import Box, place_boxes
from .plots import plot_label

UNITS = 60_000  # of the map's width and height; they fit into two bytes
OPACITY = 0.85
POINTS = "points"  # the name of the trace whose points are rows of the map
WIDTH, HEIGHT = 560, 520  # pixels that names are placed in; a wider map has more room
LONGEST = 24  # characters of a name
PICTURE = 46  # pixels
_FONT, _LINE = 6.6, 21  # pixels of a character and of a line of a name
_PILL = {"bgcolor": "rgba(24, 24, 27, .78)", "borderpad": 2}
_MARGIN = 0.04  # of the map, around its points
_FADED, _GONE = 0.07, 0.0  # opacity of what is not in the user's view, and of what does not exist any more


@dataclass(frozen=True)
class Colors:
    """Colors of points.

    Args:
        values: ``(n,)`` numbers; of categories their places in ``palette``
        palette: colors of categories; None for a scale of numbers
        names ([]): names of categories for a legend, empty for none
        title (""): of the scale
    """

    values: np.ndarray
    palette: list[str] | None
    names: list[str] = field(default_factory=list)
    title: str = ""


@dataclass(frozen=True)
class Name:
    """Text on the map, and where it belongs.

    Args:
        text: the name
        at: where it belongs, in the map's units
        picture (None): address of a picture above it
        strong (False): whether it is of a whole group of clusters
        color (white): of the line around it
    """

    text: str
    at: tuple[float, float]
    picture: str | None = None
    strong: bool = False
    color: str = "rgba(255, 255, 255, .25)"


def extent(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower left corner of a map and its width and height, with a margin."""
    low, high = (xy.min(axis=0), xy.max(axis=0)) if len(xy) else (np.zeros(2), np.ones(2))
    size = np.where(high > low, high - low, 1).astype(np.float64)
    return low - _MARGIN * size, size * (1 + 2 * _MARGIN)


def map_traces(
    xy: np.ndarray, colors: Colors, hover: Sequence[str] | None, inside: np.ndarray, there: np.ndarray
) -> list[dict]:
    """Return the traces of a map, its numbers packed as bytes: a tenth of their text.

    Args:
        xy: ``(n, 2)`` positions
        colors: their colors
        hover: ``(n,)`` texts at the pointer, or None for none
        inside: ``(n,)`` whether each is in the user's view; others are faded
        there: ``(n,)`` whether each still exists; others are not seen
    """
    corner, size = extent(xy)
    places = np.round((xy - corner) / size * UNITS).astype(np.uint16)
    opacity = np.where(there, np.where(inside, OPACITY, _FADED), _GONE)
    kind = "f4" if colors.palette is None else "u2"
    marker: dict[str, Any] = {"size": _size(len(xy)), "color": _packed(colors.values, kind), **_scale(colors)}
    marker["opacity"] = OPACITY if (opacity == OPACITY).all() else _packed(opacity, "f4")
    said = {"hoverinfo": "none"} if hover is None else {"text": list(hover), "hovertemplate": "%{text}<extra></extra>"}
    points = {
        "type": "scattergl",
        "mode": "markers",
        "name": POINTS,
        "x": _packed(places[:, 0], "u2"),
        "y": _packed(places[:, 1], "u2"),
        **said,
        "marker": marker,
        "unselected": {"marker": {"opacity": 0.12}},
        "showlegend": False,
    }
    return [points, *_legend(colors)]


def map_layout(xy: np.ndarray, names: Sequence[Name]) -> dict:
    """Return the layout of a map, with the names that fit.

    Args:
        xy: ``(n, 2)`` positions
        names: what is to be written, the most important first
    """
    corner, size = extent(xy)
    centers = (np.array([name.at for name in names]).reshape(-1, 2) - corner) / size
    places = place_boxes(centers, [_box(name) for name in names], (xy - corner) / size)
    annotations, images = [], []
    for name, place in zip(names, places, strict=True):
        if place is None:
            continue
        x, y = (round(share * UNITS) for share in place)
        tall = PICTURE / HEIGHT * UNITS if name.picture else 0
        annotations.append(_annotation(name, x, round(y - tall / 2)))
        if name.picture:
            images.append(_image(name.picture, x, round(y + _LINE / HEIGHT * UNITS / 2)))
    axis = {"visible": False, "showgrid": False, "zeroline": False, "automargin": False, "range": [0, UNITS]}
    return {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0},
        "xaxis": axis,
        "yaxis": axis,
        "height": HEIGHT,
        "dragmode": "lasso",
        "hovermode": "closest",
        "uirevision": "map",
        "showlegend": True,
        "legend": {"orientation": "v", "x": 0.01, "y": 0.99, "itemclick": False, "itemdoubleclick": False},
        "annotations": annotations,
        "images": images,
    }


def _box(name: Name) -> Box:
    width = _FONT * min(len(name.text), LONGEST) * (1.15 if name.strong else 1) + 12
    height = _LINE + (PICTURE + 2 if name.picture else 0)
    return Box(max(width, PICTURE if name.picture else 0) / WIDTH, height / HEIGHT, hides=name.picture is not None)


def _annotation(name: Name, x: float, y: float) -> dict:
    text = plot_label(name.text, LONGEST)
    font = {"color": "#ffffff", "size": 13 if name.strong else 11}
    return {
        "x": x,
        "y": y,
        "text": f"<b>{text}</b>" if name.strong else text,
        "showarrow": False,
        "font": font,
        **_PILL,
        "bordercolor": name.color,
    }


def _image(address: str, x: float, y: float) -> dict:
    sizes = {"sizex": round(PICTURE / WIDTH * UNITS), "sizey": round(PICTURE / HEIGHT * UNITS), "sizing": "contain"}
    anchor = {"xanchor": "center", "yanchor": "middle", "xref": "x", "yref": "y", "layer": "above"}
    return {"source": address, "x": x, "y": y, **sizes, **anchor}


def _size(n: int) -> float:
    """Return a diameter in pixels at which many points still are points."""
    return float(np.clip(260 / np.sqrt(max(n, 1)), 2.5, 7))


def _scale(colors: Colors) -> dict:
    if colors.palette is None:
        bar = {"title": {"text": plot_label(colors.title, LONGEST), "side": "right"}, "thickness": 12, "len": 0.6}
        return {"colorscale": "Viridis", "showscale": True, "colorbar": {**bar, "x": 0.99, "xanchor": "right"}}
    n = max(len(colors.palette), 1)
    steps = [[(place + side) / n, color] for place, color in enumerate(colors.palette) for side in (0, 1)]
    return {"colorscale": steps, "cmin": -0.5, "cmax": n - 0.5, "showscale": False}


def _legend(colors: Colors) -> list[dict]:
    """Return an empty trace for each name: a legend of categories, which share one trace of points."""
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [None],
            "y": [None],
            "name": plot_label(name, LONGEST),
            "marker": {"color": color, "size": 9},
            "showlegend": True,
            "hoverinfo": "skip",
        }
        for name, color in zip(colors.names, colors.palette or [], strict=False)
    ]


def _packed(values: np.ndarray, kind: str) -> dict:
    """Return numbers as Plotly reads bytes; ``kind`` is NumPy's and Plotly's name of their type."""
    return {"dtype": kind, "bdata": base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()}
