"""Neighbors of each sample against classes: how well vectors separate what somebody cares about."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ...models.parameters import SEED, typed
from ...models.vectors.normalize import l2_normalize
from ..dataset.ground_truth import read_truth, truth_path
from ..dataset.private import is_patches
from ..dataset.targets import resolve_target
from ..dataset.vectors import COORDINATES, read_vectors, vector_fields
from ..execution.stages import Stages

# Images whose neighbours are compared with the ground truth: the share is then known to about 0.01.
ASKED = 2_000
DEPTHS = (1, 5, 10, 20, 50, 100, 200, 500)


def check_neighbors(
    samples,
    embeddings: str | None = None,
    patches_field: str | None = None,
    n_images: Annotated[int, Field(ge=1, le=100)] = 5,
    n_neighbors: Annotated[int, Field(ge=1, le=500)] = 20,
    ground_truth: str | None = None,
    ids: list[str] | None = None,
    seed: int = SEED,
    progress=None,
) -> dict:
    """Mines neighbours as SCAN and its relatives do, shows those of a few images, and says how far they can be trusted.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        embeddings (None): a vector field, by default the first one there is
        patches_field (None): look at the patches of this label field
        n_images (5): how many images to show, drawn so that no neighbour is shown twice where that is possible
        n_neighbors (20): neighbours per image, the deep methods' parameter of that name
        ground_truth (None): a field of classes; the share of neighbours of the same class is reported, nothing else
        ids (None): ids of the images to show, of labels for patches, in place of drawn ones
        seed (51): seed of what is drawn
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a dict: "view", each image followed by its neighbours, nearest first; "neighbors", per image its "id",
        "neighbors" (ids), "similarity" (cosines) and with ground truth "label", "labels" and "agreement"; "n_used" and
        "skipped"; with ground truth "agreement", the share over up to 2,000 images, "agreement_at" per number of
        neighbours, and "chance", the share for neighbours drawn at random

    Raises:
        ValueError: in one sentence, if an argument is refused or there are too few vectors
    """
    given = {key: value for key, value in locals().items() if key not in ("samples", "progress")}
    target, field = check_arguments(samples, **given)
    stages = Stages(["reading", "neighbours"], progress)
    stages.enter("reading")
    table = read_vectors(target.samples, field, target.patches_field)
    if len(table.ids) < 2:
        raise ValueError(f"{field!r} has {len(table.ids)} usable vectors, at least 2 are needed; compute embeddings")
    report = stages.enter("neighbours")
    Z = _space(table.X, seed)
    rng = np.random.default_rng(seed)
    asked = rng.permutation(len(Z))[:ASKED]
    indices, distances = _mined(Z, asked, n_neighbors, report)
    chosen = _rows(table.ids, ids) if ids else asked[_apart(asked, indices, n_images)]
    truth = read_truth(target, ground_truth, table.ids) if ground_truth else None
    found = {
        "embeddings": field,
        "unit": target.unit,
        "n_neighbors": indices.shape[1],
        "n_used": len(table.ids),
        "skipped": {reason: len(missing) for reason, missing in table.skipped.items()},
        "neighbors": _entries(table.ids, chosen, *_mined(Z, chosen, n_neighbors), truth),
        **(_agreement(truth, asked, indices) if truth else {}),
    }
    shown = dict.fromkeys(key for entry in found["neighbors"] for key in (entry["id"], *entry["neighbors"]))
    stages.leave()
    return found | {"view": _view(target, list(shown)), "seconds": stages.seconds}


def check_arguments(samples, **given):
    """Refuses the arguments of :func:`check_neighbors` that can be refused before any work.

    Returns:
        a tuple of the :class:`operators.targets.Target` and the vector field

    Raises:
        ValueError: in one sentence
    """
    given.pop("progress", None)
    typed(check_neighbors, given)
    target = resolve_target(samples, given["patches_field"])
    if given["ground_truth"]:
        truth_path(target, given["ground_truth"])
    fields = vector_fields(target.source, target.patches_field)
    field = given["embeddings"] or next(iter(fields), None)
    if field not in fields:
        known = f"the vector fields are {', '.join(fields)}" if fields else "compute them with compute_embeddings"
        raise ValueError(
            f"there are no vectors in {field!r}; {known}" if field else f"there is no vector field; {known}"
        )
    return target, field


def _space(X, seed):
    """The vectors as the deep methods see them with this seed."""
    from ...models.clusterers.deep.heads import fitted_space

    X = l2_normalize(X) if X.shape[1] > COORDINATES else X
    space, _ = fitted_space(X, np.random.default_rng(seed))
    return space(X)


def _mined(Z, rows, k: int, progress=None):
    from ...models.vectors.neighbors import neighbors_of

    return neighbors_of(Z, rows, k, "cosine", progress)


def _apart(asked, indices, count: int) -> list[int]:
    """Positions in ``asked`` of images that share no neighbour, as far as there are ``count`` such."""
    apart, seen = [], set()
    for position, row in enumerate(asked):
        group = {int(row), *indices[position].tolist()}
        if seen.isdisjoint(group):
            apart.append(position)
            seen |= group
        if len(apart) == count:
            return apart
    others = [position for position in range(len(asked)) if position not in set(apart)]
    return (apart + others)[:count]


def _rows(known, ids) -> np.ndarray:
    where = {key: row for row, key in enumerate(known)}
    missing = [key for key in ids if key not in where]
    if missing:
        raise ValueError(f"{missing[0]!r} is not among the {len(known):,} with a usable vector; choose other ids")
    return np.array([where[key] for key in ids])


def _entries(ids, rows, indices, distances, truth) -> list[dict]:
    """One dict per image shown, with its neighbours."""
    entries = []
    for row, near, distance in zip(rows.tolist(), indices.tolist(), distances, strict=True):
        entry = {
            "id": ids[row],
            "neighbors": [ids[i] for i in near],
            "similarity": [round(1 - float(value), 4) for value in distance],
        }
        if truth:
            labels = [truth[i] for i in near]
            share = float(_shares(truth, np.array([row]), np.array([near]))[0])
            entry |= {"label": truth[row], "labels": labels, "agreement": None if np.isnan(share) else round(share, 4)}
        entries.append(entry)
    return entries


def _shares(truth, rows, indices) -> np.ndarray:
    from ...models.vectors.neighbors import class_agreement

    return class_agreement(_numbers(truth), rows, indices)


def _numbers(truth) -> np.ndarray:
    """Class numbers ``(n,)``, -1 where there is no class."""
    names = {name: number for number, name in enumerate(dict.fromkeys(name for name in truth if name is not None))}
    return np.array([names.get(name, -1) for name in truth])


def _agreement(truth, rows, indices) -> dict:
    """How often neighbours are of one class, by their number, and how often any two are."""
    depths = sorted({k for k in DEPTHS if k < indices.shape[1]} | {indices.shape[1]})
    at = {}
    for k in depths:
        shares = _shares(truth, rows, indices[:, :k])
        at[str(k)] = round(float(np.nanmean(shares)), 4) if np.isfinite(shares).any() else None
    numbers = _numbers(truth)
    sizes = np.bincount(numbers[numbers >= 0])
    n = int(sizes.sum())
    chance = float((sizes * (sizes - 1)).sum() / (n * (n - 1))) if n > 1 else None
    return {"agreement": at[str(depths[-1])], "agreement_at": at, "chance": chance, "n_classes": len(sizes)}


def _view(target, ids: list[str]):
    if is_patches(target.samples) or not target.patches_field:
        return target.samples.select(ids, ordered=True)
    return target.source.to_patches(target.patches_field).select(ids, ordered=True)
