"""Tabs of the Clusters panel, one per file: how each looks, and the pictures that are sent to it."""

from collections.abc import Callable
from typing import NamedTuple

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..run import PanelRun
from . import charts, clusters, compare, details, groups, map, review


class Tab(NamedTuple):
    """A tab.

    Args:
        label: what its button says
        add: adds its widgets: ``add(panel, run, events)``, where ``events`` is the panel whose methods they call
        draw (None): sends what the widgets need beside their description: ``draw(ctx, run, cards)``, where ``cards``
            is false if only the grid has changed
    """

    label: str
    add: Callable[[types.Object, PanelRun, foo.Panel], None]
    draw: Callable[[foo.ExecutionContext, PanelRun, bool], None] | None = None


TABS = {
    "map": Tab("Map", map.add, map.draw),
    "clusters": Tab("Clusters", clusters.add, clusters.draw),
    "review": Tab("Review", review.add, review.draw),
    "charts": Tab("Charts", charts.add),
    "groups": Tab("Groups", groups.add, groups.draw),
    "compare": Tab("Compare", compare.add),
    "details": Tab("Run", details.add),
}
