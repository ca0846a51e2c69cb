"""Operator ``label_clusters_with_gpt4v``: ``label_clusters`` under the name it had in an older plugin."""

from .label_clusters import LabelClusters


class LabelClustersWithGpt4v(LabelClusters):
    """The same under the name that FiftyOne's clustering tutorial uses."""

    @property
    def config(self):
        """How the App offers this operator."""
        config = super().config
        config.name = "label_clusters_with_gpt4v"
        config.label = "Clusters: label clusters with gpt4v"
        config.description = "The name that FiftyOne's tutorial uses for label_clusters"
        return config
