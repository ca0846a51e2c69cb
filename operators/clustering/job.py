"""The main job: vectors, reduction, clusters, map, run. Called by the operator, by Python and by delegated workers."""

import warnings
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from ...models.labels import NOISE
from ...models.parameters import RANDOM_STATE, SEED, typed
from ...models.vectors.normalize import l2_normalize
from ..dataset.owned_fields import drop_field
from ..dataset.vectors import COORDINATES, first_space, read_spaces
from ..embedding.embeddings import compute_embeddings
from ..execution.locks import schema_lock, write_lock
from ..execution.stages import Stages
from ..runs.config import RunConfig
from ..runs.labels import create_label_field, write_labels
from ..runs.leftovers import clean_leftovers
from ..runs.lifecycle import register
from ..runs.maps import digest, ensure_map, map_key
from ..runs.records import cluster_records
from ..runs.run import Run
from .constraints import read_constraints
from .image_training import IMAGES, learn, make_image_request
from .record import asked, encoders, make_results, panel_note, scored, summarize, versions
from .request import make_request


def compute_clusters(
    samples,
    run_key: str | None = None,
    method: str = "kmeans",
    params: dict | None = None,
    embeddings: str | list[str] | None = None,
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
    train: Literal["embeddings", "images"] = "embeddings",
    name: str | None = None,
    constraints_from: str | None = None,
    batch_size: Annotated[int, Field(ge=1)] = 32,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    progress=None,
) -> dict:
    """Clusters images, or patches of a label field, and keeps the result as a run.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        run_key (None): the run's name, a free identifier; by default ``<method>_1``, ``<method>_2``...
        method ("kmeans"): a name from ``list_clusterers()``
        params (None): the method's parameters by name; missing ones have the defaults of its signature
        embeddings (None): a vector field; with ``encoder``, what it lacks is computed into it; by default the first
            one there is, unless an encoder is given; a list of fields for a method on several encoders, ``"turtle"``
        encoder (None): an encoder such as ``"efficientnet_lite0"`` or ``"clip:ViT-B-32/openai"``; the default encoder
            if there is no vector field either
        encoder_params (None): the encoder's parameters by name
        reduce ("auto"): ``"auto"``, ``"none"``, ``"pca"`` or ``"umap"``, before clustering
        reduce_params (None): the reduction's parameters by name
        patches_field (None): cluster the patches of this label field
        cluster_field (None): where the labels go, by default the run key; for patches an attribute of each label
        visualize (True): whether to make the 2-D map of the vectors, unless it exists
        ground_truth (None): a field of classes to score against
        seed (51): everything random follows it
        normalize (None): whether to scale vectors to length 1 first; by default above 16 dimensions
        train ("embeddings"): ``"images"`` learns features and clusters together, for a method in
            ``list_clusterings()``: from ``encoder="trained:<name>"``, or from nothing without an encoder; ``params``
            are then those of ``clustering_class(method)``, and the same call continues what was stopped
        name (None): what such a training is kept as: its encoder becomes ``trained:<name>``; by default
            ``<method>_1``, ``<method>_2``...
        constraints_from (None): a run whose merges and moves, as far as they were not undone, this one has to keep:
            what they put together stays in one cluster; k-means only
        batch_size (32): images per batch of the encoder
        num_workers (None): threads that read images, by default one per core
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a summary, plain data: run_key, cluster_field, n_clusters, sizes, n_used, skipped, scores, seconds, notes...

    Raises:
        ValueError: in one sentence; if an argument is refused nothing was changed, if the vectors turn out to be
            unusable the embeddings computed so far are kept
    """
    given = {key: value for key, value in locals().items() if key not in ("samples", "progress")}
    request = check_clustering(samples, **given)
    target, field = request.target, request.field
    stages = Stages(_stage_names(request), progress)
    with write_lock(target.dataset, f"run key {request.run_key!r}", f"field {request.path!r}"):
        target.dataset.reload()  # another process may have come first since it was loaded here
        request.check()
        clean_leftovers(target.dataset, except_key=request.run_key)
        if request.recipe:
            request = learn(request, num_workers, stages)
        if request.encoder:
            report = stages.enter("embedding")
            with write_lock(target.dataset, f"field {target.storage_path(field)!r}"):
                params = request.encoder_params
                compute_embeddings(
                    samples, request.encoder, field, patches_field, params, batch_size, num_workers, progress=report
                )
        stages.enter("reading")
        table, widths = read_spaces(samples, request.fields, patches_field)
        return _cluster_and_keep(request, _usable(table, request.fields), widths, stages)


def check_clustering(samples, encoder=None, progress=None, **given):
    """Refuses the arguments of :func:`compute_clusters` that can be refused before any work.

    Returns:
        the :class:`operators.request.Request`

    Raises:
        ValueError: in one sentence
    """
    given = {**typed(compute_clusters, given), "encoder": encoder}
    return make_image_request(samples, given) if given["train"] == IMAGES else make_request(samples, given)


