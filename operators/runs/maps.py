"""The 2-D map of a vector field, shown by the App's Embeddings panel.

A map is made once for the same vectors of the same samples, whichever runs use it. The digest in its key makes
it findable without a registry, also after the run that made it was killed.
"""

import hashlib

from ..dataset.private import open_store, touch_brain_run
from ..execution.locks import others, schema_lock
from .store import list_clustering_runs, read_config

PANEL_COLORS = 100
# The brain keys of the maps that we made; a Brain run's own configuration has no room for such a note
STORE = "constellation_maps"


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


def ensure_map(target, table, brain_key: str, X, neighbors, seed, progress):
    """Computes the map unless it exists.

    Args:
        target: a :class:`operators.targets.Target`
        table: the vectors' table, for its ids
        brain_key: where to keep it
        X: the prepared vectors ``(n, d)``
        neighbors: their neighbours as of :func:`models.neighbors.nearest_neighbors`, or None
        seed: the seed
        progress: a callable ``(fraction, message)``
    """
    import fiftyone.brain as fob

    from ...models.vectors.reduction import project_2d

    target.dataset.reload()
    if brain_key in target.dataset.list_brain_runs():
        return
    points = project_2d(X, knn=neighbors, random_state=seed, progress=progress)
    with schema_lock(target.dataset):
        if brain_key in target.dataset.list_brain_runs():
            return
        open_store(target.dataset, STORE).set(brain_key, True)
        fob.compute_visualization(
            target.source,
            points=dict(zip(table.ids, points, strict=True)),
            patches_field=target.patches_field,
            brain_key=brain_key,
        )


def touch_map(dataset, brain_key: str):
    """Renews a map's timestamp.

    The Embeddings panel keeps colours by dataset, map, its timestamp and the field, and does not see that the values
    of a field have changed.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        brain_key: the map's brain key; nothing happens if there is none
    """
    if brain_key in dataset.list_brain_runs():
        touch_brain_run(dataset, brain_key)


def touch_maps(dataset):
    """Renews the timestamps of all maps, the user's own included, for any of them may show the changed field."""
    for brain_key in dataset.list_brain_runs(type="visualization"):
        touch_map(dataset, brain_key)


def clean_maps(dataset, except_key: str | None = None) -> list[str]:
    """Deletes the maps we made that no run names, unless another writer is at work and may be about to use them.

    Args:
        dataset: the dataset
        except_key (None): a run key whose writer is the caller

    Returns:
        the brain keys of the deleted maps
    """
    if others(dataset, f"run key {except_key!r}"):
        return []
    store, used, there = open_store(dataset, STORE), maps_in_use(dataset), set(dataset.list_brain_runs())
    unused = [key for key in store.list_keys() if key not in used]
    for key in unused:
        if key in there:
            dataset.delete_brain_run(key)
        store.delete(key)
    return [key for key in unused if key in there]


def maps_in_use(dataset) -> set[str]:
    """The maps that runs name."""
    return {read_config(dataset, key).visualization for key in list_clustering_runs(dataset)}
