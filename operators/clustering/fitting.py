"""Reduction and clustering of the vectors of a request."""

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...models.parameters import RANDOM_STATE
from ...models.progress import Progress, within
from .request import Request
from .sampling import place_others

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from ...models.vectors.reduction import Reduction
    from ...models.vectors.scaling import Scaling


_FITTING = 0.7  # of the work, where the others are placed afterwards


class Fitted(NamedTuple):
    """A fitted clusterer and its way there.

    Args:
        clusterer: the clusterer
        reduction: name of the reduction, or "none"
        reducer: the fitted reduction, None with "none"
        neighbors: indices and distances of the nearest neighbors, if the reduction has used them
        notes: warnings, each once
        scaling: the scaling of the vectors, None for those that were clustered as they are
        labels: ``(n,)`` the clusters of all vectors, -1 for noise
        confidence: ``(n,)`` float32 in [0, 1]
        n_fitted: how many of the vectors were fitted, None for all
    """

    clusterer: "Clusterer"
    reduction: str
    reducer: "Reduction | None"
    neighbors: tuple[np.ndarray, np.ndarray] | None
    notes: list[str]
    scaling: "Scaling | None"
    labels: np.ndarray
    confidence: np.ndarray
    n_fitted: int | None

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
    """Reduce and cluster vectors; of more than the request has fitted, the others are placed afterwards.

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
    from ...models.vectors.samples import draw_rows
    from ...models.vectors.scaling import scaled, scaling_of

    scaling = None if normalized else scaling_of(X)
    rows = draw_rows(len(X), request.fit_size, request.seed)
    clusterer = _clusterer(request, len(X) if rows is None else len(rows), widths, groups)
    reduction = resolve(request.reduce, request.method, X.shape[1])
    reducer = neighbors = None
    if scaling is None or reduction != "none":  # clusterers scale by themselves
        X = scaled(X, scaling)
    every, X, whole = X, X if rows is None else X[rows], report
    if rows is not None:
        report = within(whole, 0.0, _FITTING)
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
    labels, confidence = clusterer.labels_, clusterer.confidence_
    if rows is not None:
        neighbors = None  # of the sample, whom nobody else asks for
        report = within(whole, _FITTING, 1 - _FITTING)
        labels, confidence = place_others(clusterer, reduction, reducer, every, rows, report)
    fitted = None if rows is None else len(rows)
    said = list(dict.fromkeys(notes)) + ([] if fitted is None else [sample_note(fitted, len(every), request)])
    return Fitted(clusterer, reduction, reducer, neighbors, said, scaling, labels, confidence, fitted)


def sample_note(fitted: int, n: int, request: Request) -> str:
    """Return the sentence on a run that was fitted to a sample."""
    return (
        f"fitted on a sample of {fitted:,} of {n:,} {request.target.unit}, drawn by the seed; the others were placed "
        f"in its clusters (fit_on={fitted} repeats it, fit_on='all' takes all)"
    )


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
