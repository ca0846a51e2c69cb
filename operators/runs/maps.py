"""The 2-D map of a vector field, shown by the App's Embeddings panel.

A map is made once for the same vectors of the same samples, whichever runs use it. It is named after its vector field
and found by the digest of its vectors: in our list of maps, which a clone of the dataset lacks, or in the runs'
configurations.
"""

import hashlib

import fiftyone as fo
import numpy as np

from ...models.progress import Progress
from ..dataset.private import open_store, touch_brain_run
from ..dataset.schema import refresh
from ..dataset.targets import Target
from ..dataset.vector_names import plain
from ..dataset.vectors import VectorTable
from ..execution.locks import others, schema_lock
from .store import read_value

PANEL_COLORS = 100
# The brain keys of the maps that we made, each with its digest, of which keys of older versions end with six letters;
# a Brain run's own configuration has no room for such a note
STORE = "constellation_maps"


def digest(table: VectorTable) -> str:
    """Return a hash of the ids and vectors of a table, whatever their order."""
    order = np.argsort(np.asarray(table.ids))
    total = hashlib.sha256()
    for row in order:
        total.update(str(table.ids[row]).encode())
        total.update(table.X[row].astype(np.float32).tobytes())
    return total.hexdigest()


def map_key(dataset: fo.Dataset, field: str, patches_field: str | None, vectors_digest: str) -> str:
    """Return the brain key of the map of these vectors: of the one that there is, else a free one that is then taken.

    Args:
        dataset: the dataset
        field: the vector field
        patches_field: the label field whose patches have the vectors, or None
        vectors_digest: see :func:`digest`
    """
    name = f"{patches_field}_{plain(field)}" if patches_field else plain(field)
    name = f"{name.replace('.', '_')}_map"
    with schema_lock(dataset):
        refresh(dataset)
        store, there = open_store(dataset, STORE), dataset.list_brain_runs()
        listed = {key: store.get(key) for key in store.list_keys()}
        drawn, digests = read_value(dataset, "visualization"), read_value(dataset, "digest")
        known = [key for key, noted in listed.items() if noted == vectors_digest]
        known += [key for run, key in drawn.items() if key in there and digests.get(run) == vectors_digest]
        known += [key for key in there if key == f"{name}_{vectors_digest[:6]}"]
        taken = {*there, *listed}
        names = (f"{name}_{i}" if i > 1 else name for i in range(1, len(taken) + 2))
        key = known[0] if known else next(key for key in names if key not in taken)
        store.set(key, vectors_digest)
    return key


def ensure_map(
    target: Target,
    table: VectorTable,
    brain_key: str,
    X: np.ndarray,
    neighbors: tuple[np.ndarray, np.ndarray] | None,
    seed: int,
    progress: Progress,
) -> None:
    """Compute the map unless it exists.

    Args:
        target: the images or patches
        table: the vectors' table, for its ids
        brain_key: where to keep it
        X: the prepared vectors ``(n, d)``
        neighbors: their neighbors as of :func:`models.vectors.neighbors.nearest_neighbors`, or None
        seed: the seed
        progress: a callable ``(fraction, message)``
    """
    import fiftyone.brain as fob

    from ...models.vectors.sampled_map import draw_map

    refresh(target.dataset)
    if brain_key in target.dataset.list_brain_runs():
        return
    points = draw_map(X, knn=neighbors, random_state=seed, progress=progress)
    with schema_lock(target.dataset):
        if brain_key in target.dataset.list_brain_runs():
            return
        fob.compute_visualization(
            target.source,
            points=dict(zip(table.ids, points, strict=True)),
            patches_field=target.patches_field,
            brain_key=brain_key,
        )


def touch_maps(dataset: fo.Dataset) -> None:
    """Renew the timestamps of all maps, the user's own included, for any of them may show the changed field.

    The Embeddings panel keeps colors by dataset, map, its timestamp and the field, and does not see that the values
    of a field have changed.
    """
    for brain_key in dataset.list_brain_runs(type="visualization"):
        touch_brain_run(dataset, brain_key)


def clean_maps(dataset: fo.Dataset, except_key: str | None = None, drawn: str | None = None) -> list[str]:
    """Delete the maps we made that no run names, unless another writer is at work and may be about to use them.

    Args:
        dataset: the dataset
        except_key (None): a run key whose writer is the caller
        drawn (None): the map of a run that was just deleted; a clone of the dataset has it, but not our list of maps

    Returns:
        the brain keys of the deleted maps
    """
    if others(dataset, f"run key {except_key!r}"):
        return []
    store = open_store(dataset, STORE)
    known = dict.fromkeys([*store.list_keys(), *([drawn] if drawn else [])])
    used = set(read_value(dataset, "visualization", among=known).values()) if known else set()
    unused = [key for key in known if key not in used]
    there = set(dataset.list_brain_runs()) if unused else set()
    for key in unused:
        if key in there:
            dataset.delete_brain_run(key)
        store.delete(key)
    return [key for key in unused if key in there]
