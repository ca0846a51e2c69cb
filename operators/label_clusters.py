"""The ``label_clusters`` operator: names for the clusters of a run, from a vision LLM or without any network."""

import fiftyone.operators as foo

from .inputs.naming import NamingOperator


class LabelClusters(NamingOperator, foo.Operator):
    """Name clusters; see :func:`operators.naming.job.label_clusters`."""

    @property
    def config(self) -> foo.OperatorConfig:
        """Name and options of the operator in the App."""
        return foo.OperatorConfig(
            name="label_clusters",
            label="Clusters: name clusters",
            description="Call each cluster after what its images show; sends nothing before you agree",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="high",
        )
