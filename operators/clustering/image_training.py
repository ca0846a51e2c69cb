"""Clusters by training on images: what ``compute_clusters`` does with ``train="images"``.

The training is kept in the model store under the name it was given, epoch by epoch, so that the same call continues
after a stop. What it learned is an encoder and a head; the encoder fills a vector field, and the head, applied to those
vectors, gives the clusters, now and for images that come later.
"""

import warnings
from dataclasses import replace

from ..dataset.targets import resolve_target
from ..dataset.vector_fields import field_encoder
from ..embedding.embeddings import field_name
from ..embedding.training import propose_name, read_pixels
from ..execution.locks import write_lock
from ..execution.stopping import Stopped
from ..runs.lifecycle import propose_run_key
from .request import Request

IMAGES, EMBEDDINGS = "images", "embeddings"
_PREFIX = "trained:"
_UNUSED = ("encoder_params", "reduce_params", "normalize", "constraints_from")


class Learned:
    """Clusters that were learned with their features; stands for a clusterer's class and for the clusterer.

    Args:
        name: the method's name
        record: of the checkpoint
        head: the description and arrays of its head

    Attributes:
        labels_, confidence_, spec_, arrays_, history_, collapsed_, fallback_: as a deep clusterer's
        prototypes_by: as the clusterer's of the same name
        training_: what the run says of the training
    """

    placed_by = "head"

    def __init__(self, name: str, record: dict, head: tuple):
        from ...models.clusterers import get_clusterer

        self.name, self._record, self._head = name, record, head
        self.history_ = history(record)
        self.training_ = training_summary(record)
        self.collapsed_ = record["memory"].get("collapsed", [])
        self.fallback_ = record["memory"].get("fallback", False)
        self.prototypes_by = get_clusterer(name).prototypes_by

    def __call__(self, **params):
        """Itself: it has learned with these parameters."""
        return self

    def check(self, params: dict, n: int):
        """Nothing is left to refuse."""

    def get_params(self) -> dict:
        """None that could still be set."""
        return {}

    def fit(self, X, progress=None, copies=None):
        """Applies the head to the vectors ``(n, d)`` that its encoder made."""
        from ...models.clusterers.base import settled
        from ...models.clusterers.deep.networks import most_likely, without_unused
        from ...models.vectors.copies import first_copies

        def among(used, *_):
            self.arrays_ = without_unused(self.spec_, self.arrays_, used)
            return most_likely(X, self.spec_, self.arrays_)

        for remark in [_kept_as(self._record), *self._record["memory"].get("remarks", [])]:
            warnings.warn(remark, stacklevel=2)
        self.n_features_in_ = X.shape[1]
        self.spec_, self.arrays_ = self._head
        wanted = self._record["params"]["n_clusters"]
        copies = first_copies(X) if copies is None else copies
        self.labels_, self.confidence_ = settled(copies, *most_likely(X, *self._head), wanted, among)
        found = int(self.labels_.max()) + 1
        if found < wanted:
            remedy = "ask for fewer, or train longer"
            warnings.warn(f"{self.name} found {found} clusters, fewer than n_clusters={wanted}; {remedy}", stacklevel=2)
        return self


def make_image_request(samples, given: dict) -> Request:
    """Checks the arguments of :func:`operators.clustering.compute_clusters` with ``train="images"``.

    Args:
        samples: a dataset or view
        given: the other arguments by name, all of them

    Returns:
        a :class:`operators.request.Request` whose ``recipe`` trains

    Raises:
        ValueError: in one sentence, if an argument is refused
    """
    from ...models.clusterers import get_clusterer
    from ...models.training import clustering_class

    _refuse_unused(given)
    target = resolve_target(samples, given["patches_field"])
    method = get_clusterer(given["method"])
    recipe, params = _recipe(clustering_class(method.name), given)
    name = given["name"] or propose_name(method.name)
    run_key = given["run_key"] or propose_run_key(target.dataset, method.name)
    request = Request(
        target=target,
        run_key=run_key,
        method=method,
        params=params,
        field=given["embeddings"] or field_name(_PREFIX + name),
        more_fields=[],
        encoder=_PREFIX + name,
        reduce="none",
        reduce_params={},
        normalize=not recipe.raw_codes,
        cluster_field=given["cluster_field"] or run_key,
        recipe=recipe,
        name=name,
        **{key: given[key] for key in ("encoder_params", "visualize", "ground_truth", "seed")},
    )
    request.check()
    recipe.check(target.count())
    _check_free(request)
    return request


def _refuse_unused(given: dict):
    """Refuses arguments that say something about vectors, which the training makes itself."""
    refused = {key: given[key] for key in _UNUSED if given[key] not in (None, {})}
    if given["reduce"] not in ("auto", "none"):
        refused["reduce"] = given["reduce"]
    if isinstance(given["embeddings"], list):
        refused["embeddings"] = given["embeddings"]
    if refused:
        key, value = next(iter(refused.items()))
        raise ValueError(f"{key}={value!r} has no use with train='images', which makes its own vectors; leave it out")


