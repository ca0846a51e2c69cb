"""The main job: vectors, reduction, clusters, map, run. Called by the operator, by Python and by delegated workers."""

import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from . import runs
from .embeddings import compute_embeddings, field_encoder, read_vectors, vector_fields
from .execution import Stages
from .ground_truth import read_truth, truth_path
from .locks import writing
from .maps import digest, ensure_map, map_key
from .summary import panel_note, summarize
from .targets import Target, resolve_target

SEED = 51
# With so few dimensions vectors are coordinates more often than directions, and their length means something
COORDINATES = 16
PACKAGES = ("fiftyone", "numpy", "scikit-learn", "scipy", "torch", "umap-learn", "hdbscan", "pynndescent")


def compute_clusters(
    samples,
    run_key: str | None = None,
    method: str = "kmeans",
    params: dict | None = None,
    embeddings: str | None = None,
    encoder=None,
    encoder_params: dict | None = None,
    reduce: str = "auto",
    reduce_params: dict | None = None,
    patches_field: str | None = None,
    cluster_field: str | None = None,
    visualize: bool = True,
    ground_truth: str | None = None,
    seed: int = SEED,
    normalize: bool | None = None,
    batch_size: int = 32,
    num_workers: int | None = None,
    progress=None,
) -> dict:
    """Clusters images, or patches of a label field, and keeps the result as a run.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        run_key (None): the run's name, a free identifier; by default ``<method>_1``, ``<method>_2``...
        method ("kmeans"): a name from ``list_clusterers()``
        params (None): the method's parameters by name; missing ones have the defaults of its signature
        embeddings (None): a vector field; with ``encoder``, what it lacks is computed into it
        encoder (None): an encoder such as ``"efficientnet_lite0"`` or ``"clip:ViT-B-32/openai"``; by default none if
            ``embeddings`` is given, else the default encoder
        encoder_params (None): the encoder's parameters by name
        reduce ("auto"): ``"auto"``, ``"none"``, ``"pca"`` or ``"umap"``, before clustering
        reduce_params (None): the reduction's parameters by name
        patches_field (None): cluster the patches of this label field
        cluster_field (None): where the labels go, by default the run key; for patches an attribute of each label
        visualize (True): whether to make the 2-D map of the vectors, unless it exists
        ground_truth (None): a field of classes to score against
        seed (51): everything random follows it
        normalize (None): whether to scale vectors to length 1 first; by default above 16 dimensions
        batch_size (32): images per batch of the encoder
        num_workers (None): threads that read images, by default one per core
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a summary, plain data: run_key, cluster_field, n_clusters, sizes, n_used, skipped, scores, seconds, notes...

    Raises:
        ValueError: in one sentence, if an argument or the vectors are refused; nothing is changed then, except that
            embeddings already computed are kept
    """
    target = resolve_target(samples, patches_field)
    run_key = runs.propose_run_key(target.dataset, method) if run_key is None else run_key
    request = Request(
        target, run_key, *_checked_method(method, params), reduce, reduce_params or {}, cluster_field or run_key,
        visualize, ground_truth, seed, normalize,
    )  # fmt: skip
    _check(request)
    field, encoder = choose_features(target, embeddings, encoder)
    stages = Stages(_stage_names(request, encoder), progress)
    with writing(target.dataset, f"run key {run_key!r}", f"field {request.path!r}"):
        runs.clean_leftovers(target.dataset, except_key=run_key)
        if encoder:
            report = stages.enter("embedding")
            with writing(target.dataset, f"field {field!r}"):
                compute_embeddings(
                    samples, encoder, field, patches_field, encoder_params, batch_size, num_workers, progress=report
                )
        stages.enter("reading")
        table = _usable(read_vectors(samples, field, patches_field), field)
        return _cluster_and_keep(request, field, table, stages)


@dataclass(frozen=True)
class Request:
    """The checked arguments of one clustering; see :func:`compute_clusters`."""

    target: Target
    run_key: str
    method: type
    params: dict
    reduce: str
    reduce_params: dict
    cluster_field: str
    visualize: bool
    ground_truth: str | None
    seed: int
    normalize: bool | None

    @property
    def path(self) -> str:
        """Where the labels go."""
        return self.target.home_path(self.cluster_field)


