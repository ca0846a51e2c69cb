"""The ``label_clusters_with_gpt4v`` operator: ``label_clusters`` under the name that FiftyOne's tutorial uses."""

import fiftyone.operators as foo

from .inputs.naming import NamingOperator


class LabelClustersWithGpt4v(NamingOperator, foo.Operator):
    """Name clusters; see :func:`operators.naming.job.label_clusters`."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="label_clusters_with_gpt4v",
            label="Clusters: label clusters with gpt4v",
            description="The name that FiftyOne's tutorial uses for label_clusters",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            unlisted=True,
            risk_level="high",
        )
