"""Clusters by training on images: ``compute_clusters`` with ``train="images"``.

The training is kept in the model store under the name it was given, epoch by epoch, so that the same call continues
after a stop. It learns an encoder and a head; the encoder fills a vector field, and the head, applied to those
vectors, gives the clusters, now and for images that come later.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import fiftyone as fo

from ..dataset.vector_fields import field_encoder
from ..embedding.embeddings import field_name
from ..embedding.training import picture_target, propose_name, read_pixels
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..execution.stopping import Stopped
from ..runs.lifecycle import propose_run_key
from .estimates import vector_length
from .request import ClusteringArguments, Request

if TYPE_CHECKING:
    from ...models.training.clustering.base import ClusteringRecipe, Start

_PREFIX = "trained:"


@dataclass(frozen=True, kw_only=True)
class ImageRequest(Request):
    """The checked arguments of a clustering that trains on images.

    Args:
        name: the name that the training is kept under
        recipe: the method and its parameters
    """

    name: str
    recipe: "ClusteringRecipe"


def make_image_request(samples: fo.core.collections.SampleCollection, arguments: ClusteringArguments) -> ImageRequest:
    """Check the arguments of :func:`operators.clustering.job.compute_clusters` with ``train="images"``.

    Args:
        samples: a dataset or view
        arguments: all arguments, of the right types

    Raises:
        ValueError: if an argument is refused
    """
    from ...models.clusterers import get_clusterer
    from ...models.training import clustering_class

    _refuse_unused(arguments)
    target = picture_target(samples, arguments.patches_field)
    method = get_clusterer(arguments.method)
    recipe, params = _recipe(clustering_class(method.name), arguments)
    name = arguments.name or propose_name(method.name)
    run_key = arguments.run_key or propose_run_key(target.dataset, method.name)
    field = arguments.embeddings if isinstance(arguments.embeddings, str) else ""
    request = ImageRequest(
        target=target,
        run_key=run_key,
        method=method,
        params=params,
        field=field or field_name(_PREFIX + name),
        more_fields=[],
        encoder=_PREFIX + name,
        encoder_params=arguments.encoder_params,
        reduce="none",
        reduce_params={},
        normalize=not recipe.raw_codes,
        cluster_field=arguments.cluster_field or run_key,
        visualize=arguments.visualize,
        ground_truth=arguments.ground_truth,
        seed=arguments.seed,
        name=name,
        recipe=recipe,
    )
    request.check()
    recipe.check(target.count())
    _check_free(request)
    return request


def _refuse_unused(arguments: ClusteringArguments) -> None:
    """Refuse arguments that say something about vectors, which the training makes itself."""
    unused = ("encoder_params", "reduce_params", "normalize", "constraints_from")
    refused = {key: value for key in unused if (value := getattr(arguments, key)) not in (None, {})}
    if arguments.reduce not in ("auto", "none"):
        refused["reduce"] = arguments.reduce
    if arguments.fit_on != "auto":
        refused["fit_on"] = arguments.fit_on
    if isinstance(arguments.embeddings, list):
        refused["embeddings"] = arguments.embeddings
    if refused:
        key, value = next(iter(refused.items()))
        raise ValueError(f"{key}={value!r} has no use with train='images', which makes its own vectors; leave it out")


def _recipe(cls: "type[ClusteringRecipe]", arguments: ClusteringArguments) -> "tuple[ClusteringRecipe, dict]":
    """Return the recipe with the encoder it starts from, and all of its parameters."""
    from ...models.parameters import validated

    params = validated(cls, arguments.params)
    recipe = cls(**params)
    recipe.start = _start(arguments.encoder, recipe)
    unused = [key for key in arguments.params or {} if recipe.start and key in cls.of_features()]
    if unused:
        raise ValueError(
            f"params {unused} have no use with encoder={arguments.encoder!r}, which has features; omit them"
        )
    return recipe, params


def learn(request: ImageRequest, num_workers: int | None, stages: Stages) -> ImageRequest:
    """Train, or continue what a call with the same arguments left.

    Args:
        request: the request
        num_workers: threads that read images, None for one per core
        stages: the stages of the work, with "decoding" and "training"

    Returns:
        the request with its trained clusterer

    Raises:
        ValueError: if the name is taken, or the images or the training are refused
        Stopped: if the user stopped it; finished epochs are kept
    """
    from ...models.training import store
    from ...models.training.trainer import Training
    from ..dataset.ground_truth import read_truth
    from .trained import TrainedClusterer

    target, recipe, name, path = request.target, request.recipe, request.name, store.path_of(request.name)
    with write_lock(target.dataset, f"encoder {name!r}"), store.claimed(name):
        _check_free(request)
        try:
            side = recipe.start.record["architecture"]["image_size"] if recipe.start else recipe.image_size
            pixels = read_pixels(target, recipe, side, path, num_workers, stages.enter("decoding"))
            truth = read_truth(target, request.ground_truth, pixels.ids) if request.ground_truth else None
            truth = truth if truth and any(value is not None for value in truth) else None
            about = {"name": name, "dataset": target.dataset.name, "unit": target.unit, "start": _origin(recipe)}
            training = Training(recipe, pixels, path, recipe.epochs, request.seed, about, truth)
            record = training.run(path.is_file(), stages.enter("training"))
        except Stopped as stop:
            raise Stopped(f"{stop}{_kept(name)}") from None
    return replace(request, trained=TrainedClusterer(request.method.name, record, training.network.to_arrays()))


def _start(encoder: Any, recipe: "ClusteringRecipe") -> "Start | None":
    """Return the trained encoder to start from, None to start from random weights."""
    from ...models.training import store
    from ...models.training.checkpoint import read_tensors
    from ...models.training.clustering.base import Start

    if encoder is None:
        return None
    if not isinstance(encoder, str) or not encoder.startswith(_PREFIX):
        raise ValueError(
            f"train='images' cannot start from encoder={encoder!r}; give one trained here, as 'trained:<name>', or none"
        )
    name = encoder.removeprefix(_PREFIX)
    record = store.record_of(name)
    recipe.check_start(name, record["kind"])
    return Start(name, record, read_tensors(store.path_of(name), "network."))


def _origin(recipe: "ClusteringRecipe") -> dict | None:
    """Return which state of which encoder it starts from."""
    if recipe.start is None:
        return None
    record = recipe.start.record
    return {"name": recipe.start.name, "epoch": record["epoch"], "data": record["data"]["digest"]}


def check_name(name: str) -> None:
    """Raise ValueError if ``name`` cannot name a training that clusters."""
    from ...models.training import list_clusterings, store

    if store.path_of(name).is_file() and store.record_of(name)["kind"] not in list_clusterings():
        _refuse_taken(name)


def _check_free(request: ImageRequest) -> None:
    """Refuse a name in use by anything but the training that these arguments would continue."""
    from ...models.parameters import validated
    from ...models.training import store

    name, target = request.name, request.target
    made_by = field_encoder(target.source, target.local_path(request.field))
    if not made_by and vector_length(target, request.field):
        raise ValueError(
            f"embeddings field {request.field!r} holds vectors of unrecorded origin; choose a new field in embeddings"
        )
    if not store.path_of(name).is_file():
        if made_by:
            raise ValueError(
                f"embeddings field {request.field!r} holds vectors of another encoder; choose another name, or a new "
                "field with embeddings="
            )
        return
    record, recipe = store.record_of(name), request.recipe
    if record["kind"] != recipe.kind:
        _refuse_taken(name)
    given = {**request.params, "seed": request.seed, "start": _origin(recipe)}
    # a parameter that the version which started it did not have has its default
    kept = {**validated(type(recipe), record["params"]), "seed": record["seed"], "start": record.get("start")}
    different = next((key for key, value in given.items() if kept.get(key) != value), None)
    if different:
        raise ValueError(
            f"{different}={given[different]!r}, but the training {name!r} was started with {kept.get(different)!r}; "
            "repeat the call as it was to continue it, or choose another name"
        )


def _refuse_taken(name: str) -> NoReturn:
    from ...models.training import store

    kind = store.record_of(name)["kind"]
    raise ValueError(f"name={name!r} is that of an encoder of kind {kind!r}; choose another name, or delete that one")


def _kept(name: str) -> str:
    """Return the end of the message of a stop: the epochs that are kept."""
    from ...models.training import store

    try:
        record = store.record_of(name)
    except ValueError:
        return ", before its first epoch; nothing was kept"
    done = f"{record['epoch']} of {record['planned']}"
    return f", {done} epochs are kept; the same call with name={name!r} continues"
