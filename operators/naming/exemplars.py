"""Exemplars of each cluster of a run, and the clusters near enough to contrast with it."""

import hashlib
import os
from dataclasses import dataclass, field

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE
from ...models.parameters import SEED
from ..dataset.selections import narrowed
from ..dataset.vectors import read_spaces
from ..runs.members import Members

SPARES = 3  # chosen beyond what is shown, in place of files that cannot be read
NEIGHBORS = 3
_POOL = 48  # members per cluster, drawn by the seed, whose vectors are read beside those of the prototypes


@dataclass(frozen=True)
class Exemplars:
    """The images that are shown of each cluster.

    Args:
        members: the run's members
        chosen: per cluster, the ids to show, the most typical first, with a few to spare
        near: per cluster, the nearest other clusters
        files: per id, its file and box
        unreadable: per id, why it could not be embedded; fills when that is tried
    """

    members: Members
    chosen: dict[int, list[str]]
    near: dict[int, list[int]]
    files: dict[str, tuple[str, list[float] | None]]
    unreadable: dict[str, str] = field(default_factory=dict)

    def reasons(self, cluster: int) -> list[str]:
        """Return why images of a cluster could not be embedded."""
        return [self.unreadable[row_id] for row_id in self.chosen.get(cluster, []) if row_id in self.unreadable]

    def digest(self, cluster: int, contrast: bool = True) -> str:
        """Return a hash of a cluster's members and of the files of the images shown, to notice changes.

        Args:
            cluster: the cluster
            contrast (True): whether images of its neighbors are shown, too
        """
        rows = self.members.rows_of(cluster)
        state: list = [sorted(self.members.ids[row] for row in rows)]
        for row_id in (*self.chosen[cluster], *(self.contrast(cluster) if contrast else ())):
            path, box = self.files[row_id]
            try:
                file = os.stat(path)
                state.append([row_id, path, box, file.st_mtime_ns, file.st_size])
            except OSError:
                state.append([row_id, path, box])
        return hashlib.sha256(repr(state).encode()).hexdigest()

    def contrast(self, cluster: int) -> list[str]:
        """Return the most typical image of each of the nearest other clusters."""
        return [self.chosen[other][0] for other in self.near.get(cluster, []) if self.chosen.get(other)]


def choose_exemplars(members: Members, n: int, seed: int = SEED) -> Exemplars:
    """Choose images of every cluster: prototypes and varied members, without near-duplicates.

    Args:
        members: the run's members
        n: images per cluster
        seed (51): seed of the choice among the members of large clusters

    Returns:
        the exemplars; noise has none
    """
    from ...models.analysis.exemplars import varied_exemplars

    pool, leading = _pool(members, n + SPARES, seed)
    vectors = some_vectors(members, {row_id for ids in pool.values() for row_id in ids})
    chosen: dict[int, list[str]] = {}
    centers: dict[int, np.ndarray] = {}
    for cluster, ids in pool.items():
        known = [row_id for row_id in ids if row_id in vectors]
        if not known:
            chosen[cluster] = ids[: n + SPARES]
            continue
        X = np.stack([vectors[row_id] for row_id in known])
        first = sum(row_id in vectors for row_id in ids[: leading[cluster]])
        chosen[cluster] = [known[row] for row in varied_exemplars(X, n + SPARES, first)]
        centers[cluster] = X.mean(axis=0)
    wanted = {row_id for ids in chosen.values() for row_id in ids}
    return Exemplars(members, chosen, _near(centers), members.pictures(list(wanted)))


def _pool(members: Members, n: int, seed: int) -> tuple[dict[int, list[str]], dict[int, int]]:
    """Return per cluster the ids to choose from, its prototypes first, and the number of those."""
    rng = np.random.default_rng(seed)
    prototypes = {c["id"]: c["prototypes"] for c in members.clusters}
    pool, leading = {}, {}
    for cluster, rows in members.by_cluster().items():
        if cluster == NOISE:
            continue
        own = {members.ids[row] for row in rows}
        first = [row_id for row_id in prototypes.get(cluster, []) if row_id in own]
        size = min(len(rows), max(_POOL, n))
        drawn = rows[np.sort(rng.choice(len(rows), size, replace=False))]
        pool[cluster] = list(dict.fromkeys([*first, *(members.ids[row] for row in drawn)]))
        leading[cluster] = len(first)
    return pool, leading


def some_vectors(members: Members, wanted: set[str]) -> dict[str, np.ndarray]:
    """Read the vectors of some members, scaled as the run scaled them; empty if the vector field is gone."""
    config = members.config
    try:
        table, widths = read_spaces(_samples_of(members, wanted), config.vector_fields, config.patches_field)
    except ValueError:  # the vector field was deleted: the prototypes are still there
        return {}
    X = config.as_clustered(table.X, widths)
    return {row_id: x for row_id, x in zip(table.ids, X, strict=True) if row_id in wanted}


def stored_vectors(members: Members, wanted: set[str], field: str) -> dict[str, np.ndarray]:
    """Read the vectors of some members in any field, as they are stored."""
    table, _ = read_spaces(_samples_of(members, wanted), [field], members.config.patches_field)
    return {row_id: x for row_id, x in zip(table.ids, table.X, strict=True) if row_id in wanted}


def _samples_of(members: Members, wanted: set[str]) -> fo.core.collections.SampleCollection:
    sample_of = dict(zip(members.ids, members.sample_ids, strict=True))
    return narrowed(members.target.source, (sample_of[row_id] for row_id in wanted))


def _near(centers: dict[int, np.ndarray]) -> dict[int, list[int]]:
    """Return the nearest other clusters of each."""
    if len(centers) < 2:
        return {}
    from ...models.vectors.neighbors import nearest_neighbors

    ids = list(centers)
    indices, _ = nearest_neighbors(np.stack(list(centers.values())), min(NEIGHBORS, len(ids) - 1), "euclidean")
    return {ids[row]: [ids[other] for other in others] for row, others in enumerate(indices.tolist())}
