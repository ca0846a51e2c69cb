"""The ``open_clusters_panel`` operator: the Clusters panel from an icon in the grid."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .panel.opening import open_panel


class OpenClustersPanel(foo.Operator):
    """Open the Clusters panel beside the grid."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="open_clusters_panel",
            label="Clusters: open panel",
            description="Cards and charts of the clusters of a run, to see, judge and edit them",
            icon="/assets/panel.svg",
            risk_level="low",
        )

    def resolve_placement(self, ctx: foo.ExecutionContext) -> types.Placement:
        """Place an icon in the grid's action bar."""
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label="Clusters panel", icon="/assets/panel.svg", prompt=False),
        )

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Open the panel."""
        open_panel(ctx)
