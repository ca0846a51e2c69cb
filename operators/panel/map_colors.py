"""Colors of the points of the map: by cluster, by group of clusters, by confidence, or by a field."""

from collections import Counter
from typing import Any

import numpy as np

from ...models.labels import NOISE, UNASSIGNED
from ...models.palette import cluster_color
from ..evaluation.maps import ShownMap, value_fields, values_now
from ..outputs.map_plot import Colors
from ..runs.colors import cluster_colors
from .run import PanelRun

CLUSTER, COARSE, CONFIDENCE, FIELD = "cluster", "coarse", "confidence", "field:"
GRAY, PALE = cluster_color(NOISE), cluster_color(UNASSIGNED)
_LEGEND = 14  # categories; all others have one color
_SCALE = 20  # whole numbers up to which a field is one of categories


def color_choices(run: PanelRun) -> dict[str, str]:
    """Return what the points can be colored by."""
    coarse = {COARSE: "Color: groups of clusters"} if run.run.coarse_clusters else {}
    fields = {f"{FIELD}{path}": f"Color: {name}" for path, name in value_fields(run.run).items()}
    return {CLUSTER: "Color: clusters", **coarse, CONFIDENCE: "Color: confidence", **fields}


def group_of(run: PanelRun, clusters: np.ndarray) -> np.ndarray:
    """Return the coarse cluster of each point; noise, and what has no label, stay what they are."""
    goes = {fine: record["id"] for record in run.run.coarse_clusters for fine in record["clusters"]}
    found, inverse = np.unique(clusters, return_inverse=True)
    return np.array([goes.get(int(cluster), min(int(cluster), NOISE)) for cluster in found], np.int64)[inverse]


def point_colors(
    run: PanelRun, shown: ShownMap, color: str, clusters: np.ndarray, confidence: np.ndarray
) -> tuple[Colors, list[str] | None]:
    """Return the colors of the points.

    Args:
        run: the run
        shown: the points
        color: one of :func:`color_choices`
        clusters: ``(n,)`` their clusters
        confidence: ``(n,)`` their confidence

    Returns:
        a tuple of the colors, and what the pointer says of each point beside its cluster, or None
    """
    if color == CONFIDENCE:
        return Colors(confidence, None, title="confidence"), [f"confidence {value:.2f}" for value in confidence]
    if color.startswith(FIELD):
        return _of_field(values_now(run.run, shown, color.removeprefix(FIELD)), value_fields(run.run), color)
    if color == COARSE:
        names = {record["id"]: record["label"] for record in run.run.coarse_clusters}
        groups = group_of(run, clusters)
        said = [names.get(group, "no group") for group in groups.tolist()]
        colors = _categories(said, {name: cluster_color(key) for key, name in names.items()})
        return colors, said
    found, places = np.unique(clusters, return_inverse=True)
    known = cluster_colors(run.run)
    return Colors(places, [known.get(int(cluster), GRAY) for cluster in found]), None


def _of_field(values: list[Any], fields: dict[str, str], color: str) -> tuple[Colors, list[str]]:
    title = fields[color.removeprefix(FIELD)]
    known = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    if known and numbers and (any(isinstance(value, float) for value in known) or len(set(known)) > _SCALE):
        scale = np.array([np.nan if value is None else value for value in values], np.float64)
        return Colors(scale, None, title=title), [_said(title, value) for value in values]
    words = ["none" if value is None else str(value) for value in values]
    ranked = sorted({word for word in words if word != "none"}, key=str.casefold)
    palette = {word: cluster_color(place) for place, word in enumerate(ranked)}
    return _categories(words, palette), [f"{title}: {word}" for word in words]


def _said(title: str, value: float | None) -> str:
    return f"{title}: none" if value is None else f"{title}: {value:.4g}"


def _categories(words: list[str], palette: dict[str, str]) -> Colors:
    """Return the colors of categories, the most frequent of which are in the legend, and the others have one color."""
    frequent = [word for word, _ in Counter(word for word in words if word in palette).most_common(_LEGEND)]
    entry = {word: word if word in frequent or word not in palette else "others" for word in set(words)}
    order = [*frequent, *sorted(set(entry.values()) - set(frequent))]
    colors = [palette.get(word, GRAY if word == "others" else PALE) for word in order]
    place = {word: order.index(name) for word, name in entry.items()}
    return Colors(np.array([place[word] for word in words]), colors, order)
