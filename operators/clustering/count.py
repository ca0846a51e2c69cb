"""Suggested numbers of clusters."""

from typing import Annotated

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.parameters import SEED, typed
from ...models.progress import Progress
from ...models.vectors.normalize import l2_normalize
from ..dataset.rows import Rows
from ..dataset.selections import narrowed
from ..dataset.targets import Target
from ..dataset.vector_paths import chosen_vector_field, resolve_vectors
from ..dataset.vectors import COORDINATES, NO_VECTOR, missing_vectors, read_vectors
from ..execution.stages import Stages

METHODS = {"kmeans": "k-means, over its number of clusters", "hdbscan": "HDBSCAN, over its smallest cluster size"}
REDUCTIONS = {"none": "None", "umap": "UMAP, as before HDBSCAN or k-means on it"}
MAX_CLUSTERS = 100
SAMPLE_SIZE = 5000


def suggest_cluster_count(
    samples: fo.core.collections.SampleCollection,
    embeddings: str | None = None,
    patches_field: str | None = None,
    method: str = "kmeans",
    reduce: str = "none",
    max_clusters: Annotated[int, Field(ge=2)] = MAX_CLUSTERS,
    sample_size: Annotated[int, Field(ge=8)] = SAMPLE_SIZE,
    seed: int = SEED,
    progress: Progress | None = None,
) -> dict:
    """Suggest how many clusters to ask for; read the vectors only and change nothing.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        embeddings (None): a vector field, as of ``compute_clusters``; by default the first one there is
        patches_field (None): take the patches of this label field
        method ("kmeans"): "kmeans", or "hdbscan", whose ``min_cluster_size`` is swept instead
        reduce ("none"): "none", or "umap" to judge the clusters where a reduced run would find them
        max_clusters (100): the largest number tried
        sample_size (5000): how many vectors are used, drawn at random
        seed (51): seed of everything random
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict with the numbers "coarse", "natural" and "fine"; "reasons" for each in words; "verdict": "clear",
        "weak" or "none"; "params", the parameters of ``compute_clusters`` for each, and the "reduce" they go with,
        principal components where HDBSCAN was tried on those; "trials", the scores of every number tried; "n_used",
        "n_vectors" and "notes"

    Raises:
        ValueError: if an argument is refused or there are too few vectors
    """
    from ...models.analysis.cluster_count import DIMENSIONS, suggest_count
    from ...models.vectors.copies import first_copies

    target, field = check_suggestion(
        samples, embeddings, patches_field, method, reduce, max_clusters, sample_size, seed
    )
    stages = Stages(["reading", "reducing", "sweeping"] if reduce == "umap" else ["reading", "sweeping"], progress)
    stages.enter("reading")
    X, n_vectors, skipped = _read(target, field, sample_size, seed)
    if reduce == "umap":
        X = _reduced(X, seed, stages.enter("reducing"))
    found = suggest_count(X, method, max_clusters, seed, sample_size, stages.enter("sweeping"))
    stages.leave()
    notes = [*target.notes, *(f"{n:,} {target.unit} have {reason}" for reason, n in skipped.items())]
    most = max(trial["value"] for trial in found["trials"])
    if method == "kmeans" and most < max_clusters:
        distinct = len(np.unique(first_copies(X)))
        some = f", {distinct:,} of them distinct," if distinct < len(X) else ""
        notes.append(f"{len(X):,} vectors{some} allow no more than {most} clusters to be tried")
    return {
        **found,
        "method": method,
        "embeddings": field,
        "patches_field": target.patches_field,
        "reduce": "pca" if reduce == "none" and method == "hdbscan" and X.shape[1] > DIMENSIONS else reduce,
        "params": _params(found, n_vectors / len(X)),
        "n_vectors": n_vectors,
        "notes": notes,
        "seconds": stages.seconds,
    }


def check_suggestion(
    samples: fo.core.collections.SampleCollection,
    embeddings: str | None = None,
    patches_field: str | None = None,
    method: str = "kmeans",
    reduce: str = "none",
    max_clusters: int = MAX_CLUSTERS,
    sample_size: int = SAMPLE_SIZE,
    seed: int = SEED,
    progress: Progress | None = None,
) -> tuple[Target, str]:
    """Refuse the arguments of :func:`suggest_cluster_count` that can be refused before any work.

    Returns:
        the images or patches, and the vector field

    Raises:
        ValueError: if one is refused
    """
    given = {"embeddings": embeddings, "patches_field": patches_field, "method": method, "reduce": reduce, "seed": seed}
    typed(suggest_cluster_count, {**given, "max_clusters": max_clusters, "sample_size": sample_size})
    for name, value, known in (("method", method, METHODS), ("reduce", reduce, REDUCTIONS)):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not offered here; choose one of {', '.join(known)}")
    target, names = resolve_vectors(samples, patches_field, embeddings)
    return target, chosen_vector_field(target.source, next(iter(names), None), target.patches_field)


def _read(target: Target, field: str, sample_size: int, seed: int) -> tuple[np.ndarray, int, dict[str, int]]:
    """Return at most ``sample_size`` vectors, how many there are, and how many are unusable by reason."""
    rows = Rows.of(target.samples, target.patches_field)
    if len(rows.ids) <= sample_size:
        table = read_vectors(target.samples, field, target.patches_field)
        return _unit(table.X), len(table.X), {reason: len(ids) for reason, ids in table.skipped.items()}
    missing = set(missing_vectors(rows, field))
    there = [pair for pair in zip(rows.ids, rows.sample_ids, strict=True) if pair[0] not in missing]
    rng = np.random.default_rng(seed)
    chosen = [there[i] for i in np.sort(rng.choice(len(there), min(sample_size, len(there)), replace=False))]
    if not chosen:
        return np.zeros((0, 0), np.float32), 0, {NO_VECTOR: len(missing)}
    some = narrowed(target.source, (sample_id for _, sample_id in chosen))
    table, wanted = read_vectors(some, field, target.patches_field), {row_id for row_id, _ in chosen}
    skipped = {f"{reason}, of {len(chosen):,}": len(wanted & set(ids)) for reason, ids in table.skipped.items()}
    skipped = ({NO_VECTOR: len(missing)} if missing else {}) | {reason: n for reason, n in skipped.items() if n}
    return _unit(table.X[[row_id in wanted for row_id in table.ids]]), len(there), skipped


def _unit(X: np.ndarray) -> np.ndarray:
    """Return vectors as a run would scale them."""
    from ...models.vectors.scaling import scaled, scaling_of

    return l2_normalize(X) if X.shape[1] > COORDINATES else scaled(X, scaling_of(X))


def _reduced(X: np.ndarray, seed: int, progress: Progress) -> np.ndarray:
    from ...models.vectors.reduction import UMAPReduction

    return UMAPReduction(random_state=seed).fit_transform(X, progress=progress)


def _params(found: dict, growth: float) -> dict[str, dict[str, int]]:
    """Return the parameters of a whole run: a smallest cluster size grows with the number of vectors."""
    values = found["values"]
    if found["parameter"] == "min_cluster_size":
        values = {level: max(2, round(size * growth)) for level, size in values.items()}
    return {level: {found["parameter"]: value} for level, value in values.items()}
