"""What a run says of each cluster, found anew for the clusters that an edit touched: size, confidence, prototypes."""

import numpy as np

from ...models.labels import NOISE
from ...models.vectors.normalize import l2_normalize
from ..dataset.vectors import read_spaces
from .clusters import cluster_label, label_width
from .labels import Labels
from .store import fields_of

PROTOTYPES = 9
DIGITS = 4
_SELECTED = 100_000  # more ids than these are no query any more; then all vectors are read


def describe(run, members: Labels, names: dict[int, str], typical: dict | None = None) -> dict[int, dict]:
    """The entries of some clusters.

    Args:
        run: an :class:`operators.edited_run.EditedRun`
        members: all members of these clusters
        names: the names of the clusters by id
        typical (None): prototypes by cluster id that are to stay, whatever the vectors say

    Returns:
        entries by cluster id; a cluster without members has none
    """
    from ...models.analysis.exemplars import prototypes

    confidence = np.nan_to_num(members.confidence)
    typical = typical or {}
    asked = np.flatnonzero((members.clusters != NOISE) & ~np.isin(members.clusters, list(typical)))
    rows, X = run_vectors(run.target, run.config, members.take(asked))
    rows = asked[rows]
    chosen = prototypes(X, members.clusters[rows], confidence[rows], PROTOTYPES, run.config.seed) if len(rows) else {}
    chosen = {cluster: [members.ids[rows[row]] for row in found] for cluster, found in chosen.items()} | typical
    entries = {}
    for cluster, name in sorted(names.items()):
        inside = np.flatnonzero(members.clusters == cluster)
        if not len(inside):
            continue
        if cluster not in chosen and cluster != NOISE:  # the vectors are gone
            surest = inside[np.argsort(-confidence[inside], kind="stable")][:PROTOTYPES]
            chosen[cluster] = [members.ids[row] for row in surest]
        entries[cluster] = {
            "id": cluster,
            "label": name,
            "size": len(inside),
            "confidence": round(float(confidence[inside].mean()), DIGITS),
            "prototypes": chosen.get(cluster, []),
        }
    return entries


def run_vectors(target, config, rows: Labels, stored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of some images or patches as their run saw them before any reduction.

    Args:
        target: where they are
        config: the run's configuration
        rows: whose
        stored (False): whether to leave their lengths as they are stored

    Returns:
        a tuple of the ``(m,)`` positions in ``rows`` that have a vector and the vectors ``(m, d)``; none if the field
        of the vectors is gone
    """
    source = target.source
    fields = fields_of(config)
    if not rows.ids or any(source.get_field(target.local_path(field)) is None for field in fields):
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)
    if len(rows.ids) <= _SELECTED:
        source = source.select(list(dict.fromkeys(rows.sample_ids)))
    table, widths = read_spaces(source, fields, config.patches_field)
    position = {row_id: i for i, row_id in enumerate(table.ids)}
    there = np.array([i for i, row_id in enumerate(rows.ids) if row_id in position], np.int64)
    X = table.X[[position[rows.ids[i]] for i in there]]
    return there, l2_normalize(X, widths) if config.normalize and not stored else X


def cluster_records(table, X, clusterer, seed) -> list[dict]:
    """Per cluster: id, label, size, mean confidence and prototypes."""
    from ...models.analysis.exemplars import prototypes

    labels, confidence = clusterer.labels_, clusterer.confidence_
    chosen = prototypes(X, labels, confidence, seed=seed, by=clusterer.prototypes_by)
    ids, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.bincount(place, weights=confidence)
    width = label_width(labels)
    return [
        {
            "id": int(cluster),
            "label": cluster_label(int(cluster), width),
            "size": count,
            "confidence": round(total / count, 4),
            "prototypes": [table.ids[row] for row in chosen.get(int(cluster), [])],
        }
        for cluster, count, total in zip(ids, counts.tolist(), sums.tolist(), strict=True)
    ]