def _recipe(cls, given: dict) -> tuple:
    """The recipe with the encoder it starts from, and all of its parameters."""
    from ...models.parameters import validated

    params = validated(cls, given["params"])
    recipe = cls(**params)
    recipe.start = _start(given["encoder"], recipe)
    unused = [key for key in given["params"] or {} if recipe.start and key in cls.of_features()]
    if unused:
        raise ValueError(
            f"params {unused} have no use with encoder={given['encoder']!r}, which has features; omit them"
        )
    return recipe, params


def learn(request: Request, num_workers: int | None, stages) -> Request:
    """Trains, or continues what a call with the same arguments left.

    Args:
        request: see :func:`make_image_request`
        num_workers: threads that read images, None for one per core
        stages: :class:`operators.execution.Stages`, with the stages "decoding" and "training"

    Returns:
        the request, whose method now is what was learned

    Raises:
        ValueError: in one sentence
        Stopped: if the user stopped it; finished epochs are kept
    """
    from ...models.training import store
    from ...models.training.trainer import Training
    from ..dataset.ground_truth import read_truth

    target, recipe, path = request.target, request.recipe, store.path_of(request.name)
    with write_lock(target.dataset, f"encoder {request.name!r}"), store.claimed(request.name):
        _check_free(request)
        try:
            side = recipe.start.record["architecture"]["image_size"] if recipe.start else recipe.image_size
            pixels = read_pixels(target, recipe, side, path, num_workers, stages.enter("decoding"))
            truth = read_truth(target, request.ground_truth, pixels.ids) if request.ground_truth else None
            truth = truth if truth and any(value is not None for value in truth) else None
            about = {
                "name": request.name,
                "dataset": target.dataset.name,
                "unit": target.unit,
                "start": _origin(recipe),
            }
            training = Training(recipe, pixels, path, recipe.epochs, request.seed, about, truth)
            record = training.run(path.is_file(), stages.enter("training"))
        except Stopped as stop:
            raise Stopped(f"{stop}{_kept(request.name)}") from None
    return replace(request, method=Learned(request.method.name, record, training.network.to_arrays()))


def history(record: dict) -> dict[str, list]:
    """The curve of a checkpoint as a run keeps it: lists by name, over the epochs that cluster."""
    rows = []
    for entry in record["curve"]:
        if "health" in entry:
            step = entry["epoch"]
            rows.append({"step": step, "loss": entry["loss"], **entry.get("parts", {}), **entry["health"]})
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def training_summary(record: dict) -> dict:
    """What a run says of its training: where it started, its stages with epochs, last loss and scores, and seconds."""
    stages = {}
    for entry in record["curve"]:
        found = stages.setdefault(entry["stage"], {"stage": entry["stage"], "epochs": 0})
        found |= {"epochs": found["epochs"] + 1, "loss": entry["loss"]}
    known = record["memory"].get("scores", {})
    return {
        "name": record["name"],
        "start": (record.get("start") or {}).get("name"),
        "stages": [stage | {"scores": known.get(name)} for name, stage in stages.items()],
        "inherited": known.get("inherited"),
        "before": known.get("k-means"),
        "fallback": record["memory"].get("fallback", False),
        "seconds": record["seconds"],
    }


def _kept_as(record: dict) -> str:
    origin = f", which started from trained:{record['start']['name']}" if record.get("start") else ""
    return f"features and clusters learned together; they are kept as the encoder trained:{record['name']}{origin}"


def _start(encoder, recipe):
    """The trained encoder to start from, None to start from random weights."""
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


def _origin(recipe) -> dict | None:
    """Which state of which encoder it starts from."""
    if recipe.start is None:
        return None
    record = recipe.start.record
    return {"name": recipe.start.name, "epoch": record["epoch"], "data": record["data"]["digest"]}


def check_name(name: str):
    """Raises ValueError, in one sentence, if ``name`` cannot name a training that clusters."""
    from ...models.training import list_clusterings, store

    if store.path_of(name).is_file() and store.record_of(name)["kind"] not in list_clusterings():
        _refuse_taken(name)


def _check_free(request: Request):
    """Refuses a name in use by anything but the training that these arguments would continue."""
    from ...models.training import store

    name, target = request.name, request.target
    if not store.path_of(name).is_file():
        if field_encoder(target.source, target.local_path(request.field)):
            raise ValueError(
                f"embeddings field {request.field!r} holds vectors of another encoder; choose another name, or a new "
                "field with embeddings="
            )
        return
    record, recipe = store.record_of(name), request.recipe
    if record["kind"] != recipe.kind:
        _refuse_taken(name)
    asked = {**request.params, "seed": request.seed, "start": _origin(recipe)}
    kept = {**record["params"], "seed": record["seed"], "start": record.get("start")}
    different = next((key for key, value in asked.items() if kept.get(key) != value), None)
    if different:
        raise ValueError(
            f"{different}={asked[different]!r}, but the training {name!r} was started with {kept.get(different)!r}; "
            "repeat the call as it was to continue it, or choose another name"
        )


def _refuse_taken(name: str):
    from ...models.training import store

    kind = store.record_of(name)["kind"]
    raise ValueError(f"name={name!r} is that of an encoder of kind {kind!r}; choose another name, or delete that one")


def _kept(name: str) -> str:
    from ...models.training import store

    try:
        record = store.record_of(name)
    except ValueError:
        return ", before its first epoch; nothing was kept"
    done = f"{record['epoch']} of {record['planned']}"
    return f", {done} epochs are kept; the same call with name={name!r} continues"
