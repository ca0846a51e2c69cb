"""Neighbors of each sample against classes: how well vectors separate the classes that matter."""

from collections.abc import Sequence
from typing import Annotated, Any

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.parameters import SEED, typed
from ...models.progress import Progress
from ...models.vectors.normalize import l2_normalize
from ..dataset.ground_truth import read_truth, truth_path
from ..dataset.selections import selected
from ..dataset.shapes import has_labels_as_samples, labels_as_samples
from ..dataset.targets import Target
from ..dataset.vector_paths import chosen_vector_field, resolve_vectors
from ..dataset.vectors import COORDINATES, read_vectors
from ..execution.stages import Stages

# Images whose neighbors are compared with the ground truth: the share is then known to about 0.01
COMPARED = 2_000
_FEWER = "lower n_neighbors, or name fewer ids"
DEPTHS = (1, 5, 10, 20, 50, 100, 200, 500)


def check_neighbors(
    samples: fo.core.collections.SampleCollection,
    embeddings: str | None = None,
    patches_field: str | None = None,
    sample_size: Annotated[int, Field(ge=1, le=100)] = 5,
    n_neighbors: Annotated[int, Field(ge=1, le=500)] = 20,
    ground_truth: str | None = None,
    ids: list[str] | None = None,
    seed: int = SEED,
    progress: Progress | None = None,
) -> dict:
    """Mine neighbors as SCAN and its relatives do, show those of a few images, and say how far they can be trusted.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        embeddings (None): a vector field, as of ``compute_clusters``; by default the first one there is
        patches_field (None): check the patches of this label field
        sample_size (5): how many images to draw and show, so that no neighbor is shown twice where that is possible
        n_neighbors (20): neighbors per image, the deep methods' parameter of that name
        ground_truth (None): a field of classes; the share of neighbors of the same class is reported, nothing else
        ids (None): ids of the images to show, of labels for patches, in place of drawn ones
        seed (51): seed of what is drawn
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict: "view", each image followed by its neighbors, nearest first; "neighbors", per image its "id",
        "neighbors" (ids), "similarity" (cosines) and with ground truth "label", "labels" and "agreement"; "n_used",
        "skipped" and "notes"; with ground truth "agreement", the share over up to 2,000 images, "agreement_at" per
        number of neighbors, and "chance", the share for neighbors drawn at random

    Raises:
        ValueError: if an argument is refused or there are too few vectors
    """
    given = {"sample_size": sample_size, "n_neighbors": n_neighbors, "ground_truth": ground_truth, "ids": ids}
    typed(check_neighbors, {"embeddings": embeddings, "patches_field": patches_field, "seed": seed, **given})
    target, names = resolve_vectors(samples, patches_field, embeddings)
    if ground_truth:
        truth_path(target, ground_truth)
    field = chosen_vector_field(target.source, next(iter(names), None), target.patches_field)
    stages = Stages(["reading", "neighbors"], progress)
    stages.enter("reading")
    table = read_vectors(target.samples, field, target.patches_field)
    if len(table.ids) < 2:
        raise ValueError(f"{field!r} has {len(table.ids)} usable vectors, at least 2 are needed; compute embeddings")
    report = stages.enter("neighbors")
    Z = _space(table.X, seed)
    compared = np.random.default_rng(seed).permutation(len(Z))[:COMPARED]
    indices, _ = _mined(Z, compared, n_neighbors, report)
    chosen = _rows(table.ids, ids) if ids else compared[_apart(compared, indices, sample_size)]
    truth = read_truth(target, ground_truth, table.ids) if ground_truth else None
    near, distances = _mined(Z, chosen, n_neighbors)
    shown = _shown(table.ids, chosen, near, distances, truth)
    stages.leave()
    return {
        "embeddings": field,
        "unit": target.unit,
        "notes": list(target.notes),
        "n_neighbors": indices.shape[1],
        "n_used": len(table.ids),
        "skipped": {reason: len(missing) for reason, missing in table.skipped.items()},
        "neighbors": shown,
        **(_agreement(truth, compared, indices) if truth else {}),
        "view": _view(target, list(dict.fromkeys(key for one in shown for key in (one["id"], *one["neighbors"])))),
        "seconds": stages.seconds,
    }


