"""Clustering job: vectors, reduction, clusters, map, run. Called by the operator, Python and delegated workers."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.labels import NOISE
from ...models.parameters import SEED, typed
from ...models.progress import Progress
from ...models.vectors.normalize import l2_normalize
from ..dataset.schema import refresh
from ..dataset.vectors import COORDINATES, VectorTable, first_space, read_spaces
from ..embedding.embeddings import fill_vectors
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..runs.config import RunConfig
from ..runs.lifecycle import keep_run
from ..runs.maps import digest, ensure_map, map_key
from ..runs.orphans import clean_orphans
from ..runs.records import cluster_records
from ..runs.run import Run
from .constraints import read_constraints
from .estimates import estimate_run, image_estimate
from .fitting import Fitted, fit_clusterer
from .image_training import ImageRequest, learn, make_image_request
from .record import encoders, make_results, map_note, panel_note, requested, score, summarize, versions
from .request import IMAGES, ClusteringArguments, Request, make_request
from .sampling import ALL


def compute_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str | None = None,
    method: str = "kmeans",
    params: dict | None = None,
    embeddings: str | list[str] | None = None,
    encoder: Any = None,
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
    fit_on: int | str = "auto",
    batch_size: Annotated[int, Field(ge=1)] = 32,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    progress: Progress | None = None,
) -> dict:
    """Cluster images, or patches of a label field, and keep the result as a run.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        run_key (None): the run's name, a free identifier; by default ``<method>_1``, ``<method>_2``...
        method ("kmeans"): a name from ``list_clusterers()``
        params (None): the method's parameters by name; missing ones have the defaults of its signature
        embeddings (None): a vector field, which may be in a document, ``"feats.clip"``, or on labels, ``"gt.emb"``; of
            labels in lists it means their patches; with ``encoder``, what it lacks is computed into it; by default the
            first that is declared, unless an encoder is given; a list of fields for a method on several encoders,
            ``"turtle"``; or a Brain key, or the path of a ``.npy`` or Parquet file or of a folder of such
        encoder (None): an encoder such as ``"efficientnet_lite0"`` or ``"clip:ViT-B-32/openai"``; the default encoder
            if there is no vector field either
        encoder_params (None): the encoder's parameters by name
        reduce ("auto"): ``"auto"``, ``"none"``, ``"pca"`` or ``"umap"``, before clustering
        reduce_params (None): the reduction's parameters by name
        patches_field (None): cluster the patches of this label field, which may be in a document
        cluster_field (None): the field of the labels, by default the run key; for patches an attribute of each label
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
        fit_on ("auto"): how many vectors the method is fitted to, drawn by the seed; the others are placed in its
            clusters as samples are that come later. ``"auto"`` is all, unless memory is short or they are more than
            300,000 and the method has centers or components, or more than its ``max_samples``; ``"all"``; or a number
        batch_size (32): images per batch of the encoder
        num_workers (None): threads that read images, by default one per core
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a summary, plain data: run_key, cluster_field, n_clusters, sizes, n_used, skipped, scores, seconds, notes...

    Raises:
        ValueError: if an argument is refused, and nothing was changed; or if the vectors are not usable, and the
            embeddings computed so far are kept
    """
    request = check_clustering(
        samples,
        run_key=run_key,
        method=method,
        params=params,
        embeddings=embeddings,
        encoder=encoder,
        encoder_params=encoder_params,
        reduce=reduce,
        reduce_params=reduce_params,
        patches_field=patches_field,
        cluster_field=cluster_field,
        visualize=visualize,
        ground_truth=ground_truth,
        seed=seed,
        normalize=normalize,
        train=train,
        name=name,
        constraints_from=constraints_from,
        fit_on=fit_on,
        batch_size=batch_size,
        num_workers=num_workers,
    )
    target = request.target
    stages = Stages(_stage_names(request), progress, _expected(request))
    with write_lock(target.dataset, f"run key {request.run_key!r}", f"field {request.path!r}"):
        refresh(target.dataset)  # another process may have come first since it was loaded here
        request.check()
        clean_orphans(target.dataset, except_key=request.run_key)
        if isinstance(request, ImageRequest):
            request = learn(request, num_workers, stages)
        failed: dict[str, list[str]] = {}
        if request.encoder:
            report = stages.enter("embedding")
            with write_lock(target.dataset, f"field {target.storage_path(request.field)!r}"):
                done = fill_vectors(
                    target.samples,
                    request.encoder,
                    request.field,
                    target.patches_field,
                    request.encoder_params,
                    batch_size,
                    num_workers,
                    progress=report,
                )
            failed = done["failed_ids"]
            notes = (*target.notes, *done["notes"])
            request = replace(request, target=replace(target, notes=notes))
        stages.enter("reading")
        table, widths = read_spaces(target.samples, request.fields, target.patches_field)
        table.explain(failed)
        _check_usable(table, request.fields, bool(failed))
        return _cluster_and_keep(request, table, widths, stages)


def check_clustering(
    samples: fo.core.collections.SampleCollection, progress: Progress | None = None, **given: Any
) -> Request:
    """Refuse the arguments of :func:`compute_clusters` that can be refused before any work.

    Args:
        samples: a dataset or view
        progress (None): not used
        **given: all other arguments
    """
    arguments = ClusteringArguments(**typed(compute_clusters, given))
    make = make_image_request if arguments.train == IMAGES else make_request
    return make(samples, arguments)


def _stage_names(request: Request) -> list[str]:
    names = ["decoding", "training"] if isinstance(request, ImageRequest) else []
    names += ["embedding"] * bool(request.encoder) + ["reading", "clustering"]
    return names + ["map"] * request.visualize + ["scoring", "writing"]


def _expected(request: Request) -> dict[str, float]:
    """Return the seconds that the stages are expected to take."""
    given: dict[str, Any] = {"method": request.method.name, "params": request.params}
    if isinstance(request, ImageRequest):
        return image_estimate(request.target, given | ({"encoder": "trained"} if request.recipe.start else {})).stages
    given |= {name: getattr(request, name) for name in ("reduce", "reduce_params", "visualize")}
    given["fit_on"] = request.fit_size or ALL
    return estimate_run(request.target, request.field, request.encoder, given, request.more_fields).stages


def _check_usable(table: VectorTable, fields: list[str], embedded: bool) -> None:
    """Raise ValueError if there are fewer than two vectors."""
    n = len(table.ids)
    if n < 2:
        reasons = ", ".join(f"{len(ids)} {reason}" for reason, ids in table.skipped.items()) or "the view has no more"
        names = " and ".join(map(repr, fields))
        remedy = "mend these images or leave them out" if embedded else "compute embeddings first"
        raise ValueError(f"{names} has {n} usable vectors, at least 2 are needed ({reasons}); {remedy}")


def _cluster_and_keep(request: Request, table: VectorTable, widths: list[int], stages: Stages) -> dict:
    target = request.target
    normalize = min(widths) > COORDINATES if request.normalize is None else request.normalize
    X = l2_normalize(table.X, widths) if normalize else table.X
    groups = None
    if request.constraints_from:
        groups = read_constraints(Run.open(target.dataset, request.constraints_from), table.ids)
    fitted = fit_clusterer(request, X, normalize, widths, groups, stages.enter("clustering"))
    X = fitted.scaled(X)
    drawn = first_space(table, widths)
    vectors_digest = digest(drawn)
    brain_key = None
    try:
        if request.visualize:
            brain_key = map_key(target.dataset, request.field, target.patches_field, vectors_digest)
        if brain_key:
            report = stages.enter("map")
            ensure_map(target, drawn, brain_key, X[:, : widths[0]], fitted.neighbors, request.seed, report)
        stages.enter("scoring")
        facts = {
            "normalize": normalize,
            "visualization": brain_key,
            "digest": vectors_digest if drawn is table else digest(table),
        }
        config, clusters = _score_and_keep(request, table, X, widths, fitted, facts, stages)
    except BaseException:
        clean_orphans(target.dataset, except_key=request.run_key)
        raise
    path = target.local_path(request.cluster_field)
    return summarize(request.run_key, config, clusters, target.unit, f"{path}.label")


def _score_and_keep(
    request: Request,
    table: VectorTable,
    X: np.ndarray,
    widths: list[int],
    fitted: Fitted,
    facts: dict[str, Any],
    stages: Stages,
) -> tuple[RunConfig, list[dict]]:
    """Score a clustering and keep it as a run.

    Args:
        request: the request
        table: ids of the images or patches
        X: ``(n, d)`` their vectors, scaled
        widths: dimensions of the vector fields side by side in ``X``
        fitted: the fitted clusterer
        facts: more of the configuration: scaling, map and digest
        stages: the stages of the work

    Returns:
        a tuple of the configuration and the cluster records
    """
    from ...models.placement import describe

    clusterer = fitted.clusterer
    labels, confidence = fitted.labels, fitted.confidence
    clusters = cluster_records(table.ids, X, labels, confidence, request.seed, clusterer.prototypes_by)
    scored = score(request, table, X, labels)
    results = make_results(request, table, X, fitted, scored.known)
    placement, arrays = describe(
        clusterer, fitted.reduction, fitted.reducer, facts["normalize"], widths, fitted.scaling
    )
    n_clusters = sum(record["id"] != NOISE for record in clusters)
    config = RunConfig(
        **requested(request),
        **encoders(request, widths),
        **facts,
        reduce=fitted.reduction,
        reduce_params=fitted.reduce_params,
        fit_on=fitted.n_fitted,
        n_used=len(table.ids),
        n_noise=int((labels == NOISE).sum()),
        n_clusters=n_clusters,
        skipped={reason: len(ids) for reason, ids in table.skipped.items()},
        scores=scored.scores,
        recall=scored.recall,
        versions=versions(),
        notes=[
            *request.target.notes,
            *table.notes,
            *map_note(request.target.unit, len(table.ids) if facts["visualization"] else 0),
            *fitted.notes,
            *scored.notes,
            *panel_note(n_clusters),
        ],
        placement=placement,
        prototypes_by=clusterer.prototypes_by,
        collapsed=getattr(clusterer, "collapsed_", []),
        fallback=getattr(clusterer, "fallback_", False),
        history=getattr(clusterer, "history_", None),
        training=getattr(clusterer, "training_", None),
    )
    report = stages.enter("writing")
    config = keep_run(
        request.target, request.run_key, config, clusters, table, labels, confidence, stages, report, arrays, **results
    )
    report(1)
    return config, clusters
