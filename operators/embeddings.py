"""Fills a vector field with an encoder: only what is missing, in slices that survive a stop, with failures counted."""

import time
from collections import defaultdict
from collections.abc import Callable

import fiftyone as fo
import numpy as np

from ..models.encoders import encoder_class, get_encoder
from ..models.encoders.base import Encoder, same_encoder
from ..models.encoders.batches import embed_files
from ..models.parameters import parameters
from .execution.locks import turn
from .vectors import Rows, decode, holds_vectors, home, missing_vectors, own_fields

FAILED_TAG = "embedding_failed"
_SLICE = 2000  # vectors per write
_SLICE_SECONDS = 30  # or sooner, so that a killed process loses little
_FAILED_SHOWN = 100  # ids per reason in the summary


def compute_embeddings(
    samples,
    encoder: str | Encoder = "efficientnet_lite0",
    embeddings: str = "emb",
    patches_field: str | None = None,
    encoder_params: dict | None = None,
    batch_size: int = 32,
    num_workers: int | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> dict:
    """Computes the vectors that are missing in a field; existing ones are never rewritten.

    Samples that fail get the tag ``embedding_failed`` and no vector; the tag goes when a later call succeeds. A call
    that was stopped or killed keeps what it wrote, and the next one continues. If nothing is missing, the encoder
    is never loaded; if it cannot be loaded, nothing in the dataset has changed.

    Args:
        samples: a dataset or view of images, a ``to_patches()`` view included
        encoder: an encoder or its name, see :func:`get_encoder`
        embeddings: the field of the samples, or of the labels in ``patches_field``, to fill
        patches_field: a field of detections or polylines, to embed every label instead of the image
        encoder_params: parameters of the encoder, if it is given by name
        batch_size: images per pass through the network
        num_workers: decoding threads, 0 for none; by default one per core
        progress: called with ``(fraction, message)`` after each batch; it may raise to stop

    Returns:
        a dict with ``embeddings``, ``encoder`` (its identity, None if unrecorded), ``n``, ``computed``, ``existing``,
        ``failed`` (counts by reason), ``failed_ids`` (some ids by reason), ``seconds`` and ``images_per_second``

    Raises:
        ValueError: in one sentence, if the view is empty or no images, the field is not ours to fill, or the encoder
            cannot be loaded
    """
    _check_batches(batch_size, num_workers)
    start = time.monotonic()
    rows = _rows(samples, patches_field)
    check_vector_field(rows.collection, embeddings, rows.labels)
    todo = missing_vectors(rows, embeddings)
    recorded = field_encoder(rows.collection, rows.path(embeddings))
    filling = _Filling(rows, embeddings)
    encoder = get_encoder(encoder, encoder_params) if isinstance(encoder, str) else encoder
    if todo or not _same_settings(rows, embeddings, encoder):
        if progress:
            progress(0.0, f"loading {encoder.name}")
        identity = encoder.load().identity
        _check_origin(rows, embeddings, recorded, identity)
        _create_field(rows, embeddings, encoder)
        recorded = identity
    if todo:
        filling.run(encoder, todo, batch_size, num_workers, progress)
    seconds = time.monotonic() - start
    return {
        "embeddings": embeddings,
        "encoder": recorded,
        "n": len(rows.ids),
        "computed": filling.computed,
        "existing": len(rows.ids) - len(todo),
        "failed": {reason: len(ids) for reason, ids in filling.failed.items()},
        "failed_ids": {reason: ids[:_FAILED_SHOWN] for reason, ids in filling.failed.items()},
        "seconds": round(seconds, 3),
        "images_per_second": round(filling.computed / seconds, 2) if seconds else 0.0,
    }


def field_encoder(samples, path: str) -> dict | None:
    """The identity of the encoder that filled the field at ``path``, or None if it is not on record.

    Args:
        samples: a dataset or view
        path: a full path, ``"emb"`` or ``"ground_truth.detections.emb"``
    """
    return _record(samples, path).get("encoder")


def recorded_encoder(samples, path: str) -> Encoder | None:
    """The encoder that filled the field at ``path``, with its settings, not loaded; None if it is not on record."""
    record = _record(samples, path)
    if not record:
        return None
    name = record["encoder"]["name"]
    known = parameters(encoder_class(name))
    return get_encoder(name, {key: value for key, value in record.get("settings", {}).items() if key in known})


class _Filling:
    """Writes vectors of one call in slices and keeps count."""

    def __init__(self, rows: Rows, field: str):
        self.rows, self.field = rows, field
        self.computed = 0
        self.failed = defaultdict(list)
        self.sample_of = dict(zip(rows.ids, rows.sample_ids, strict=True))
        self._vectors, self._failures, self._written = {}, {}, time.monotonic()

    def run(self, encoder: Encoder, todo: list[str], batch_size: int, num_workers: int | None, progress):
        """Embeds the rows ``todo``; what is done is written even if ``progress`` raises."""
        todo, items = files_of(self.rows, todo)
        unit = "patches" if self.rows.labels else "images"
        try:
            for positions, vectors, failures in embed_files(encoder, items, batch_size, num_workers, progress, unit):
                self._vectors.update(zip((todo[i] for i in positions), vectors, strict=True))
                self._failures.update((todo[i], reason) for i, reason in failures)
                late = time.monotonic() - self._written > _SLICE_SECONDS
                if late or len(self._vectors) + len(self._failures) >= _SLICE:
                    self.write()
        finally:
            self.write()

    def write(self):
        """Stores the vectors at hand and tags the samples without one."""
        path = self.rows.path(self.field)
        if self._vectors and self.rows.labels:
            keys = ("sample_id", "label_id", "value")
            values = [dict(zip(keys, (self.sample_of[i], i, v), strict=True)) for i, v in self._vectors.items()]
            self.rows.collection.set_label_values(path, values)
        elif self._vectors:
            self.rows.collection.set_values(path, self._vectors, key_field="id")
        for row_id, reason in self._failures.items():
            self.failed[reason].append(row_id)
        self.computed += len(self._vectors)
        self._tag()
        self._vectors, self._failures, self._written = {}, {}, time.monotonic()

    def _tag(self):
        bad = {self.sample_of[i] for ids in self.failed.values() for i in ids}
        fresh = {self.sample_of[i] for i in self._failures}
        good = {self.sample_of[i] for i in self._vectors} - bad
        if good:
            self.rows.collection.select(list(good)).match_tags(FAILED_TAG).untag_samples(FAILED_TAG)
        if fresh:
            self.rows.collection.select(list(fresh)).tag_samples(FAILED_TAG)


def _rows(samples, patches_field: str | None) -> Rows:
    rows = Rows.of(samples, patches_field)
    if not rows.ids:
        what = f"{patches_field} holds no labels" if len(samples) else "it holds no samples"
        raise ValueError(f"there is nothing to embed in this view: {what}")
    return rows


def _check_batches(batch_size: int, num_workers: int | None):
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} is below 1; use 32")
    if num_workers is not None and num_workers < 0:
        raise ValueError(f"num_workers={num_workers} is below 0; use 0 to decode without threads")


