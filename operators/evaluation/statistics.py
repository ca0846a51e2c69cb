"""What is known about every cluster of a run: how tight it is, how far from the next, who stands at its border.

Figures are computed once, from the vectors, and kept with the run as its part ``figures``; those against a field of
classes, which cost no vectors, are its part ``truth``. Both remember the state of the labels that they describe, which
a new name does not change and which an edit that is undone gives back. They hang on nothing but labels, vectors and a
seed, so they are the same whenever they are computed, and in whatever order the images come.
"""

from datetime import datetime, timezone
from functools import lru_cache

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE
from ...models.parameters import SEED
from ..runs.run import Run
from ..runs.store import fetch_results, results_file

BINS = 20
BORDER = 24  # doubtful members that are kept per cluster
N_NOISE_SHOWN = 9  # noise that is shown on its card
DIGITS = 4
CLASSES = 200  # more than these are no confusion matrix that anybody can read


def make_statistics(ids, X, labels, confidence, seed: int = SEED) -> dict:
    """The figures of a clustering, plain data.

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
    plain = {
        int(cluster): {
            "size": int(size),
            "confidence": round(float(total / size), DIGITS),
            "histogram": counts.tolist(),
        }
        for cluster, size, total, counts in zip(clusters, sizes, sums, table, strict=True)
    }
    noise = plain.pop(NOISE, None)
    statistics = {"n": len(labels), "n_noise": noise["size"] if noise else 0, "histogram": table.sum(axis=0).tolist()}
    order, similarity = sorted(plain), None
    if X is not None and plain:
        order, similarity = _add_geometry(plain, ids, np.asarray(X), labels, seed)
    if noise:
        some = np.flatnonzero(labels == NOISE)
        noise["prototypes"] = [ids[i] for i in some[np.linspace(0, len(some) - 1, N_NOISE_SHOWN).astype(int)]]
        noise["prototypes"] = list(dict.fromkeys(noise["prototypes"]))
    clusters = {str(cluster): found for cluster, found in plain.items()}
    return {**statistics, "clusters": clusters, "noise": noise, "order": order, "similarity": similarity}


def by_id(ids, *columns) -> tuple:
    """Ids in ascending order, and columns ``(n, ...)`` with them; None stays None.

    What is sampled, or summed with rounding, hangs on the order. Samples are usually in that of their ids.
    """
    order = np.argsort(np.asarray(ids), kind="stable")
    if (order == np.arange(len(order))).all():
        return ids, *columns
    rows = (None if column is None else np.asarray(column)[order] for column in columns)
    return [ids[row] for row in order], *rows


def _add_geometry(plain, ids, X, labels, seed):
    """Adds what the vectors tell to every cluster; returns the order of the clusters and their packed similarity."""
    from ...models.analysis.cohesion import measure, second_choices
    from ...models.analysis.silhouette import silhouettes

    geometry = measure(X, labels)
    second, margin = second_choices(X, labels, geometry)
    rows, widths = silhouettes(X, labels, seed)
    of_width = labels[rows]
    ranked = np.lexsort((margin, labels))
    starts = np.searchsorted(labels[ranked], geometry.clusters)
    for at, (start, cluster) in enumerate(zip(starts, geometry.clusters.tolist(), strict=True)):
        found = plain[cluster]
        border = ranked[start : start + min(BORDER, found["size"])]
        mine = widths[of_width == cluster]
        low, high = np.quantile(mine, [0.1, 0.9]) if len(mine) else (np.nan, np.nan)
        found |= {
            "cohesion": _rounded(geometry.cohesion[at]),
            "separation": _rounded(geometry.separation[at]),
            "nearest": int(geometry.nearest[at]) if geometry.nearest[at] != NOISE else None,
            "silhouette": _rounded(mine.mean() if len(mine) else np.nan),
            "silhouette_range": [_rounded(low), _rounded(high)],
            "border": [ids[i] for i in border],
            "second": second[border].tolist(),
            "margin": [_rounded(value) for value in margin[border]],
        }
    order = geometry.leaf_order()
    at = np.searchsorted(geometry.clusters, order)
    return order, _pack(np.round(geometry.similarity[np.ix_(at, at)] * 100).astype(np.int8))


def make_truth(truth, labels, field: str) -> dict:
    """The figures of a clustering against classes, plain data.

    Args:
        truth: ``(n,)`` classes, None where unknown
        labels: ``(n,)`` cluster ids, -1 for noise
        field: where the classes come from

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


def save_statistics(run: Run, state: int, **results: dict) -> None:
    """Keep statistics with their run.

    Args:
        run: the run
        state: the state of the labels, read before they were
        **results: ``figures``, which are the statistics, or ``truth``
    """
    run.write(**{name: with_version(result, state) for name, result in results.items()})


def with_version(statistics: dict, state: int = 0) -> dict:
    """Figures with the state of the labels that they describe, 0 for a new run, and the time."""
    return {**statistics, "state": state, "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds")}


def read_statistics(run: Run, name: str = "figures") -> dict | None:
    """The statistics that a run keeps, however old; None if it has none.

    Args:
        run: the run
        name ("figures"): ``figures``, the statistics; ``truth``; or ``names``, what naming found out
    """
    # whenever a result changes, all of them are in a new file
    file = results_file(run.dataset, run.key)
    return None if file is None else _cached(run.dataset.name, run.key, file)[name]


def are_current(run: Run, statistics: dict | None) -> bool:
    """Whether statistics describe the labels as they are: no edit and no deletion of samples came after them."""
    if statistics is None or statistics.get("state") != run.state:
        return False
    deleted = run.dataset.last_deletion_at
    if deleted is None:
        return True
    deleted = deleted if deleted.tzinfo else deleted.replace(tzinfo=timezone.utc)
    return deleted <= datetime.fromisoformat(statistics["at"])


def unpack(text: str) -> np.ndarray:
    """A table of figures: similarities in hundredths, or counts."""
    return fo.core.utils.deserialize_numpy_array(text, ascii=True)


@lru_cache(maxsize=4)
def _cached(dataset_name: str, run_key: str, file: str) -> dict[str, dict | None]:
    # the statistics of 500 clusters are a megabyte of text, too much to read at every click
    results = fetch_results(fo.load_dataset(dataset_name), run_key)
    return {name: getattr(results, name, None) for name in ("figures", "truth", "names")}


def _pack(array) -> str:
    return fo.core.utils.serialize_numpy_array(array, ascii=True)


def _rounded(value) -> float | None:
    return None if np.isnan(value) else round(float(value), DIGITS)