def choose_features(target, embeddings: str | None, encoder) -> tuple[str, object]:
    """The vector field to use and the encoder to fill it with, None if the field is used as it is.

    Args:
        target: a :class:`operators.targets.Target`
        embeddings: a vector field or None
        encoder: an encoder's name, an encoder, or None

    Raises:
        ValueError: in one sentence, if the field has no vectors and no encoder can fill it
    """
    from ..models.encoders import default_encoder, encoder_class

    if encoder is None and embeddings is None:
        encoder = default_encoder()[0]
    if isinstance(encoder, str):
        encoder_class(encoder)
        return embeddings or field_name(encoder), encoder
    if encoder is not None:
        return embeddings or encoder.name, encoder
    fields = vector_fields(target.source, target.patches_field)
    if embeddings not in fields:
        some = f"the vector fields are {', '.join(fields)}" if fields else "there are no vector fields here"
        raise ValueError(f"embeddings field {embeddings!r} holds no vectors; {some}, or give an encoder")
    return embeddings, None


def field_name(encoder: str) -> str:
    """The vector field that an encoder fills by default: ``clip_ViT_B_32_openai`` for ``clip:ViT-B-32/openai``."""
    return "".join(c if c.isalnum() else "_" for c in encoder).strip("_")


def _checked_method(method, params):
    from ..models.clusterers import get_clusterer
    from ..models.parameters import validated

    cls = get_clusterer(method)
    return cls, validated(cls, params)


def _check(request):
    from ..models.parameters import validated
    from ..models.reduction import get_reduction

    target = request.target
    runs.check_run_key(target.dataset, request.run_key)
    runs.check_cluster_field(target, request.cluster_field)
    if not isinstance(request.seed, int) or isinstance(request.seed, bool) or not 0 <= request.seed < 2**32:
        raise ValueError(f"seed {request.seed!r} is not valid; use an integer from 0 to {2**32 - 1}")
    if request.ground_truth:
        truth_path(target, request.ground_truth)
    if request.reduce != "auto":
        validated(get_reduction(request.reduce), request.reduce_params)
    elif request.reduce_params:
        raise ValueError(f"reduce_params {sorted(request.reduce_params)} need a reduction; set reduce='pca' or 'umap'")


def _stage_names(request, encoder) -> list[str]:
    names = ["embedding"] * bool(encoder) + ["reading", "clustering"]
    return names + ["map"] * request.visualize + ["scoring", "writing"]


def _usable(table, field):
    n = len(table.ids)
    if n < 2:
        reasons = ", ".join(f"{len(ids)} {reason}" for reason, ids in table.skipped.items()) or "the view has no more"
        raise ValueError(
            f"{field!r} has {n} usable vectors, at least 2 are needed ({reasons}); compute embeddings first"
        )
    return table


def _cluster_and_keep(request, field, table, stages) -> dict:
    target = request.target
    normalize = table.X.shape[1] > COORDINATES if request.normalize is None else request.normalize
    X = table.X / np.linalg.norm(table.X, axis=1, keepdims=True) if normalize else table.X
    vectors_digest = digest(table)
    clusterer, reducer, reduction, neighbors, notes = _cluster(request, X, stages)
    brain_key = map_key(field, target.patches_field, vectors_digest) if request.visualize else None
    made_map = False
    try:
        if brain_key:
            report = stages.enter("map")
            made_map = ensure_map(target, table, brain_key, X, neighbors, request.seed, report)
        stages.enter("scoring")
        clusters = _describe_clusters(table, X, clusterer, request.seed)
        n_clusters = sum(c["id"] != runs.NOISE for c in clusters)
        placement, arrays = _placement(clusterer, reduction, reducer, normalize)
        config = {
            "method": request.method.name,
            "params": request.params,
            "seed": request.seed,
            "embeddings": field,
            "encoder": field_encoder(target.source, target.local_path(field)),
            "normalize": normalize,
            "reduce": reduction,
            "reduce_params": {k: v for k, v in reducer.get_params().items() if k != "random_state"} if reducer else {},
            "cluster_field": request.cluster_field,
            "patches_field": target.patches_field,
            "label_path": request.path,
            "ground_truth": request.ground_truth,
            "visualization": brain_key,
            "digest": vectors_digest,
            "n_used": len(table.ids),
            "n_noise": int((clusterer.labels_ == runs.NOISE).sum()),
            "n_clusters": n_clusters,
            "skipped": {reason: len(ids) for reason, ids in table.skipped.items()},
            "scores": _scores(request, table, X, clusterer.labels_),
            "versions": _versions(),
            "notes": [*notes, *panel_note(n_clusters)],
            "placement": placement,
            "history": getattr(clusterer, "history_", None),
        }
        report = stages.enter("writing")
        _write(request, table, clusterer, clusters, config, arrays, stages, report)
    except BaseException:
        if made_map:
            target.dataset.delete_brain_run(brain_key)
        raise
    return summarize(
        request.run_key, config, clusters, target.unit, f"{target.local_path(request.cluster_field)}.label"
    )


