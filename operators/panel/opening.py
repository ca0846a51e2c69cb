"""Opening panels beside the grid."""

from collections.abc import Iterator
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo

from ..runs.run import Run
from ..runs.store import read_value

PANEL = "clusters_panel"


def show_panels(ctx: foo.ExecutionContext, with_map: bool) -> Iterator[Any]:
    """Give the messages that show the newest run: the Clusters panel, before it the Embeddings panel if there is a map.

    Both are tabs of one pane beside the grid; where panels are arranged already, they are only added.

    Args:
        ctx: the execution context
        with_map: whether the run has a map
    """
    names = ["Embeddings", PANEL] if with_map else [PANEL]
    if _arranged(ctx.spaces):
        for name in reversed(names):
            yield ctx.ops.open_panel(name, is_active=True)
        return
    grid = [fo.Panel(type="Samples", pinned=True, component_id="Samples")]
    beside = [fo.Panel(type=name, component_id=name) for name in names]
    # without an active child a pane stays empty
    panes = [fo.Space(children=panels, active_child=panels[0].component_id) for panels in (grid, beside)]
    yield ctx.ops.set_spaces(spaces=fo.Space(children=panes, orientation="horizontal"))


def show_labels(ctx: foo.ExecutionContext, run_key: str) -> Iterator[Any]:
    """Give the message that puts a run's labels on the tiles, instead of other runs'; what else is ticked stays."""
    config = Run.cached(ctx.dataset, run_key).config
    if config.patches_field:  # they are on the patches' own labels
        return
    others = set(read_value(ctx.dataset, "label_path").values())
    kept = [path for path in ctx.active_fields or [] if path not in others]
    yield ctx.ops.set_active_fields([*kept, config.label_path])


def _arranged(spaces: fo.Space) -> bool:
    """Return whether there is any panel beside the grid."""
    children = getattr(spaces, "children", None) or []
    return any(_arranged(child) if hasattr(child, "children") else child.type != "Samples" for child in children)
