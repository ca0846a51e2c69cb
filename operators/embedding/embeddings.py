"""Embeddings: an encoder fills the gaps of a vector field, in slices that survive a stop, and counts failures."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.encoders import default_encoder, get_encoder
from ...models.encoders.base import Encoder
from ...models.encoders.batches import embed_files
from ...models.images.rendering import Rendering
from ...models.parameters import typed
from ...models.progress import Progress
from ..dataset.files import picture_field, pictures_of
from ..dataset.renderings import field_rendering
from ..dataset.rows import Rows, write_values
from ..dataset.schema import refresh
from ..dataset.shapes import tag_samples, untag_samples
from ..dataset.targets import Target
from ..dataset.vector_fields import check_origin, check_vector_field, field_encoder, same_settings
from ..dataset.vector_paths import declared_vector_fields, resolve_vectors
from ..dataset.vectors import missing_vectors
from ..execution.locks import write_lock
from .fields import create_vector_field, drop_vector_field, keep_rendering

FAILED_TAG = "embedding_failed"
_SLICE = 2000  # vectors per write
_SLICE_SECONDS = 30  # or sooner, so that a killed process loses little
_FAILED_SHOWN = 100  # ids per reason in the summary


def fill_vectors(
    samples: fo.core.collections.SampleCollection,
    encoder: str | Encoder = "efficientnet_lite0",
    embeddings: str = "emb",
    patches_field: str | None = None,
    encoder_params: dict | None = None,
    batch_size: int = 32,
    num_workers: int | None = None,
    progress: Progress | None = None,
    like: dict | None = None,
) -> dict:
    """Fill the gaps of a vector field; existing vectors are never rewritten. The caller holds the field's lock.

    Samples that fail get the tag ``embedding_failed``, of frames their video, and no vector; the tag goes when a later
    call succeeds. A call that was stopped or killed keeps what it wrote, and the next one continues. If nothing is
    missing, the encoder is never loaded; if it cannot be loaded, nothing in the dataset has changed.

    Args:
        samples: a dataset or view of images, a ``to_patches()`` view included
        encoder: an encoder or its name, see :func:`get_encoder`
        embeddings: the field of the samples, or of the labels in ``patches_field``, to fill
        patches_field: a field of detections or polylines, to embed every label instead of the image
        encoder_params: parameters of the encoder, if it is given by name
        batch_size: images per pass through the network
        num_workers: decoding threads, 0 for none; by default one per core
        progress: called with ``(fraction, message)`` after each batch; it may raise to stop
        like: the record of the field whose vectors a new field is to fit, see :func:`encoder_record`

    Returns:
        a dict with ``embeddings``, ``encoder`` (its identity, None if unrecorded), ``n``, ``computed``, ``existing``,
        ``failed`` (counts by reason), ``failed_ids`` (ids by reason), ``seconds``, ``images_per_second`` and ``notes``

    Raises:
        ValueError: if the view is empty or no images, the field is not ours to fill, or the encoder
            cannot be loaded
    """
    _check_batches(batch_size, num_workers)
    start = time.monotonic()
    rows = _rows(samples, patches_field)
    check_vector_field(rows.collection, embeddings, rows.labels)
    todo = missing_vectors(rows, embeddings)
    recorded = field_encoder(rows.collection, rows.path(embeddings))
    filling, created = _Filling(rows, embeddings), False
    encoder = get_encoder(encoder, encoder_params) if isinstance(encoder, str) else encoder
    if todo:
        picture_field(rows.collection, rows.patches_field)  # refuses what has no pictures, before anything is loaded
    if todo or not same_settings(rows, embeddings, encoder):
        if progress:
            progress(0.0, f"loading {encoder.name}")
        identity = encoder.load().identity
        check_origin(rows, embeddings, recorded, identity)
        decided = like.get("rendering") if like else encoder.rendering
        created = create_vector_field(rows, embeddings, encoder, decided)
        recorded = identity
    if todo:
        try:
            filling.run(encoder, todo, batch_size, num_workers, progress)
        except BaseException:
            if created and not filling.computed:
                drop_vector_field(rows, embeddings)
            raise
    seconds, decided = time.monotonic() - start, field_rendering(rows.collection, rows.path(embeddings))
    return {
        "embeddings": embeddings,
        "encoder": recorded,
        "n": len(rows.ids),
        "computed": filling.computed,
        "existing": len(rows.ids) - len(todo),
        "failed": {reason: len(ids) for reason, ids in filling.failed.items()},
        "failed_ids": dict(filling.failed),
        "seconds": round(seconds, 3),
        "images_per_second": round(filling.computed / seconds, 2) if seconds else 0.0,
        "notes": Rendering(decided=decided).notes(),
    }


class _Filling:
    """Writer of the vectors of one call, in slices, that keeps count."""

    def __init__(self, rows: Rows, field: str) -> None:
        self.rows, self.field = rows, field
        self.computed = 0
        self.failed: dict[str, list[str]] = defaultdict(list)
        self.sample_of = dict(zip(rows.ids, rows.sample_ids, strict=True))
        self._vectors: dict[str, np.ndarray] = {}
        self._failures: dict[str, str] = {}
        self._written = time.monotonic()
        self._rendering: Rendering | None = None
        self._recorded: dict | None = None

    def run(
        self, encoder: Encoder, todo: list[str], batch_size: int, num_workers: int | None, progress: Progress | None
    ) -> None:
        """Embed the rows ``todo``; what is done is written even if ``progress`` raises."""
        todo, items = pictures_of(self.rows, todo)
        unit = "patches" if self.rows.labels else "images"
        self._recorded = field_rendering(self.rows.collection, self.rows.path(self.field))
        if self._recorded is not None:  # fields of older versions stay as they were begun
            self._rendering = Rendering([path for path, _ in items], self._recorded)
        batches = embed_files(encoder, items, batch_size, num_workers, progress, unit, self._rendering)
        try:
            for positions, vectors, failures in batches:
                self._vectors.update(zip((todo[i] for i in positions), vectors, strict=True))
                self._failures.update((todo[i], reason) for i, reason in failures)
                late = time.monotonic() - self._written > _SLICE_SECONDS
                if late or len(self._vectors) + len(self._failures) >= _SLICE:
                    self.write()
        finally:
            self.write()

    def write(self) -> None:
        """Store the vectors at hand and tags the samples without one."""
        path = self.rows.path(self.field)
        decided = self._rendering.as_dict() if self._rendering else None
        if decided and decided != self._recorded:
            keep_rendering(self.rows, self.field, decided)
            self._recorded = decided
        if self._vectors:
            ids, vectors = list(self._vectors), list(self._vectors.values())
            sample_ids = [self.sample_of[i] for i in ids]
            write_values(self.rows.collection, path, ids, sample_ids, vectors, of_labels=bool(self.rows.labels))
        for row_id, reason in self._failures.items():
            self.failed[reason].append(row_id)
        self.computed += len(self._vectors)
        self._tag()
        self._vectors, self._failures, self._written = {}, {}, time.monotonic()

    def _tag(self) -> None:
        bad = {self.sample_of[i] for ids in self.failed.values() for i in ids}
        fresh = {self.sample_of[i] for i in self._failures}
        good = {self.sample_of[i] for i in self._vectors} - bad
        untag_samples(self.rows.collection, list(good), FAILED_TAG)
        tag_samples(self.rows.collection, list(fresh), FAILED_TAG)


def _rows(samples: fo.core.collections.SampleCollection, patches_field: str | None) -> Rows:
    rows = Rows.of(samples, patches_field)
    if not rows.ids:
        what = f"{patches_field} holds no labels" if len(samples) else "it holds no samples"
        raise ValueError(f"there is nothing to embed in this view: {what}")
    return rows


def _check_batches(batch_size: int, num_workers: int | None) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} is below 1; use 32")
    if num_workers is not None and num_workers < 0:
        raise ValueError(f"num_workers={num_workers} is below 0; use 0 to decode without threads")


def compute_embeddings(
    samples: fo.core.collections.SampleCollection,
    encoder: str | Encoder | None = None,
    embeddings: str | None = None,
    patches_field: str | None = None,
    encoder_params: dict | None = None,
    batch_size: Annotated[int, Field(ge=1)] = 32,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    progress: Progress | None = None,
) -> dict:
    """Compute the vectors that are missing in a field, as its only writer; existing ones are never rewritten.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        encoder (None): an encoder such as ``"efficientnet_lite0"``, by default the default encoder
        embeddings (None): the field to fill, by default named after the encoder
        patches_field (None): embed the patches of this label field
        encoder_params (None): the encoder's parameters by name
        batch_size (32): images per batch
        num_workers (None): threads that read images, by default one per core
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        the summary of :func:`fill_vectors`, and ``notes``

    Raises:
        ValueError: if an argument is refused; nothing is changed then
    """
    given = (encoder, embeddings, patches_field, encoder_params, batch_size, num_workers)
    target, field, chosen = check_embedding(samples, *given)
    batches = typed(compute_embeddings, {"batch_size": batch_size, "num_workers": num_workers})
    with write_lock(target.dataset, f"field {target.storage_path(field)!r}"):
        refresh(target.dataset)  # another process may have come first since it was loaded here
        arguments = (target.samples, chosen, field, target.patches_field, encoder_params)
        summary = fill_vectors(*arguments, **batches, progress=progress)
    shown = {reason: ids[:_FAILED_SHOWN] for reason, ids in summary["failed_ids"].items()}
    return {**summary, "failed_ids": shown, "notes": [*target.notes, *summary["notes"]]}


def check_embedding(
    samples: fo.core.collections.SampleCollection,
    encoder: str | Encoder | None = None,
    embeddings: str | None = None,
    patches_field: str | None = None,
    encoder_params: dict | None = None,
    batch_size: int = 32,
    num_workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Target, str, str | Encoder]:
    """Refuse the arguments of :func:`compute_embeddings` that can be refused before any work.

    Returns:
        the target, the vector field, and the encoder to fill it with

    Raises:
        ValueError: if an argument is refused
    """
    numbers = {"batch_size": batch_size, "num_workers": num_workers, "embeddings": embeddings}
    embeddings = typed(compute_embeddings, numbers)["embeddings"]
    target, names = resolve_vectors(samples, patches_field, embeddings)
    encoder = default_encoder()[0] if encoder is None else encoder
    field, chosen = choose_features(target, next(iter(names), None), encoder, encoder_params)
    check_vector_field(target.source, field, target.labels)
    return target, field, chosen or encoder


def split_fields(embeddings: str | Sequence[str] | None) -> tuple[str | None, list[str]]:
    """Return the first vector field of an ``embeddings`` argument, None if it names none, and the others."""
    if embeddings is None or isinstance(embeddings, str):
        return embeddings, []
    return (embeddings[0] if embeddings else None), list(embeddings[1:])


def choose_features(
    target: Target, embeddings: str | None, encoder: str | Encoder | None = None, encoder_params: dict | None = None
) -> tuple[str, str | Encoder | None]:
    """Return the vector field to use and the encoder to fill it with, None if the field is used as it is.

    Args:
        target: the images or patches
        embeddings: a vector field; by default the first declared one, unless an encoder is given
        encoder (None): an encoder's name, or an encoder; by default the default encoder if there is no vector field
        encoder_params (None): the encoder's parameters

    Raises:
        ValueError: if the encoder is unknown
    """
    if encoder is None and embeddings is None:
        embeddings = next(iter(declared_vector_fields(target.source, target.patches_field)), None)
        encoder = default_encoder()[0] if embeddings is None else None
    if encoder is None and embeddings is not None:
        if encoder_params:
            raise ValueError(f"encoder_params {sorted(encoder_params)} have no use without an encoder; name one")
        return embeddings, None
    if isinstance(encoder, str):
        get_encoder(encoder, encoder_params)
        return embeddings or field_name(encoder), encoder
    if not isinstance(encoder, Encoder):
        raise ValueError(f"encoder {encoder!r} is not an encoder; give a name such as 'efficientnet_lite0'")
    return embeddings or str(encoder.name), encoder


def field_name(encoder: str) -> str:
    """Name the vector field that an encoder fills by default: ``clip_ViT_B_32_openai`` for ``clip:ViT-B-32/openai``."""
    return "".join(c if c.isalnum() else "_" for c in encoder).strip("_")