def _stage_names(request) -> list[str]:
    names = ["decoding", "training"] if request.recipe else []
    names += ["embedding"] * bool(request.encoder) + ["reading", "clustering"]
    return names + ["map"] * request.visualize + ["scoring", "writing"]


def _usable(table, fields):
    n = len(table.ids)
    if n < 2:
        reasons = ", ".join(f"{len(ids)} {reason}" for reason, ids in table.skipped.items()) or "the view has no more"
        names = " and ".join(map(repr, fields))
        raise ValueError(f"{names} has {n} usable vectors, at least 2 are needed ({reasons}); compute embeddings first")
    return table


def _cluster_and_keep(request, table, widths, stages) -> dict:
    from ...models.placement import describe

    target = request.target
    normalize = min(widths) > COORDINATES if request.normalize is None else request.normalize
    X = l2_normalize(table.X, widths) if normalize else table.X
    groups = None
    if request.constraints_from:
        groups = read_constraints(Run.open(target.dataset, request.constraints_from), table.ids)
    clusterer, reducer, reduction, neighbors, notes = _cluster(request, X, widths, groups, stages)
    drawn = first_space(table, widths)
    vectors_digest = digest(drawn)
    brain_key = map_key(request.field, target.patches_field, vectors_digest) if request.visualize else None
    try:
        if brain_key:
            report = stages.enter("map")
            ensure_map(target, drawn, brain_key, X[:, : widths[0]], neighbors, request.seed, report)
        stages.enter("scoring")
        labels, confidence = clusterer.labels_, clusterer.confidence_
        clusters = cluster_records(table.ids, X, labels, confidence, request.seed, clusterer.prototypes_by)
        scores, recall, unscored = scored(request, table, X, clusterer.labels_)
        results = make_results(request, table, X, clusterer, known="acc" in scores)
        placement, arrays = describe(clusterer, reduction, reducer, normalize, widths)
        n_clusters = sum(c["id"] != NOISE for c in clusters)
        config = RunConfig(
            **asked(request),
            **encoders(request, widths),
            normalize=normalize,
            reduce=reduction,
            reduce_params={k: v for k, v in reducer.get_params().items() if k != RANDOM_STATE} if reducer else {},
            visualization=brain_key,
            digest=vectors_digest if drawn is table else digest(table),
            n_used=len(table.ids),
            n_noise=int((clusterer.labels_ == NOISE).sum()),
            n_clusters=n_clusters,
            skipped={reason: len(ids) for reason, ids in table.skipped.items()},
            scores=scores,
            recall=recall,
            versions=versions(),
            notes=[*notes, *unscored, *panel_note(n_clusters)],
            placement=placement,
            prototypes_by=clusterer.prototypes_by,
            collapsed=getattr(clusterer, "collapsed_", []),
            fallback=getattr(clusterer, "fallback_", False),
            history=getattr(clusterer, "history_", None),
            training=getattr(clusterer, "training_", None),
        )
        config = _write(request, table, clusterer, clusters, config, arrays, results, stages)
    except BaseException:
        clean_leftovers(target.dataset, except_key=request.run_key)
        raise
    path = target.local_path(request.cluster_field)
    return summarize(request.run_key, config, clusters, target.unit, f"{path}.label")


def _cluster(request, X, widths, groups, stages):
    """Reduces and clusters; returns the clusterer, the reducer and its name, the neighbours found, and warnings."""
    from ...models.clusterers.constrained_kmeans import seeded
    from ...models.vectors.copies import first_copies
    from ...models.vectors.neighbors import nearest_neighbors
    from ...models.vectors.reduction import get_reduction, resolve

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
    if groups is not None:
        clusterer = seeded(clusterer, groups)
    if len(widths) > 1:
        clusterer.set_params(widths=widths)
    if RANDOM_STATE in clusterer.get_params():
        clusterer.set_params(**{RANDOM_STATE: request.seed})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reduced = reducer.fit_transform(X, knn=neighbors, progress=lambda f, m="": report(f / 2, m)) if reducer else X
        # a reduction may part the copies of a vector, and UMAP does
        copies = first_copies(X) if reducer else None
        clusterer.fit(reduced, progress=lambda f, m="": report(0.5 + f / 2 if reducer else f, m), copies=copies)
    said = (" ".join(str(w.message).split()) for w in caught if issubclass(w.category, UserWarning))
    notes = list(dict.fromkeys(said))
    return clusterer, reducer, reduction, neighbors, notes


def _write(request, table, clusterer, clusters, config, arrays, results, stages) -> RunConfig:
    """Labels first, then the run: a run that is listed is complete."""
    target, name, report = request.target, request.cluster_field, stages.enter("writing")
    created = False
    try:
        with schema_lock(target.dataset):
            create_label_field(target, name, request.run_key)
            created = True
        write_labels(target, name, table, clusterer.labels_, clusterer.confidence_, report)
        stages.leave()
        config = replace(config, seconds=stages.seconds)
        with schema_lock(target.dataset):
            register(target, request.run_key, config, clusters, arrays, **results)
    except BaseException:
        if created:
            drop_field(target.dataset, request.path)
        raise
    report(1)
    return config