def _cluster(request, X, stages):
    """Reduces and clusters; returns the clusterer, the reducer and its name, the neighbours found, and warnings."""
    from ..models.neighbors import nearest_neighbors
    from ..models.parameters import SEED as RANDOM_STATE
    from ..models.reduction import get_reduction, resolve

    report = stages.enter("clustering")
    request.method.check(request.params, len(X))
    reduction = resolve(request.reduce, request.method, X.shape[1])
    reducer = neighbors = None
    if reduction != "none":
        reducer = get_reduction(reduction)(**request.reduce_params, random_state=request.seed)
        if reducer.neighbors and len(X) > reducer.neighbors + 1:
            report(0.02, "finding neighbours")
            wanted = max(reducer.neighbors, reducer.get_params().get("n_neighbors", 0))
            neighbors = nearest_neighbors(X, min(wanted, len(X) - 1), "cosine", request.seed)
    clusterer = request.method(**request.params)
    if RANDOM_STATE in clusterer.get_params():
        clusterer.set_params(**{RANDOM_STATE: request.seed})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reduced = reducer.fit_transform(X, knn=neighbors, progress=lambda f, m="": report(f / 2, m)) if reducer else X
        clusterer.fit(reduced, progress=lambda f, m="": report(0.5 + f / 2 if reducer else f, m))
    notes = list(dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning))
    return clusterer, reducer, reduction, neighbors, notes


def _describe_clusters(table, X, clusterer, seed) -> list[dict]:
    from ..models.representatives import prototypes

    labels, confidence = clusterer.labels_, clusterer.confidence_
    chosen = prototypes(X, labels, confidence, seed=seed)
    ids, counts = np.unique(labels, return_counts=True)
    width = runs.label_width(labels)
    return [
        {
            "id": int(cluster),
            "label": runs.cluster_label(int(cluster), width),
            "size": int(count),
            "confidence": round(float(confidence[labels == cluster].mean()), 4),
            "prototypes": [table.ids[row] for row in chosen.get(int(cluster), [])],
        }
        for cluster, count in zip(ids, counts, strict=True)
    ]


def _placement(clusterer, reduction, reducer, normalize):
    from ..models.placement import describe

    return describe(clusterer, reduction, reducer, normalize)


def _scores(request, table, X, labels) -> dict:
    from ..models.metrics import score_labels, score_vectors

    scores = score_vectors(X, labels, seed=request.seed)
    if request.ground_truth:
        truth = read_truth(request.target, request.ground_truth, table.ids)
        if any(value is not None for value in truth):
            scores.update(score_labels(truth, labels))
    return scores


def _write(request, table, clusterer, clusters, config, arrays, stages, report):
    """Labels first, then the run: a run that is listed is complete."""
    target, name = request.target, request.cluster_field
    runs.create_label_field(target, name, request.run_key)
    try:
        runs.write_labels(target, name, table, clusterer.labels_, clusterer.confidence_, report)
        stages.leave()
        config["seconds"] = stages.seconds
        runs.register(target, request.run_key, config, clusters, arrays)
    except BaseException:
        runs.drop_field(target.dataset, request.path)
        raise
    report(1)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package.replace("-", "_")] = version(package)
        except PackageNotFoundError:
            continue
    return found
