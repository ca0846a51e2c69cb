"""The ``open_clusters_panel`` operator: the Clusters panel from an icon in the grid."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

PANEL = "clusters_panel"


def show_panels(ctx, with_map: bool):
    """The messages that show the newest run: the Clusters panel, and before it the Embeddings panel if there is a map.

    Both are tabs of one pane beside the grid; where somebody has arranged panels already, they are only added.

    Args:
        ctx: the execution context
        with_map: whether the run has a map
    """
    import fiftyone as fo

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


def _arranged(spaces) -> bool:
    """Whether there is any panel beside the grid."""
    children = getattr(spaces, "children", None) or []
    return any(_arranged(child) if hasattr(child, "children") else child.type != "Samples" for child in children)


class OpenClustersPanel(foo.Operator):
    """Opens the Clusters panel beside the grid."""

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="open_clusters_panel",
            label="Clusters: open clusters panel",
            description="See, judge and edit the clusters of a run",
            icon="/assets/panel.svg",
            risk_level="low",
        )

    def resolve_placement(self, ctx):
        """One icon in the grid's action bar."""
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label="Clusters panel", icon="/assets/panel.svg", prompt=False),
        )

    def execute(self, ctx):
        """Opens the panel."""
        ctx.ops.open_panel(PANEL, layout="horizontal", is_active=True)
