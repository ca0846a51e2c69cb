"""Clusters that look alike: pairs that might be one cluster cut in two, found in the statistics that a run keeps."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..outputs.verdicts import ALONE
from ..runs.run import Run
from .statistics import read_statistics, unpack

SIMILAR = 0.5  # cosine: two centers that are as far from each other as from the middle of everything


class Alike(NamedTuple):
    """Two clusters that look alike.

    Args:
        clusters: their ids, ascending
        separation: see :class:`models.analysis.cohesion.Geometry`
        similarity: the cosine of their centers as seen from the mean of all samples
    """

    clusters: tuple[int, int]
    separation: float
    similarity: float


def alike_pairs(
    statistics: Mapping, sizes: Mapping[int, int], apart: Mapping[str, Sequence[int]] | None = None
) -> list[Alike]:
    """Find the clusters that look alike, each among those whose nearest one is the other.

    Both must hold, and neither needs labels: no gap lies between them, that is, their separation is at most 4, as of a
    ball or a line that was cut; and the cosine of their centers, as seen from the mean of all samples, is at least
    0.5, that is, they are closer to each other than to the middle of everything. Where nothing has clusters, the first
    holds of every two; where everything is far apart, the second may.

    Args:
        statistics: what :func:`operators.evaluation.statistics.make_statistics` returned
        sizes: members of the clusters by id as they are now; what was said of clusters of other sizes is left out
        apart (None): the clusters of higher ids that are kept apart from one, by its id as text

    Returns:
        the pairs, the least separate ones first; none of statistics without vectors
    """
    known = {int(key): found for key, found in statistics.get("clusters", {}).items()}
    near: dict[tuple[int, int], float] = {}
    for cluster, found in known.items():
        nearest, separation = found.get("nearest"), found.get("separation")
        if nearest is None or separation is None or separation > ALONE:
            continue
        low, high = sorted((cluster, nearest))
        measured = all(known.get(one, {}).get("size") == sizes.get(one) for one in (low, high))
        if measured and high not in (apart or {}).get(str(low), ()):
            near[low, high] = separation
    if not near:
        return []
    place, cosines = {cluster: at for at, cluster in enumerate(statistics["order"])}, _cosines(statistics)
    found = [Alike(pair, near[pair], float(cosines[place[pair[0]], place[pair[1]]])) for pair in near]
    return sorted((one for one in found if one.similarity >= SIMILAR), key=lambda one: (one.separation, one.clusters))


def alike_clusters(run: Run) -> list[Alike]:
    """Find the clusters of a run that look alike, without those that a person keeps apart; reads no vectors."""
    sizes = {record["id"]: record["size"] for record in run.clusters}
    return alike_pairs(read_statistics(run) or {}, sizes, read_statistics(run, "apart"))


def _cosines(statistics: Mapping) -> np.ndarray:
    """Return the cosines ``(k, k)`` of the centers, in the order of the statistics."""
    return unpack(statistics["similarity"]) / 100
