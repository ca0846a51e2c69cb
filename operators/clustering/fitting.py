"""Reduction and clustering of the vectors of a request."""

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...models.parameters import RANDOM_STATE
from ...models.progress import Progress
from .request import Request

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from ...models.vectors.reduction import Reduction
    from ...models.vectors.scaling import Scaling


class Fitted(NamedTuple):
    """A fitted clusterer and its way there.

    Args:
        clusterer: the clusterer
        reduction: name of the reduction, or "none"
        reducer: the fitted reduction, None with "none"
        neighbors: indices and distances of the nearest neighbors, if the reduction has used them
        notes: warnings, each once
        scaling: the scaling of the vectors, None for those that were clustered as they are
    """

    clusterer: "Clusterer"
    reduction: str
    reducer: "Reduction | None"
    neighbors: tuple[np.ndarray, np.ndarray] | None
    notes: list[str]
    scaling: "Scaling | None"

    def scaled(self, X: np.ndarray) -> np.ndarray:
        """Return vectors ``(n, d)`` as they were clustered, float32."""
        from ...models.vectors.scaling import scaled

        return scaled(X, self.scaling)

    @property
    def reduce_params(self) -> dict:
        """The parameters of the reduction."""
        params = self.reducer.get_params() if self.reducer else {}
        return {name: value for name, value in params.items() if name != RANDOM_STATE}


def fit_clusterer(
    request: Request, X: np.ndarray, normalized: bool, widths: list[int], groups: np.ndarray | None, report: Progress
) -> Fitted:
    """Reduce and cluster vectors.

    Args:
        request: the request
        X: ``(n, d)`` vectors
        normalized: whether they have length 1
        widths: dimensions of the vector fields side by side in ``X``
        groups: ``(n,)`` groups that must stay together, -1 for the free ones, or None
        report: progress
    """
    from ...models.vectors.copies import first_copies
    from ...models.vectors.neighbors import nearest_neighbors
    from ...models.vectors.reduction import get_reduction, resolve
    from ...models.vectors.scaling import scaled, scaling_of

    scaling = None if normalized else scaling_of(X)
    clusterer = _clusterer(request, len(X), widths, groups)
    reduction = resolve(request.reduce, request.method, X.shape[1])
    reducer = neighbors = None
    if scaling is None or reduction != "none":  # clusterers scale by themselves
        X = scaled(X, scaling)
    if reduction != "none":
        reducer = get_reduction(reduction)(**request.reduce_params, random_state=request.seed)
        if reducer.neighbors and len(X) > reducer.neighbors + 1:
            report(0.02, "finding neighbors")
            wanted = max(reducer.neighbors, reducer.get_params().get("n_neighbors", 0))
            neighbors = nearest_neighbors(X, min(wanted, len(X) - 1), "cosine", request.seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if reducer is None:
            clusterer.fit(X, progress=report)
            scaling = scaling and getattr(clusterer, "scaling_", None)
        else:
            reduced = reducer.fit_transform(X, knn=neighbors, progress=lambda f, m="": report(f / 2, m))
            # a reduction may part the copies of a vector, and UMAP does
            copies = first_copies(X)
            clusterer.fit(reduced, progress=lambda f, m="": report(0.5 + f / 2, m), copies=copies)
    notes = (" ".join(str(w.message).split()) for w in caught if issubclass(w.category, UserWarning))
    return Fitted(clusterer, reduction, reducer, neighbors, list(dict.fromkeys(notes)), scaling)


def _clusterer(request: Request, n: int, widths: list[int], groups: np.ndarray | None) -> "Clusterer":
    """Return the clusterer to fit to ``n`` vectors."""
    from ...models.clusterers.constrained_kmeans import seeded

    if request.trained is not None:
        return request.trained
    request.method.check(request.params, n)
    clusterer = request.method(**request.params)
    if groups is not None:
        clusterer = seeded(clusterer, groups)
    if len(widths) > 1:
        clusterer.set_params(widths=widths)
    if RANDOM_STATE in clusterer.get_params():
        clusterer.set_params(**{RANDOM_STATE: request.seed})
    return clusterer