def _space(X: np.ndarray, seed: int) -> np.ndarray:
    """Return the vectors as the deep methods see them with this seed."""
    from ...models.clusterers.deep.heads import fitted_space

    X = l2_normalize(X) if X.shape[1] > COORDINATES else X
    space, _ = fitted_space(X, np.random.default_rng(seed))
    return space(X)


def _mined(Z: np.ndarray, rows: np.ndarray, k: int, progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray]:
    from ...models.vectors.neighbors import neighbors_of

    return neighbors_of(Z, rows, k, "cosine", progress)


def _apart(rows: np.ndarray, indices: np.ndarray, count: int) -> list[int]:
    """Return the positions in ``rows`` of images that share no neighbor, as far as there are ``count`` such."""
    apart: list[int] = []
    seen: set[int] = set()
    for position, row in enumerate(rows.tolist()):
        group = {row, *indices[position].tolist()}
        if seen.isdisjoint(group):
            apart.append(position)
            seen |= group
        if len(apart) == count:
            return apart
    others = [position for position in range(len(rows)) if position not in set(apart)]
    return (apart + others)[:count]


def _rows(known: list[str], ids: list[str]) -> np.ndarray:
    where = {key: row for row, key in enumerate(known)}
    missing = [key for key in ids if key not in where]
    if missing:
        raise ValueError(f"{missing[0]!r} is not among the {len(known):,} with a usable vector; choose other ids")
    return np.array([where[key] for key in ids])


def _shown(
    ids: list[str], rows: np.ndarray, indices: np.ndarray, distances: np.ndarray, truth: Sequence[Any] | None
) -> list[dict[str, Any]]:
    """Return one dict per image shown, with its neighbors."""
    from ...models.vectors.neighbors import class_agreement

    shown: list[dict[str, Any]] = [
        {
            "id": ids[row],
            "neighbors": [ids[i] for i in near],
            "similarity": [round(1 - float(value), 4) for value in distance],
        }
        for row, near, distance in zip(rows.tolist(), indices.tolist(), distances, strict=True)
    ]
    if truth:
        shares = class_agreement(_numbers(truth), rows, indices).tolist()
        for one, row, near, share in zip(shown, rows.tolist(), indices.tolist(), shares, strict=True):
            agreement = None if np.isnan(share) else round(share, 4)
            one |= {"label": truth[row], "labels": [truth[i] for i in near], "agreement": agreement}
    return shown


def _numbers(truth: Sequence[Any]) -> np.ndarray:
    """Return class numbers ``(n,)``, -1 where there is no class."""
    names = {name: number for number, name in enumerate(dict.fromkeys(name for name in truth if name is not None))}
    return np.array([names.get(name, -1) for name in truth])


def _agreement(truth: Sequence[Any], rows: np.ndarray, indices: np.ndarray) -> dict[str, Any]:
    """Return how often neighbors are of one class, by their number, and how often any two are."""
    from ...models.vectors.neighbors import class_agreement

    numbers, at = _numbers(truth), {}
    depths = sorted({k for k in DEPTHS if k < indices.shape[1]} | {indices.shape[1]})
    for k in depths:
        shares = class_agreement(numbers, rows, indices[:, :k])
        at[str(k)] = round(float(np.nanmean(shares)), 4) if np.isfinite(shares).any() else None
    sizes = np.bincount(numbers[numbers >= 0])
    n = int(sizes.sum())
    chance = float((sizes * (sizes - 1)).sum() / (n * (n - 1))) if n > 1 else None
    return {"agreement": at[str(depths[-1])], "agreement_at": at, "chance": chance, "n_classes": len(sizes)}


def _view(target: Target, ids: list[str]) -> fo.DatasetView:
    if has_labels_as_samples(target.samples) or not target.patches_field:
        return selected(target.samples, ids, ordered=True, remedy=_FEWER)
    return selected(labels_as_samples(target.source, target.patches_field), ids, ordered=True, remedy=_FEWER)