def check_vector_field(collection, name: str, labels: str | None = None):
    """Checks that vectors may be written to a field.

    Args:
        collection: a dataset or view
        name: the field's name
        labels (None): the path of the labels that carry it, or None for samples

    Raises:
        ValueError: in one sentence, if the name is none or the field holds other data
    """
    if not name.isidentifier():
        raise ValueError(f"embeddings={name!r} is not a field name; use letters, digits and _")
    path = f"{labels}.{name}" if labels else name
    found = collection._dataset.get_field(path)
    if found is not None and collection.get_field(path) is None:
        raise ValueError(f"this view hides the field {name!r}, so what it holds cannot be kept; use a view with it")
    own = own_fields(collection, labels) if labels else ()
    if found is not None and (not holds_vectors(found) or name in own):
        raise ValueError(
            f"embeddings={name!r} is a field of type {type(found).__name__} and holds other data; choose a new name"
        )


def _same_settings(rows: Rows, name: str, encoder: Encoder) -> bool:
    """Whether a field without gaps needs no second look: its origin is unrecorded, or recorded with these settings."""
    record = _record(rows.collection, rows.path(name))
    return not record or (record["encoder"]["name"] == encoder.name and record.get("settings") == encoder.settings)


def _check_origin(rows: Rows, name: str, recorded: dict | None, identity: dict):
    """Vectors of different encoders in one field look right and mean nothing."""
    found = rows.collection.get_field(rows.path(name))
    if isinstance(found, fo.ListField):
        raise ValueError(f"{name} is a list field and some vectors are missing in it; choose a new field name")
    stored = _any_vector(rows, name)
    if stored is None:
        return
    if recorded is None:
        raise ValueError(
            f"{name} has vectors of unrecorded origin and some are missing, so vectors of {identity['name']} "
            "would be mixed with them; choose a new field name"
        )
    if not same_encoder(recorded, identity):
        raise ValueError(
            f"{name} holds vectors of {recorded['name']} ({recorded['weights']}, {recorded['dimension']} dimensions), "
            f"not of {identity['name']} ({identity['weights']}, {identity['dimension']} dimensions) with these "
            "settings; choose a new field name"
        )
    if len(stored) != identity["dimension"]:
        raise ValueError(
            f"{name} holds vectors of {len(stored)} dimensions and {identity['name']} makes {identity['dimension']}; "
            "choose a new field name"
        )


