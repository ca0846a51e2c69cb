"""Charts of the Clusters panel, and the views that clicks on them show in the grid."""

from collections.abc import Callable, Iterable
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types
import numpy as np

from ...models.labels import NOISE
from ..evaluation.statistics import BINS, unpack
from ..outputs.plots import Plot, count_map, curve, down, heat_map, plot_label
from .run import Card, PanelRun
from .widgets import QUIET, text

TITLES = {
    "sizes": "Sizes",
    "confidence": "Confidence",
    "silhouette": "Silhouette",
    "similarity": "Similarity",
    "confusion": "Ground truth",
    "training": "Training",
}
HELP = {
    "sizes": "Members of every cluster, largest first. Click a bar to see them.",
    "confidence": "Confidence of the method in its members. Click a bar to see those.",
    "silhouette": (
        "How much nearer members are to their own cluster than to the next, -1 to 1; "
        "the line spans 80 % of them. Click a bar to see the cluster."
    ),
    "similarity": (
        "Cosine between the centers of clusters, similar ones side by side. Click a square to see both clusters."
    ),
    "confusion": "Share of each class in every cluster. Click a square to see those images.",
    "training": "Losses, and the health of the clusters, over the training.",
}
HEALTH = ("entropy", "used", "largest", "confidence", "agreement", "confident")  # shares; "used" becomes one
MAIN, SOFT = "#ff6d04", "rgba(255, 109, 4, .35)"
NAMED = 40  # clusters whose names fit on an axis
NUMBERED = 20  # classes up to which the counts fit into the cells
SHORT, LONG = 18, 60  # characters of a name on an axis, and at the pointer
SLANTED = {"l": 95, "b": 40, "t": 12, "r": 12}  # margins that the first of the names on an axis fits into
LARGEST = 200  # clusters in a heat map; more are squares of two pixels


def available(run: PanelRun) -> list[str]:
    """List the charts that can be drawn of a run."""
    statistics = run.statistics
    known = {
        "sizes": True,
        "confidence": bool(statistics),
        "silhouette": any(c.get("silhouette") is not None for c in statistics.get("clusters", {}).values()),
        "similarity": statistics.get("similarity") is not None,
        "confusion": run.truth.get("counts") is not None,
        "training": bool(run.config.history),
    }
    return [name for name, there in known.items() if there]


def add_chart(panel: types.Object, name: str, run: PanelRun, events: foo.Panel) -> None:
    """Add a chart and a line that explains it.

    Args:
        panel: the object to add to
        name: one of :func:`available`
        run: the run that is shown
        events: the panel, whose methods clicks call
    """
    data, layout = _CHARTS[name](run)
    text(panel, "explained", HELP[name], "0.8rem", QUIET)
    panel.plot(
        f"chart_{name}",
        data=data,
        layout={"margin": {"l": 50, "b": 40, "t": 12, "r": 12}, "height": 440, **layout},
        config={"displayModeBar": False, "scrollZoom": False},
        height="440px",
        on_click=events.on_chart_click,
    )


def clicked(name: str, run: PanelRun, x: float, y: float) -> dict:
    """Return what a click on a chart selects: values of labels as MongoDB compares them, and for ``class`` that class.

    Args:
        name: the chart
        run: the run that is shown
        x: position on the horizontal axis
        y: position on the vertical axis
    """
    if name == "confidence":
        low, high = int(x * BINS) / BINS, (int(x * BINS) + 1) / BINS
        wanted = {"confidence": {"$gte": low, "$lte": 1} if high >= 1 else {"$gte": low, "$lt": high}}
        return wanted | ({"cluster": run.shown} if _histogram(run) else {})
    if name == "similarity":
        order = _largest(run)
        both = {order[round(x)], order[round(y)]}
        return {"cluster": both.pop() if len(both) == 1 else {"$in": sorted(both)}}
    if name == "confusion":
        return {"cluster": _rows_of_truth(run)[round(y)][0], "class": run.truth["classes"][round(x)]}
    return {"cluster": [card.id for card in _ranked(name, run)][round(x)]} if name in ("sizes", "silhouette") else {}


