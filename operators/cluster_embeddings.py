"""The ``cluster_embeddings`` operator: an icon in the Embeddings panel, as an operator can have one place only."""

import fiftyone.operators as foo
import fiftyone.operators.types as types


class ClusterEmbeddings(foo.Operator):
    """Open the form of ``compute_clusters`` from the Embeddings panel."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Hidden from the operator browser: it only opens another operator's form."""
        return foo.OperatorConfig(name="cluster_embeddings", label="Compute clusters", unlisted=True, risk_level="low")

    def resolve_placement(self, ctx: foo.ExecutionContext) -> types.Placement:
        """Place an icon in the actions of the Embeddings panel."""
        button = types.Button(label="Compute clusters", icon="/assets/icon.svg", prompt=False)
        return types.Placement(types.Places.EMBEDDINGS_ACTIONS, button)

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Open the form."""
        ctx.prompt("@constellation/clusters/compute_clusters")
