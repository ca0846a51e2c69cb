"""Expected cost of a run, before it starts, to the order of magnitude.

Coefficients are CPU seconds of one core as measured on a server CPU; see each class's ``estimate``.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...models.costs import duration, expected_device, free_memory
from ...models.encoders.base import Encoder
from ...models.parameters import parameters, validated
from ..dataset.targets import Target
from ..dataset.vector_names import is_outside
from ..dataset.vector_paths import first_vector
from ..dataset.vector_sources import open_outside
from ..embedding.training import proposed_side
from ..runs.store import read_value
from .sampling import AUTO, Costs, sample_size

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from ...models.training.clustering.base import ClusteringRecipe

READ_SECONDS, WRITE_SECONDS = 7e-5, 2.5e-4  # per vector of 512 dimensions, per label
PLACE_SECONDS = 5e-11  # per sample that is placed, center or voter, and dimension
MAP_SECONDS = 2e-4  # per sample that stands among those that a map was drawn of
SCORE_SECONDS, SCORE_SECONDS_EACH = 0.2, 2e-7  # of all, and per vector and dimension
DECODE_SECONDS = 4e-3  # per image
LOADING = 4.0  # seconds until torch is there, which every further encoder of the process does without
UNKNOWN_DIMENSIONS = 768
IMMEDIATE_SECONDS = 480  # from here on scheduling is proposed
BACKGROUND = "It runs in the background as long as the App's server does; schedule it to be independent of that"
SLOW_SECONDS = 60  # from here on, a reduction that makes the method quick is worth a word
DENSE_DIMENSIONS = 50


class Estimate(NamedTuple):
    """The expected cost of a run.

    Args:
        seconds: of wall-clock time
        bytes: of memory beyond what is in use now
        text: one line for the form
        warning: what to do about it, or None
        stages: seconds of each stage of the job
    """

    seconds: float
    bytes: int
    text: str
    warning: str | None
    stages: dict[str, float]

    @property
    def long(self) -> bool:
        """True if the run takes so long that it should not depend on the App's server."""
        return self.seconds > IMMEDIATE_SECONDS


def estimate_run(
    target: Target, field: str, encoder: str | Encoder | None, kwargs: dict, more_fields: Sequence[str] = ()
) -> Estimate:
    """Estimate a run of :func:`operators.clustering.job.compute_clusters`.

    Args:
        target: the images or patches
        field: the vector field
        encoder: the encoder that fills it, or None
        kwargs: the other arguments of the run
        more_fields (()): further vector fields, for a method on several encoders

    Raises:
        ValueError: if a parameter is not valid
    """
    from ...models.clusterers import get_clusterer
    from ...models.vectors.reduction import UMAPReduction
    from ...models.vectors.sampled_map import DRAWN

    n = target.count()
    drawn = vector_length(target, field) or UNKNOWN_DIMENSIONS
    cls = get_clusterer(kwargs.get("method", "kmeans"))
    chosen = (validated(cls, kwargs.get("params")), kwargs.get("reduce", "auto"), kwargs.get("reduce_params"))
    costs = costs_of(target, [field, *more_fields], cls, *chosen)
    d, reducer, fit_on = costs.d, costs.reducer, kwargs.get("fit_on", AUTO)
    fitted = n if kwargs.get("constraints_from") else sample_size(fit_on, n, costs) or n
    parts = {"embedding": embedding_seconds(encoder, _missing(target, field, n))} if encoder else {}
    parts["reading"], memory = n * READ_SECONDS * d / 512, [4 * n * d * 2]
    width, clustering = d, placing_seconds(costs, fitted, n - fitted)
    if reducer.name != "none":
        cost = reducer.estimate(fitted, d, costs.reduce_params)
        clustering, width = clustering + cost.seconds, min(d, costs.reduce_params["n_components"])
        clustering += UMAPReduction.startup(fitted) if reducer is UMAPReduction else 0.0
        memory.append(cost.bytes)
    cost = cls.estimate(fitted, width, costs.params)
    parts["clustering"] = clustering + cost.seconds
    memory.append(cost.bytes)
    if kwargs.get("visualize", True) and not _has_map(target, field, n):
        mapped = min(n, DRAWN)
        drawing = UMAPReduction.estimate(mapped, drawn, validated(UMAPReduction, {"n_components": 2}))
        parts["map"] = drawing.seconds + (0.0 if reducer is UMAPReduction else UMAPReduction.startup(n))
        parts["map"] += MAP_SECONDS * (n - mapped)
        memory.append(drawing.bytes)
    parts["scoring"] = SCORE_SECONDS + n * (WRITE_SECONDS + d * SCORE_SECONDS_EACH)
    parts["writing"] = n * WRITE_SECONDS
    seconds, needed = sum(parts.values()), memory[0] + max(memory[1:])
    slowest = max(parts, key=lambda part: parts[part])
    text = (
        f"About {duration(max(1, seconds))} and {size(needed)} of memory for {n:,} {target.unit} "
        f"({slowest}: {duration(parts[slowest])})"
    )
    text += f", fitted on a sample of {fitted:,}" if fitted < n else ""
    return Estimate(seconds, needed, text, _warning(seconds, needed, cost.seconds, cls, width), parts)


