"""The tree of a run's clusters as a plot that can be cut by a click."""

from typing import NamedTuple

import numpy as np

from ...models.labels import NOISE
from ..editing.hierarchy import kept_tree
from ..outputs.plots import Plot, plot_label
from .charts import MAIN, NAMED, SHORT
from .run import PanelRun


class Tree(NamedTuple):
    """A tree.

    Args:
        clusters: its leaves
        children: ``(k - 1, 2)`` merges, ``k + i`` stands for the group of merge ``i``
        heights: ``(k - 1,)`` distances of the merges, increasing
    """

    clusters: list[int]
    children: np.ndarray
    heights: np.ndarray


def tree_of(run: PanelRun) -> Tree | None:
    """Return the tree that the run keeps, None if it is not that of the clusters as they are."""
    stored = run.run.results.get("hierarchy")
    ids = sorted(cluster for cluster in run.cards if cluster != NOISE)
    found = kept_tree(stored, ids, stored["linkage"], run.run.state) if stored else None
    return Tree(ids, *found) if found else None


def tree_plot(tree: Tree, run: PanelRun, n_groups: int) -> Plot:
    """Plot a tree, with a line where it is cut into groups.

    Args:
        tree: the tree
        run: the run
        n_groups: the number of groups
    """
    from scipy.cluster.hierarchy import dendrogram

    drawn = dendrogram(_linkage(tree), no_plot=True, labels=None)
    # scipy's leaves are at 5, 15, 25, ...
    x = [(value - 5) / 10 if value is not None else None for corner in drawn["icoord"] for value in (*corner, None)]
    y = [value for corner in drawn["dcoord"] for value in (*corner, None)]
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": "rgba(128, 128, 128, .9)", "width": 1},
        "hoverinfo": "none",
    }
    leaves = [tree.clusters[leaf] for leaf in drawn["leaves"]]
    axis: dict = {"showticklabels": False, "title": {"text": f"{len(leaves)} clusters"}}
    if len(leaves) <= NAMED:
        names = [plot_label(run.names[cluster], SHORT) for cluster in leaves]
        axis = {"tickvals": list(range(len(leaves))), "ticktext": names, "tickangle": -45, "ticklabeloverflow": "allow"}
    cut: dict = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": _cut_height(tree, n_groups)}
    cut |= {"y1": cut["y0"], "line": {"color": MAIN, "dash": "dash", "width": 1.5}}
    return [line], {
        "height": 260,
        "margin": {"l": 60, "r": 12, "t": 8, "b": 80},
        "xaxis": {**axis, "showgrid": False, "zeroline": False},
        "yaxis": {"showticklabels": False, "showgrid": False, "zeroline": False, "rangemode": "tozero"},
        "shapes": [cut],
        "hovermode": "closest",
    }


def count_of_cut(tree: Tree, height: float) -> int:
    """Return the number of groups that a cut at a height leaves."""
    return int((tree.heights > height).sum()) + 1


def _cut_height(tree: Tree, n_groups: int) -> float:
    """Return the middle between the merges that a cut into so many groups lies between."""
    place = len(tree.heights) - n_groups  # of the last merge below the cut
    below = float(tree.heights[place]) if place >= 0 else 0.0
    return (below + float(tree.heights[min(place + 1, len(tree.heights) - 1)])) / 2


def _linkage(tree: Tree) -> np.ndarray:
    """Return a tree as scipy's linkage matrix ``(k - 1, 4)``."""
    k = len(tree.clusters)
    sizes = np.ones(2 * k - 1)
    for row, (left, right) in enumerate(tree.children):
        sizes[k + row] = sizes[left] + sizes[right]
    return np.column_stack([tree.children, tree.heights, sizes[k:]]).astype(float)
