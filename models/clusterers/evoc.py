"""EVoC (McInnes, Tutte Institute): clusters embeddings by the density of an embedding made for clustering.

Choose it for high-dimensional embeddings with an unknown number of clusters: it needs no reduction before, works on
cosine distances, and finds several resolutions, of which the most persistent or the one nearest to a wanted number is
taken. The work is done by the evoc package; its first use in a process compiles for about a minute.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress
from ..vectors.copies import deciding_rows, first_copies
from .base import Clusterer


class EVoC(Clusterer):
    """Embedding vector oriented clustering.

    Attributes:
        layers_: list of ``(n,)`` labels, finest first
    """

    name = "evoc"
    title = "EVoC"
    when = "Embeddings with an unknown number of clusters, without a reduction before"
    requires = ("evoc",)
    order = 60

    def __init__(
        self,
        noise_level: Annotated[float, Field(ge=0, le=1, description="Higher leaves more samples out as noise")] = 0.5,
        base_min_cluster_size: Annotated[int, Field(ge=2, description="Fewest samples of a cluster")] = 5,
        approx_n_clusters: Annotated[
            int | None, Field(ge=2, description="Take the resolution nearest to this many clusters; empty: best one")
        ] = None,
        n_neighbors: Annotated[int, Field(ge=2, le=200, description="Neighbors per sample in the graph")] = 15,
        min_samples: Annotated[int, Field(ge=1, description="Higher: more noise, safer clusters")] = 5,
        n_epochs: Annotated[int, Field(ge=1, description="Rounds of the embedding")] = 50,
        random_state: int | None = 51,
    ):
        self.noise_level = noise_level
        self.base_min_cluster_size = base_min_cluster_size
        self.approx_n_clusters = approx_n_clusters
        self.n_neighbors = n_neighbors
        self.min_samples = min_samples
        self.n_epochs = n_epochs
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Some 40 s to compile, then nearly proportional to the number of samples."""
        return Cost(40 + 4e-7 * n * d, 14 * n * d)

    @classmethod
    def check(cls, params: dict, n: int) -> None:
        """Also refuse fewer samples than a neighborhood needs."""
        super().check(params, n)
        if params["n_neighbors"] >= n:
            raise ValueError(f"n_neighbors={params['n_neighbors']} needs more than the {n} usable samples; lower it")

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray | None]:
        from evoc import EVoC as PackageEVoC

        progress(0.0, "EVoC")
        model = PackageEVoC(**self.get_params())
        # Its embedding cannot be wider than the vectors; zeros change no cosine.
        padding = max(0, min(max(self.n_neighbors // 4, 4), 15) - X.shape[1])
        wide = np.pad(X, ((0, 0), (0, padding))) if padding else X
        labels = np.asarray(model.fit_predict(np.ascontiguousarray(wide, dtype=np.float32)))
        copies = first_copies(X)
        self.layers_ = [layer[deciding_rows(copies, layer)] for layer in model.cluster_layers_]
        self._remember(X, noise=True, metric="cosine")
        return labels, model.membership_strengths_

    def noise_advice(self, d: int) -> str:
        """Return the parameters to lower, and what else there is."""
        smaller = f"base_min_cluster_size={self.base_min_cluster_size}"
        return f"lower noise_level={self.noise_level:g} or {smaller}, or choose another method such as kmeans"

    def _about_origin(self, X: np.ndarray) -> bool:
        return True