def costs_of(
    target: Target,
    fields: Sequence[str],
    method: "type[Clusterer]",
    params: dict,
    reduce: str = "auto",
    reduce_params: dict | None = None,
) -> Costs:
    """Return what a method with all of its parameters and a reduction need for the vectors in some fields."""
    from ...models.vectors.reduction import get_reduction, resolve

    d = sum(vector_length(target, name) or UNKNOWN_DIMENSIONS for name in fields)
    reducer = get_reduction(resolve(reduce, method, d))
    return Costs(method, params, reducer, validated(reducer, reduce_params), d)


def placing_seconds(costs: Costs, fitted: int, others: int) -> float:
    """Return the seconds of placing others in the clusters of what was fitted: by centers, or a vote of those."""
    by_vote = costs.reducer.name == "umap" or costs.method.placed_by == "neighbors"
    return PLACE_SECONDS * others * costs.d * (fitted if by_vote else costs.params.get("n_clusters", 10))


def _missing(target: Target, field: str, n: int) -> int:
    """Return how many of ``n`` images or patches lack a vector, which is computed."""
    path = target.local_path(field)
    if is_outside(field):
        return max(n - open_outside(target.source, field, target.patches_field).count, 0)
    if target.source.get_field(path) is None:
        return n
    return max(n - target.source.count(path), 0)


def _has_map(target: Target, field: str, n: int) -> bool:
    """Return whether a run of as many vectors of a field has a map, which is then made no second time."""
    wanted = (field, target.patches_field)
    names = ("embeddings", "patches_field", "visualization", "n_used", "skipped")
    values = {name: read_value(target.dataset, name) for name in names}
    there = set(target.dataset.list_brain_runs())
    return any(
        (values["embeddings"][key], values["patches_field"][key]) == wanted
        and drawn in there
        and (values["n_used"][key] or 0) + sum((values["skipped"][key] or {}).values()) == n
        for key, drawn in values["visualization"].items()
    )


def vector_length(target: Target, field: str) -> int | None:
    """Return the length of the vectors in a field, judged by one of them; None if there is none yet."""
    if is_outside(field):
        return open_outside(target.source, field, target.patches_field).width or None
    path = target.local_path(field)
    if "." not in path and target.source.get_field(path) is None:
        return None
    vector = first_vector(target.source, path)
    return None if vector is None else len(vector)


def embedding_seconds(encoder: str | Encoder, n: int) -> float:
    """Return the seconds that an encoder needs for ``n`` images on this machine."""
    from ...models.encoders import encoder_class

    cls = encoder_class(encoder) if isinstance(encoder, str) else type(encoder)
    if not n:  # it is only asked for its identity
        return 0.5
    loading = 1.0 if "torch" in sys.modules else 1.0 + LOADING
    return loading + n * cls.seconds_per_image / expected_device().speedup


def size(amount: int) -> str:
    """Return a number of bytes as text: ``300 MB`` or ``4.5 GB``."""
    return f"{max(1, amount / 1e6):.0f} MB" if amount < 1e9 else f"{amount / 1e9:.1f} GB"


def _warning(seconds: float, needed: int, clustering: float, cls: "type[Clusterer]", width: int) -> str | None:
    """Return advice for a run that takes long or much memory, None if it needs none."""
    advice = []
    free = free_memory()
    if needed > free:
        advice.append(f"Only {size(free)} of memory are free here; cluster a view or choose k-means")
    if clustering > SLOW_SECONDS and width > DENSE_DIMENSIONS:
        advice.append(f"{cls.title} is slow on {width} dimensions; reduce to 10 with UMAP or to 50 with PCA first")
    if seconds > IMMEDIATE_SECONDS:
        advice.append(BACKGROUND)
    return ". ".join(advice) or None


def image_estimate(target: Target, kwargs: dict) -> Estimate:
    """Estimate a clustering that trains on images.

    Args:
        target: the images or patches
        kwargs: the arguments of :func:`operators.clustering.job.compute_clusters`

    Raises:
        ValueError: if a parameter is not valid
    """
    from ...models.training import clustering_class

    cls = clustering_class(kwargs["method"])
    recipe, n = cls(**validated(cls, kwargs.get("params"))), target.count()
    side = proposed_side(target, recipe)
    started = "encoder" in kwargs
    epochs = sum(getattr(recipe, key) for key in _epochs(cls) if not (started and key in cls.of_features()))
    device = expected_device()
    seconds, needed = n * epochs * recipe.seconds_per_image(side) / device.speedup, 3 * n * side**2
    work = f"{epochs} epochs over {n:,} {target.unit} on {device.name}"
    text = f"About {duration(seconds)} and {size(needed)} of memory for {work}"
    embedding = n * recipe.seconds_per_image(side) / device.speedup
    stages = {"decoding": n * DECODE_SECONDS, "training": seconds, "embedding": embedding}
    return Estimate(seconds, needed, text, BACKGROUND if seconds > IMMEDIATE_SECONDS else None, stages)


def _epochs(cls: "type[ClusteringRecipe]") -> list[str]:
    return [name for name in parameters(cls) if name.endswith("epochs") and name != "warmup_epochs"]