def _ranked(name: str, run: PanelRun) -> list[Card]:
    """Return the cards in the order of a chart's bars."""
    cards = [card for key, card in run.cards.items() if key != NOISE]
    if name == "sizes":
        return sorted(cards, key=lambda card: (-card.size, card.id))
    known = [(-card.silhouette, card.id) for card in cards if card.silhouette is not None]
    return [run.cards[cluster] for _, cluster in sorted(known)]


def _names(cards: list[Card]) -> dict:
    """Return the ticks of an axis of clusters: their names, as long as they fit; two clusters may have the same."""
    if len(cards) > NAMED:
        return {"showticklabels": False, "title": {"text": f"{len(cards)} clusters"}}
    ticks = {"tickvals": list(range(len(cards))), "ticktext": _labels(card.name for card in cards)}
    # left to itself, Plotly leaves out a name that reaches beyond its paper
    return {**ticks, "tickangle": -45, "ticklabeloverflow": "allow"}


def _labels(names: Iterable[str], length: int = SHORT) -> list[str]:
    return [plot_label(name, length) for name in names]


def _bars(cards: list[Card], values: list, **more: Any) -> dict:
    return {
        "type": "bar",
        "x": list(range(len(cards))),
        "y": values,
        "customdata": _labels((card.name for card in cards), LONG),
        "marker": {"color": [card.color for card in cards]},
        **more,
    }


def _sizes(run: PanelRun) -> Plot:
    cards = _ranked("sizes", run)
    bars = _bars(cards, [card.size for card in cards], hovertemplate="%{customdata}: %{y:,}<extra></extra>")
    return [bars], {"xaxis": _names(cards), "yaxis": {"title": {"text": run.unit}}, "margin": SLANTED}


def _histogram(run: PanelRun) -> list[int] | None:
    """Return the confidences of the cluster that the grid shows, None if it shows none, or noise, whose are all 0."""
    return run.statistics["clusters"].get(str(run.shown), {}).get("histogram") if run.shown in run.cards else None


def _confidence(run: PanelRun) -> Plot:
    mine = _histogram(run)
    middles = [(i + 0.5) / BINS for i in range(BINS)]
    hover = "%{y:,} at %{x:.3f}<extra></extra>"
    counts = mine or run.statistics["histogram"]
    card = run.cards[run.shown] if mine and run.shown is not None else None
    color, name = (card.color, card.name) if card else (MAIN, "all clusters")
    bars = {"type": "bar", "x": middles, "y": counts, "marker": {"color": color}, "hovertemplate": hover}
    titles = {
        "xaxis": {"title": {"text": f"confidence of {plot_label(name, LONG)}"}},
        "yaxis": {"title": {"text": run.unit}},
    }
    return [bars], {**titles, "bargap": 0.05}


def _silhouette(run: PanelRun) -> Plot:
    cards = _ranked("silhouette", run)
    found = [run.statistics["clusters"][str(card.id)] for card in cards]
    values, ranges = [one["silhouette"] for one in found], [one["silhouette_range"] for one in found]
    spread = {
        "type": "data",
        "symmetric": False,
        "array": [high - value for (_, high), value in zip(ranges, values, strict=True)],
        "arrayminus": [value - low for (low, _), value in zip(ranges, values, strict=True)],
        "color": "rgba(128, 128, 128, .8)",
        "thickness": 1,
        "width": 0,
    }
    hover = "%{customdata}: %{y:.2f}<extra></extra>"
    bars = _bars(cards, values, error_y=spread, hovertemplate=hover)
    return [bars], {"xaxis": _names(cards), "yaxis": {"title": {"text": "silhouette"}}, "margin": SLANTED}


