"""Suggested numbers of clusters."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ...models.parameters import SEED, typed
from ...models.vectors.normalize import l2_normalize
from ..dataset.rows import Rows
from ..dataset.targets import resolve_target
from ..dataset.vectors import COORDINATES, NO_VECTOR, missing_vectors, read_vectors, require_vector_field, vector_fields
from ..execution.stages import Stages

METHODS = {"kmeans": "k-means, over its number of clusters", "hdbscan": "HDBSCAN, over its smallest cluster size"}
REDUCTIONS = {"none": "None", "umap": "UMAP, as before HDBSCAN or k-means on it"}
MOST = 100
LOOKED_AT = 5000
TYPED = ("embeddings", "patches_field", "method", "reduce", "max_clusters", "sample", "seed")


def suggest_cluster_count(
    samples,
    embeddings: str | None = None,
    patches_field: str | None = None,
    method: str = "kmeans",
    reduce: str = "none",
    max_clusters: Annotated[int, Field(ge=2)] = MOST,
    sample: Annotated[int, Field(ge=8)] = LOOKED_AT,
    seed: int = SEED,
    progress=None,
) -> dict:
    """Suggests how many clusters to ask for; looks at the vectors only and changes nothing.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        embeddings (None): a vector field, by default the first one there is
        patches_field (None): look at the patches of this label field
        method ("kmeans"): "kmeans", or "hdbscan", whose ``min_cluster_size`` is swept instead
        reduce ("none"): "none", or "umap" to judge the clusters where a reduced run would look for them
        max_clusters (100): the largest number tried
        sample (5000): how many vectors are looked at
        seed (51): seed of everything random
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict with the numbers "coarse", "natural" and "fine"; "reasons" for each in words; "verdict": "clear",
        "weak" or "none"; "params", the parameters of ``compute_clusters`` for each, and the "reduce" they go with,
        principal components where HDBSCAN was tried on those; "trials", the scores of every number tried; "n_used",
        "n_vectors" and "notes"

    Raises:
        ValueError: in one sentence, if an argument is refused or there are too few vectors
    """
    from ...models.analysis.cluster_count import DIMENSIONS, suggest_count

    given = {key: value for key, value in locals().items() if key in TYPED}
    typed(suggest_cluster_count, given)
    target, field = _checked(samples, embeddings, patches_field, method, reduce)
    stages = Stages(["reading", "reducing", "sweeping"] if reduce == "umap" else ["reading", "sweeping"], progress)
    stages.enter("reading")
    X, n_vectors, skipped = _read(target, field, sample, seed)
    if reduce == "umap":
        X = _reduced(X, seed, stages.enter("reducing"))
    found = suggest_count(X, method, max_clusters, seed, sample, stages.enter("sweeping"))
    stages.leave()
    notes = [f"{n:,} {target.unit} have {reason}" for reason, n in skipped.items()]
    most = max(trial["value"] for trial in found["trials"])
    if method == "kmeans" and most < max_clusters:
        notes.append(f"{len(X):,} vectors allow no more than {most} clusters to be tried")
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


def check_suggestion(samples, embeddings=None, patches_field=None, method="kmeans", reduce="none", **others):
    """Refuses the arguments of :func:`suggest_cluster_count` that can be refused before any work."""
    typed(suggest_cluster_count, {key: value for key, value in others.items() if key in TYPED})
    _checked(samples, embeddings, patches_field, method, reduce)


def _checked(samples, embeddings, patches_field, method, reduce):
    for name, value, known in (("method", method, METHODS), ("reduce", reduce, REDUCTIONS)):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not offered here; choose one of {', '.join(known)}")
    target = resolve_target(samples, patches_field)
    fields = vector_fields(target.source, target.patches_field)
    field = embeddings or next(iter(fields), None)
    if field not in fields:
        some = f"the vector fields are {', '.join(fields)}" if fields else "compute them with compute_embeddings"
        raise ValueError(f"there are no vectors in {field!r}; {some}" if field else f"there is no vector field; {some}")
    return target, field


def _read(target, field: str, sample: int, seed: int):
    """At most ``sample`` vectors, which alone are fetched, how many there are, and how many are unusable by reason."""
    rows = Rows.of(target.samples, target.patches_field)
    if len(rows.ids) <= sample:
        table = read_vectors(target.samples, field, target.patches_field)
        return _unit(table.X), len(table.X), {reason: len(ids) for reason, ids in table.skipped.items()}
    require_vector_field(rows, field)
    missing = set(missing_vectors(rows, field))
    there = [pair for pair in zip(rows.ids, rows.sample_ids, strict=True) if pair[0] not in missing]
    rng = np.random.default_rng(seed)
    chosen = [there[i] for i in np.sort(rng.choice(len(there), min(sample, len(there)), replace=False))]
    if not chosen:
        return np.zeros((0, 0), np.float32), 0, {NO_VECTOR: len(missing)}
    some = target.source.select(list(dict.fromkeys(sample_id for _, sample_id in chosen)))
    table, wanted = read_vectors(some, field, target.patches_field), {row_id for row_id, _ in chosen}
    skipped = {f"{reason}, of {len(chosen):,}": len(wanted & set(ids)) for reason, ids in table.skipped.items()}
    skipped = ({NO_VECTOR: len(missing)} if missing else {}) | {reason: n for reason, n in skipped.items() if n}
    return _unit(table.X[[row_id in wanted for row_id in table.ids]]), len(there), skipped


def _unit(X):
    """Vectors at length 1 where a run would scale them so."""
    return l2_normalize(X) if X.shape[1] > COORDINATES else X


def _reduced(X, seed, report):
    from ...models.vectors.reduction import UMAPReduction

    return UMAPReduction(random_state=seed).fit_transform(X, progress=report)


def _params(found: dict, growth: float) -> dict:
    """The parameters of a whole run: a smallest cluster size grows with the number of vectors."""
    values = found["values"]
    if found["parameter"] == "min_cluster_size":
        values = {level: max(2, round(size * growth)) for level, size in values.items()}
    return {level: {found["parameter"]: value} for level, value in values.items()}
