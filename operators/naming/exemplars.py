"""Which images speak for each cluster of a run, and which clusters are near enough to be contrasted with it."""

import hashlib
import os
from dataclasses import dataclass

import numpy as np

from ...models.labels import NOISE
from ...models.vectors.normalize import l2_normalize
from ..dataset.vectors import read_spaces
from ..runs.members import Members

SPARES = 3  # chosen beyond what is shown, in place of files that cannot be read
NEIGHBORS = 3
_POOL = 48  # members per cluster, drawn by the seed, whose vectors are read beside those of the prototypes


@dataclass(frozen=True)
class Exemplars:
    """Who speaks for whom.

    Args:
        members: the run's members
        chosen: per cluster, the ids to show, the most telling first, with a few to spare
        near: per cluster, the nearest other clusters
        files: per id, its file and box
    """

    members: Members
    chosen: dict[int, list[str]]
    near: dict[int, list[int]]
    files: dict[str, tuple]

    def digest(self, cluster: int, contrast: bool = True) -> str:
        """Tells whether a cluster's members or the files of the images shown have changed.

        Args:
            cluster: the cluster
            contrast (True): whether images of its neighbours are shown, too
        """
        rows = self.members.rows_of(cluster)
        told = [sorted(self.members.ids[row] for row in rows)]
        for row_id in (*self.chosen[cluster], *(self.contrast(cluster) if contrast else ())):
            path, box = self.files[row_id]
            try:
                state = os.stat(path)
                told.append([row_id, path, box, state.st_mtime_ns, state.st_size])
            except OSError:
                told.append([row_id, path, box])
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def contrast(self, cluster: int) -> list[str]:
        """The most telling image of each of the nearest other clusters."""
        return [self.chosen[other][0] for other in self.near.get(cluster, []) if self.chosen.get(other)]


def choose_exemplars(members: Members, n: int, seed: int = 51) -> Exemplars:
    """Chooses images of every cluster: prototypes and varied members, without near-duplicates.

    Args:
        members: the run's :class:`operators.members.Members`
        n: images per cluster
        seed (51): seed of the choice among the members of large clusters

    Returns:
        :class:`Exemplars`; noise has none
    """
    from ...models.analysis.exemplars import varied_exemplars

    pool, leading = _pool(members, n + SPARES, seed)
    vectors = some_vectors(members, {row_id for ids in pool.values() for row_id in ids})
    chosen, centers = {}, {}
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
    return Exemplars(members, chosen, _near(centers), members.files(list(wanted)))


def _pool(members, n, seed):
    """Per cluster the ids to choose from, its prototypes first, and how many those are."""
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
    """The vectors of some members, scaled as the run scaled them; empty if the vector field is gone."""
    sample_of = dict(zip(members.ids, members.sample_ids, strict=True))
    config = members.config
    samples = members.target.source.select(list({sample_of[row_id] for row_id in wanted}))
    try:
        table, widths = read_spaces(samples, config.vector_fields, config.patches_field)
    except ValueError:  # the vector field was deleted: the prototypes are still there
        return {}
    X = l2_normalize(table.X, widths) if config.normalize else table.X
    return {row_id: x for row_id, x in zip(table.ids, X, strict=True) if row_id in wanted}


def _near(centers) -> dict[int, list[int]]:
    if len(centers) < 2:
        return {}
    from ...models.vectors.neighbors import nearest_neighbors

    ids = list(centers)
    indices, _ = nearest_neighbors(np.stack(list(centers.values())), min(NEIGHBORS, len(ids) - 1), "euclidean")
    return {ids[row]: [ids[other] for other in others] for row, others in enumerate(indices.tolist())}
