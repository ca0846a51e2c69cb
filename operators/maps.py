"""The 2-D map of a vector field, shown by the App's Embeddings panel.

A map is made once for the same vectors of the same samples, whichever runs use it. The digest in its key makes
it findable without a registry, also after the run that made it was killed.
"""

import hashlib


def digest(table) -> str:
    """A hash of the ids and vectors of a table, whatever their order."""
    import numpy as np

    order = np.argsort(np.asarray(table.ids))
    total = hashlib.sha256()
    for row in order:
        total.update(str(table.ids[row]).encode())
        total.update(table.X[row].tobytes())
    return total.hexdigest()


def map_key(field: str, patches_field: str | None, vectors_digest: str) -> str:
    """The brain key of the map of these vectors."""
    name = f"{patches_field}_{field}" if patches_field else field
    return f"{name.replace('.', '_')}_map_{vectors_digest[:6]}"


def ensure_map(target, table, brain_key: str, X, neighbors, seed, progress) -> bool:
    """Computes the map unless it exists.

    Args:
        target: a :class:`operators.targets.Target`
        table: the vectors' table, for its ids
        brain_key: where to keep it
        X: the prepared vectors ``(n, d)``
        neighbors: their neighbours as of :func:`models.neighbors.nearest_neighbors`, or None
        seed: the seed
        progress: a callable ``(fraction, message)``

    Returns:
        whether it was made now
    """
    import fiftyone.brain as fob

    from ..models.reduction import project_2d

    if brain_key in target.dataset.list_brain_runs():
        return False
    points = project_2d(X, knn=neighbors, random_state=seed, progress=progress)
    fob.compute_visualization(
        target.source,
        points=dict(zip(table.ids, points, strict=True)),
        patches_field=target.patches_field,
        brain_key=brain_key,
    )
    return True