def _largest(run: PanelRun) -> list[int]:
    """Return the clusters in the similarity chart: the largest, similar ones side by side."""
    sizes = {key: card.size for key, card in run.cards.items()}
    order = [cluster for cluster in run.statistics["order"] if cluster in sizes]
    kept = set(sorted(order, key=lambda cluster: -sizes[cluster])[:LARGEST])
    return [cluster for cluster in order if cluster in kept]


def _similarity(run: PanelRun) -> Plot:
    shown, order = _largest(run), run.statistics["order"]
    at = [order.index(cluster) for cluster in shown]
    table = unpack(run.statistics["similarity"])[np.ix_(at, at)] / 100
    cards = [run.cards[cluster] for cluster in shown]
    names = _labels((card.name for card in cards), LONG)
    scale = {"zmid": 0, "colorscale": "RdBu", "reversescale": False}
    if len(names) <= NAMED:
        pairs = [[f"{one} and {other}" for other in names] for one in names]
        square = heat_map(table.tolist(), "%{text}: %{z:.2f}", text=pairs, **scale)
    else:
        square = heat_map(table.tolist(), "%{z:.2f}", **scale)
    return [square], {"xaxis": _names(cards), "yaxis": down(_names(cards))}


def _rows_of_truth(run: PanelRun) -> list[tuple[int, np.ndarray]]:
    """Return the largest clusters and their counts of classes, those of matched classes on the diagonal."""
    counts = unpack(run.truth["counts"])
    pairs = [pair for pair in zip(run.truth["order"], counts, strict=True) if pair[0] in run.cards]
    kept = {cluster for cluster, _ in sorted(pairs, key=lambda pair: -pair[1].sum())[:LARGEST]}
    return [pair for pair in pairs if pair[0] in kept]


def _confusion(run: PanelRun) -> Plot:
    pairs = _rows_of_truth(run)
    counts = np.array([row for _, row in pairs])
    cards = [run.cards[cluster] for cluster, _ in pairs]
    classes = run.truth["classes"]
    few = len(cards) <= NAMED and len(classes) <= NUMBERED
    square = count_map(counts.tolist(), "%{customdata:,}", numbers=few, showscale=False)
    ticks: dict = {"showticklabels": False}
    if len(classes) <= NAMED:
        ticks = {"tickvals": list(range(len(classes))), "ticktext": _labels(classes), "tickangle": -45}
    title = {"title": {"text": plot_label(run.truth["field"], LONG)}}
    return [square], {"xaxis": ticks | title, "yaxis": down(_names(cards))}


def training_curve(run: PanelRun) -> Plot:
    """Plot the losses of a training and the health of its clusters, in two parts on one axis of steps."""
    history = run.config.history
    steps = history.get("step") or list(range(len(next(iter(history.values())))))
    lines = [
        curve(
            name.replace("_", " "),
            steps,
            _shares(values) if name == "used" else values,
            yaxis="y2" if name in HEALTH else "y",
            line={"dash": "dot"} if name in HEALTH else {},
        )
        for name, values in history.items()
        if name != "step"
    ]
    return lines, {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.12},
        "margin": {"l": 50, "b": 40, "t": 50, "r": 12},
        "xaxis": {"title": {"text": "step"}, "anchor": "y2"},
        "yaxis": {"title": {"text": "loss"}, "domain": [0.55, 1]},
        "yaxis2": {"title": {"text": "health"}, "domain": [0, 0.45], "rangemode": "tozero"},
    }


def _shares(counts: list[int | None]) -> list[float | None]:
    """Return counts as shares of the largest one."""
    most = max((count for count in counts if count), default=1)
    return [count / most if count is not None else None for count in counts]


_CHARTS: dict[str, Callable[[PanelRun], Plot]] = {
    "sizes": _sizes,
    "confidence": _confidence,
    "silhouette": _silhouette,
    "similarity": _similarity,
    "confusion": _confusion,
    "training": training_curve,
}
