"""The map of more vectors than UMAP draws in a few minutes: of a sample, among whose points the others stand.

Each of the others is at the mean place of its nearest neighbors in the sample, nearer ones counting more.
"""

import numpy as np

from ..progress import Progress, quiet, within
from . import reduction
from .neighbors import EXACT_LIMIT, Neighbors, query_neighbors
from .samples import draw_rows, drawn_copies

DRAWN = 200_000  # vectors of the sample
_NEIGHBORS = 5
_KNOWN = 15  # neighbors of each in the index that is searched for those
_BLOCK = 20_000  # vectors that are placed at once
_DRAWING = 0.6  # of the work


def draw_map(
    X: np.ndarray, knn: Neighbors | None = None, random_state: int = 51, progress: Progress | None = None
) -> np.ndarray:
    """Draw the map of vectors, of more than 200,000 by a sample; see :func:`models.vectors.reduction.project_2d`.

    Args:
        X: ``(n, d)`` vectors
        knn (None): their neighbors, used where all are drawn
        random_state (51): seed
        progress (None): called with ``(fraction, message)``; whatever it raises stops the work

    Returns:
        ``(n, 2)`` float32; copies of a vector are at one place where a sample was drawn
    """
    rows = draw_rows(len(X), DRAWN, random_state)
    if rows is None:
        return reduction.project_2d(X, knn=knn, random_state=random_state, progress=progress)
    progress = progress or quiet
    drawn, places = X[rows], np.empty((len(X), 2), np.float32)
    places[rows] = reduction.project_2d(drawn, random_state=random_state, progress=within(progress, 0.0, _DRAWING))
    copies, of_drawn = drawn_copies(X, rows)
    others = np.setdiff1d(np.arange(len(X)), rows, assume_unique=True)
    index = _index(drawn, random_state)
    for start in range(0, len(others), _BLOCK):
        progress(_DRAWING + (1 - _DRAWING) * start / len(others), f"placing the other {len(others):,}")
        some = others[start : start + _BLOCK]
        indices, distances = _nearest(index, drawn, X[some])
        weights = 1.0 / (distances + 1e-3 * distances.mean(axis=1, keepdims=True) + 1e-12)
        weights /= weights.sum(axis=1, keepdims=True)
        places[some] = np.einsum("ij,ijk->ik", weights, places[rows[indices]])
    return places[np.where(of_drawn >= 0, of_drawn, copies)]


def _index(drawn: np.ndarray, seed: int) -> object:
    """Return an index of the sample for approximate search (Dong et al. 2011), None where the exact one is quicker."""
    if len(drawn) <= EXACT_LIMIT:
        return None
    from pynndescent import NNDescent

    found = NNDescent(drawn, metric="cosine", n_neighbors=_KNOWN, random_state=seed)
    found.prepare()
    return found


def _nearest(index: object, drawn: np.ndarray, asked: np.ndarray) -> Neighbors:
    if index is None:
        return query_neighbors(drawn, asked, _NEIGHBORS, "cosine")
    indices, distances = index.query(asked, k=_NEIGHBORS)  # type: ignore[attr-defined]
    return indices, distances