def _any_vector(rows: Rows, name: str) -> np.ndarray | None:
    """One stored vector, of the whole dataset and not only of the view."""
    collection = rows.collection._dataset
    if collection.get_field(rows.path(name)) is None:
        return None
    if collection.media_type == "group":
        collection = collection.select_group_slices(_allow_mixed=True)
    found = collection.exists(rows.path(name)).limit(1).values(rows.path(name), unwind=rows.listed)
    return next((decode(vector) for vector in found if vector is not None), None)


def _record(samples, path: str) -> dict:
    dataset, path = home(samples, path)
    found = dataset.get_field(path)
    record = ((found.info or {}) if found is not None else {}).get("constellation") or {}
    return record if record.get("encoder") else {}


def _create_field(rows: Rows, name: str, encoder: Encoder):
    """Declares the field and records its encoder before the first vector, so that no vector is ever without."""
    path = rows.path(name)
    dataset, home_path = home(rows.collection, path)
    identity, settings = encoder.identity, encoder.settings
    with turn(dataset):
        _declare(rows, name, dataset, home_path, {"encoder": identity, "settings": settings})


def _declare(rows, name, dataset, home_path, record):
    path = rows.path(name)
    fresh = _any_vector(rows, name) is None
    if rows.collection._dataset.get_field(path) is None:
        rows.collection._dataset.add_sample_field(path, fo.VectorField)
    if dataset.get_field(home_path) is None:
        dataset.add_frame_field(path, fo.VectorField)
    found = dataset.get_field(home_path)
    if fresh or not _record(rows.collection, path):
        info = dict(found.info or {})
        info["constellation"] = {**(info.get("constellation") or {}), **record}
        found.info = info
        found.save()


def files_of(rows: Rows, todo: list[str]) -> tuple[list[str], list]:
    """The ids in the order of their files, and what to read for each."""
    wanted = set(todo)
    part = Rows(
        rows.collection,
        todo,
        [s for i, s in zip(rows.ids, rows.sample_ids, strict=True) if i in wanted],
        rows.labels,
        rows.listed,
    )
    if not rows.labels:
        files = dict(part.values("filepath"))
        return todo, [(files[row_id], None) for row_id in todo]
    samples = part.collection.select(list(dict.fromkeys(part.sample_ids)))
    files = dict(zip(*samples.values(["id", "filepath"]), strict=True))
    boxes = dict(_boxes(part))
    # labels of one sample side by side, so that its file is decoded once
    order = {sample_id: i for i, sample_id in enumerate(files)}
    pairs = sorted(zip(part.ids, part.sample_ids, strict=True), key=lambda pair: order[pair[1]])
    return [i for i, _ in pairs], [(files[sample_id], boxes[i]) for i, sample_id in pairs]


def _boxes(rows: Rows):
    """Yields ``(label id, [x, y, width, height])``; of a polyline, the box around its points."""
    found = rows.collection.get_field(rows.labels)
    label_type = (found.field if rows.listed else found).document_type
    if issubclass(label_type, fo.Detection):
        for row_id, box in rows.values("bounding_box"):
            yield row_id, box or []
        return
    for row_id, shapes in rows.values("points"):
        points = np.array([point for shape in shapes or [] for point in shape], float)
        if not len(points):
            yield row_id, []
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        yield row_id, [*low.tolist(), *(high - low).tolist()]
