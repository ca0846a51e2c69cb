"""Plots as Plotly takes them: curves, heat maps, and labels on axes."""

import html
from collections.abc import Sequence
from typing import Any

HEIGHT = 320  # pixels of a plot in a dialog; without, the App gives it a line
Plot = tuple[list[dict], dict]  # traces and layout


def shorten(text: str, length: int) -> str:
    """Return a text cut to ``length`` characters, the last of which is then an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def plot_label(name: str, length: int) -> str:
    """Return a name of at most ``length`` characters, escaped: Plotly reads markup in labels."""
    return html.escape(shorten(name, length), quote=False)


def curve(name: str, x: Sequence[float], y: Sequence[float | None], **options: Any) -> dict:
    """Return the trace of a curve.

    Args:
        name: its name in the legend
        x: positions
        y: values, None where there is none
        **options: more properties of the trace, such as ``yaxis``
    """
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), **options}


def heat_map(values: list[list[float]], hover: str, **options: Any) -> dict:
    """Return the trace of a heat map.

    Args:
        values: a row per row of the map
        hover: Plotly's template of the text at the pointer
        **options: more properties of the trace, such as ``colorscale``
    """
    return {"type": "heatmap", "z": values, "hovertemplate": f"{hover}<extra></extra>", **options}


def count_map(counts: list[list[int]], hover: str, numbers: bool, **options: Any) -> dict:
    """Return the trace of a heat map of counts, colored by the share of each in its row.

    Args:
        counts: a row per row of the map; ``hover`` knows them as ``customdata``
        hover: Plotly's template of the text at the pointer
        numbers: whether the counts are written into the cells
        **options: more properties of the trace
    """
    totals = [sum(row) or 1 for row in counts]
    shares = [[round(count / total, 3) for count in row] for row, total in zip(counts, totals, strict=True)]
    written = {"text": counts, "texttemplate": "%{text}"} if numbers else {}
    scale = {"customdata": counts, "zmin": 0, "zmax": 1, "colorscale": "Viridis"}
    return heat_map(shares, hover, **scale, **written, **options)


def down(axis: dict) -> dict:
    """Return a vertical axis that counts rows from the top, as tables do."""
    return {**axis, "tickangle": 0, "autorange": "reversed"}
