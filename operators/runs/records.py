"""Cluster records: id, label, size, mean confidence and prototypes of each cluster, of new runs and after edits."""

import numpy as np

from ...models.labels import NOISE
from ..dataset.selections import narrowed
from ..dataset.targets import Target
from ..dataset.vector_paths import has_vector_field
from ..dataset.vectors import read_spaces
from .clusters import cluster_label, label_width
from .config import RunConfig
from .labels import Labels

PROTOTYPES = 9
DIGITS = 4


def cluster_records(
    ids: list[str], X: np.ndarray, labels: np.ndarray, confidence: np.ndarray, seed: int, by: str = "center"
) -> list[dict]:
    """Make the records of a new run.

    Args:
        ids: sample ids, or label ids of patches
        X: their vectors ``(n, d)``
        labels: their clusters ``(n,)``, -1 for noise
        confidence: ``(n,)`` in [0, 1]
        seed: seed of the choice of prototypes
        by ("center"): definition of prototypes, see :func:`models.analysis.exemplars.prototypes`

    Returns:
        one record per cluster by id, noise included
    """
    from ...models.analysis.exemplars import prototypes

    chosen = prototypes(X, labels, confidence, seed=seed, by=by)
    found, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.bincount(place, weights=confidence)
    width = label_width(labels)
    return [
        _record(
            cluster, cluster_label(cluster, width), size, total / size, [ids[row] for row in chosen.get(cluster, [])]
        )
        for cluster, size, total in zip(found.tolist(), counts.tolist(), sums.tolist(), strict=True)
    ]


def edited_records(
    target: Target,
    config: RunConfig,
    members: Labels,
    names: dict[int, str],
    kept: dict[int, list[str]] | None = None,
) -> dict[int, dict]:
    """Make the records of some clusters of a run after an edit.

    Args:
        target: where the run's labels are
        config: its configuration
        members: all members of these clusters
        names: the names of the clusters by id
        kept (None): prototypes by cluster id that stay, whatever the vectors say

    Returns:
        records by cluster id; a cluster without members has none
    """
    from ...models.analysis.exemplars import prototypes

    confidence = np.nan_to_num(members.confidence)
    kept = kept or {}
    asked = np.flatnonzero((members.clusters != NOISE) & ~np.isin(members.clusters, list(kept)))
    rows, X = run_vectors(target, config, members.take(asked))
    rows = asked[rows]
    found = prototypes(X, members.clusters[rows], confidence[rows], PROTOTYPES, config.seed) if len(rows) else {}
    chosen = {cluster: [members.ids[rows[row]] for row in places] for cluster, places in found.items()} | kept
    records = {}
    for cluster, name in sorted(names.items()):
        inside = np.flatnonzero(members.clusters == cluster)
        if not len(inside):
            continue
        if cluster not in chosen and cluster != NOISE:  # the vectors are gone
            confident = inside[np.argsort(-confidence[inside], kind="stable")][:PROTOTYPES]
            chosen[cluster] = [members.ids[row] for row in confident]
        mean = float(confidence[inside].mean())
        records[cluster] = _record(cluster, name, len(inside), mean, chosen.get(cluster, []))
    return records


def _record(cluster: int, label: str, size: int, confidence: float, prototypes: list[str]) -> dict:
    return {
        "id": cluster,
        "label": label,
        "size": size,
        "confidence": round(confidence, DIGITS),
        "prototypes": prototypes,
    }


def run_vectors(target: Target, config: RunConfig, rows: Labels, stored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Read the vectors of some images or patches as their run saw them before any reduction.

    Args:
        target: where they are
        config: the run's configuration
        rows: the images or patches
        stored (False): whether to leave their lengths as they are stored

    Returns:
        a tuple of the ``(m,)`` positions in ``rows`` that have a vector and the vectors ``(m, d)``; none if the field
        of the vectors is gone
    """
    source, fields = target.source, config.vector_fields
    if not rows.ids or not all(has_vector_field(source, name, config.patches_field) for name in fields):
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)
    table, widths = read_spaces(narrowed(source, rows.sample_ids), fields, config.patches_field)
    position = {row_id: i for i, row_id in enumerate(table.ids)}
    there = np.array([i for i, row_id in enumerate(rows.ids) if row_id in position], np.int64)
    X = table.X[[position[rows.ids[i]] for i in there]]
    return there, X if stored else config.as_clustered(X, widths)
