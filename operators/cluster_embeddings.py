"""The icon in the Embeddings panel; FiftyOne gives an operator one place, and ``compute_clusters`` has the grid's."""

import fiftyone.operators as foo
import fiftyone.operators.types as types


class ClusterEmbeddings(foo.Operator):
    """Opens the form of ``compute_clusters`` from the Embeddings panel."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Hidden from the operator browser: it only opens another operator's form."""
        return foo.OperatorConfig(name="cluster_embeddings", label="Compute clusters", unlisted=True, risk_level="low")

    def resolve_placement(self, ctx: foo.ExecutionContext) -> types.Placement:
        """In the Embeddings panel's actions."""
        button = types.Button(label="Compute clusters", icon="/assets/icon.svg", prompt=False)
        return types.Placement(types.Places.EMBEDDINGS_ACTIONS, button)

    def execute(self, ctx: foo.ExecutionContext) -> None:
        """Prompts."""
        ctx.prompt("@constellation/clusters/compute_clusters")
