"""Statistics of every cluster of a run: how tight it is, how far from the next, and its borderline members.

They are computed once, from the vectors, and kept with the run as its result ``figures``; those against a field of
classes, which cost no vectors, are its result ``truth``. Both remember the state of the labels that they describe,
which a new name does not change and which an edit that is undone gives back. They depend on labels, vectors and a seed
only, so they are the same whenever they are computed, and in whatever order the images come.
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE
from ...models.parameters import SEED
from ..runs.run import Run
from ..runs.store import fetch_results, results_file

BINS = 20
BORDER = 24  # borderline members that are kept per cluster
N_NOISE_SHOWN = 9  # noise that is shown on its card
DIGITS = 4
CLASSES = 200  # a confusion matrix of more cannot be read


def make_statistics(
    ids: Sequence[str], X: np.ndarray | None, labels: np.ndarray, confidence: np.ndarray, seed: int = SEED
) -> dict[str, Any]:
    """Compute the statistics of a clustering, plain data.

    Args:
        ids: ``(n,)`` sample or label ids
        X: ``(n, d)`` vectors as they were clustered before any reduction; None if they are gone
        labels: ``(n,)`` cluster ids, -1 for noise
        confidence: ``(n,)`` in [0, 1]
        seed (51): seed of what is sampled

    Returns:
        a dict with the ``histogram`` of confidences in 20 bins, ``n``, ``n_noise``, the ``clusters`` by id as text,
        the ``noise``, the ``order`` of the clusters in which similar ones are side by side, and their packed
        ``similarity`` in that order
    """
    confidence = np.asarray(confidence, dtype=np.float32)
    ids, X, labels, confidence = by_id(ids, X, np.asarray(labels), confidence)
    clusters, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    bins = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    table = np.bincount(place * BINS + bins, minlength=BINS * len(clusters)).reshape(-1, BINS)
    sums = np.bincount(place, confidence, len(clusters))
    found: dict[int, dict[str, Any]] = {
        int(cluster): {
            "size": int(size),
            "confidence": round(float(total / size), DIGITS),
            "histogram": counts.tolist(),
        }
        for cluster, size, total, counts in zip(clusters, sizes, sums, table, strict=True)
    }
    noise = found.pop(NOISE, None)
    statistics = {"n": len(labels), "n_noise": noise["size"] if noise else 0, "histogram": table.sum(axis=0).tolist()}
    order: list[int] = sorted(found)
    similarity = None
    if X is not None and found:
        order, similarity = _add_geometry(found, ids, np.asarray(X), labels, seed)
    if noise:
        some = np.flatnonzero(labels == NOISE)
        noise["prototypes"] = [ids[i] for i in some[np.linspace(0, len(some) - 1, N_NOISE_SHOWN).astype(int)]]
        noise["prototypes"] = list(dict.fromkeys(noise["prototypes"]))
    by_text = {str(cluster): known for cluster, known in found.items()}
    return {**statistics, "clusters": by_text, "noise": noise, "order": order, "similarity": similarity}


def by_id(ids: Sequence[str], *columns: np.ndarray | None) -> tuple[Any, ...]:
    """Sort ids, and columns ``(n, ...)`` with them; None stays None.

    What is sampled, or summed with rounding, depends on the order. Samples are usually in that of their ids.
    """
    order = np.argsort(np.asarray(ids), kind="stable")
    if (order == np.arange(len(order))).all():
        return ids, *columns
    rows = (None if column is None else np.asarray(column)[order] for column in columns)
    return [ids[row] for row in order], *rows


def _add_geometry(
    found: dict[int, dict[str, Any]], ids: Sequence[str], X: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[list[int], str]:
    """Add what the vectors tell to every cluster; return the order of the clusters and their packed similarity."""
    from ...models.analysis.cohesion import measure, second_choices
    from ...models.analysis.silhouette import silhouettes

    geometry = measure(X, labels)
    second, margin = second_choices(X, labels, geometry)
    rows, widths = silhouettes(X, labels, seed)
    of_width = labels[rows]
    ranked = np.lexsort((margin, labels))
    starts = np.searchsorted(labels[ranked], geometry.clusters)
    for row, (start, cluster) in enumerate(zip(starts, geometry.clusters.tolist(), strict=True)):
        known = found[cluster]
        border = ranked[start : start + min(BORDER, known["size"])]
        mine = widths[of_width == cluster]
        low, high = np.quantile(mine, [0.1, 0.9]) if len(mine) else (np.nan, np.nan)
        known |= {
            "cohesion": _rounded(geometry.cohesion[row]),
            "separation": _rounded(geometry.separation[row]),
            "nearest": int(geometry.nearest[row]) if geometry.nearest[row] != NOISE else None,
            "silhouette": _rounded(mine.mean() if len(mine) else np.nan),
            "silhouette_range": [_rounded(low), _rounded(high)],
            "border": [ids[i] for i in border],
            "second": second[border].tolist(),
            "margin": [_rounded(value) for value in margin[border]],
        }
    order = geometry.leaf_order()
    at = np.searchsorted(geometry.clusters, order)
    return order, _pack(np.round(geometry.similarity[np.ix_(at, at)] * 100).astype(np.int8))


def make_truth(truth: Sequence[Any], labels: np.ndarray, field: str) -> dict[str, Any]:
    """Compute the statistics of a clustering against classes, plain data.

    Args:
        truth: ``(n,)`` classes, None where unknown
        labels: ``(n,)`` cluster ids, -1 for noise
        field: the field of the classes

    Returns:
        a dict with ``field``, the scores, per cluster its ``majority`` class and ``purity``, and the confusion table
    """
    from ...models.analysis.metrics import confusion, score_labels

    known = np.array([value is not None and value == value for value in truth], dtype=bool)
    scores = score_labels(truth, labels)
    classes = np.array([str(value) for value, kept in zip(truth, known, strict=True) if kept])
    table = confusion(classes, np.asarray(labels)[known])
    counts, names = np.array(table["counts"], dtype=np.int64), table["classes"]
    clusters = {
        str(cluster): {
            "majority": names[int(row.argmax())],
            "purity": _rounded(row.max() / row.sum()),
            "known": int(row.sum()),
        }
        for cluster, row in zip(table["clusters"], counts, strict=True)
    }
    shown = len(names) <= CLASSES
    return {
        "field": field,
        "scores": scores,
        "clusters": clusters,
        "order": table["clusters"],
        "classes": names if shown else None,
        "counts": _pack(counts.astype(np.int32)) if shown else None,
    }


def save_statistics(run: Run, **results: dict[str, Any]) -> None:
    """Keep statistics with their run.

    Args:
        run: the run, read before the labels were
        **results: ``figures``, the statistics, or ``truth``, those against classes
    """
    run.write(**{name: with_version(result, run.state) for name, result in results.items()})


def with_version(statistics: dict, state: int = 0) -> dict:
    """Return statistics with the state of the labels that they describe, 0 for a new run, and the time."""
    return {**statistics, "state": state, "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds")}


def read_statistics(run: Run, name: str = "figures") -> dict | None:
    """Read the statistics that a run keeps, however old; None if it has none.

    Args:
        run: the run
        name ("figures"): ``figures``; ``truth``, those against classes; ``names``, what naming found out; or ``apart``,
            the clusters that are kept apart from one, by its id as text
    """
    # whenever a result changes, all of them are in a new file
    file = results_file(run.dataset, run.key)
    return None if file is None else _cached(run.dataset.name, run.key, file)[name]


def are_current(run: Run, statistics: dict | None) -> bool:
    """Return whether statistics are of the labels as they are: no edit, no deletion of samples came after them."""
    if statistics is None or statistics.get("state") != run.state:
        return False
    deleted = run.dataset.last_deletion_at
    if deleted is None:
        return True
    deleted = deleted if deleted.tzinfo else deleted.replace(tzinfo=timezone.utc)
    return deleted <= datetime.fromisoformat(statistics["at"])


def unpack(text: str) -> np.ndarray:
    """Unpack a table of statistics: similarities in hundredths, or counts."""
    return fo.core.utils.deserialize_numpy_array(text, ascii=True)


@lru_cache(maxsize=4)
def _cached(dataset_name: str, run_key: str, file: str) -> dict[str, dict | None]:
    # the statistics of 500 clusters are a megabyte of text, too much to read at every click
    results = fetch_results(fo.load_dataset(dataset_name), run_key)
    return {name: results.get(name) for name in ("figures", "truth", "names", "apart")}


def _pack(array: np.ndarray) -> str:
    return fo.core.utils.serialize_numpy_array(array, ascii=True)


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), DIGITS)
