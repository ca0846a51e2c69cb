"""Embeddings: an encoder fills the gaps of a vector field or folder, in slices that survive a stop; failures count."""

import time
from collections.abc import Sequence
from typing import Annotated, Literal

import fiftyone as fo
from pydantic import Field

from ...models.encoders import default_encoder, get_encoder
from ...models.encoders.base import Encoder
from ...models.images.rendering import Rendering
from ...models.parameters import typed
from ...models.paths import local_path
from ...models.progress import Progress
from ..dataset.files import picture_field
from ..dataset.rows import Rows
from ..dataset.schema import refresh
from ..dataset.targets import Target
from ..dataset.vector_paths import declared_vector_fields, resolve_vectors
from ..execution.locks import write_lock
from .filling import Filling
from .share import Share
from .stores import check_writable, store_of

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
    dtype: str | None = None,
    share: Share | None = None,
) -> dict:
    """Fill the gaps of a vector field or folder; existing vectors are never rewritten. The caller holds its lock.

    Samples that fail get the tag ``embedding_failed``, of frames their video, and no vector; the tag goes when a later
    call succeeds. A call that was stopped or killed keeps what it wrote, and the next one continues. If nothing is
    missing, the encoder is never loaded; if it cannot be loaded, nothing in the dataset has changed.

    Args:
        samples: a dataset or view of images, a ``to_patches()`` view included
        encoder: an encoder or its name, see :func:`get_encoder`
        embeddings: the field of the samples, or of the labels in ``patches_field``, to fill; or the absolute path of a
            folder of files
        patches_field: a field of detections or polylines, to embed every label instead of the image
        encoder_params: parameters of the encoder, if it is given by name
        batch_size: images per pass through the network
        num_workers: decoding threads, 0 for none; by default one per core
        progress: called with ``(fraction, message)`` after each batch; it may raise to stop
        like: the record of the field whose vectors a new field is to fit, see :func:`encoder_record`
        dtype: of files, ``"float32"`` or ``"float16"``, by default that of the folder, else float32
        share: the share of the samples that is filled, None for all

    Returns:
        a dict with ``embeddings``, ``encoder`` (its identity, None if unrecorded), ``n``, ``computed``, ``existing``,
        ``failed`` (counts by reason), ``failed_ids`` (ids by reason), ``seconds``, ``images_per_second`` and ``notes``

    Raises:
        ValueError: if the view is empty or no images, the field is not ours to fill, or the encoder
            cannot be loaded
    """
    _check_batches(batch_size, num_workers)
    start = time.monotonic()
    everything = _rows(samples, patches_field)
    rows = share.rows(everything) if share else everything
    store = store_of(rows, embeddings, dtype)
    check_writable(rows, embeddings, dtype)
    todo = store.missing()
    recorded = store.record().get("encoder")
    filling, created = Filling(rows, store, everything), False
    encoder = get_encoder(encoder, encoder_params) if isinstance(encoder, str) else encoder
    if todo:
        picture_field(rows.collection, rows.patches_field)  # refuses what has no pictures, before anything is loaded
    if todo or not store.same_settings(encoder):
        if progress:
            progress(0.0, f"loading {encoder.name}")
        identity = encoder.load().identity
        store.check_origin(identity)
        decided = like.get("rendering") if like else encoder.rendering
        created = store.create(encoder, decided, shared=share is not None)
        recorded = identity
    if todo:
        try:
            filling.run(encoder, todo, batch_size, num_workers, progress)
        except BaseException:
            if created and not filling.computed and not share:  # others may be about to write to it
                store.drop()
            raise
    seconds, decided = time.monotonic() - start, store.record().get("rendering")
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
    path: str | None = None,
    dtype: Literal["float32", "float16"] | None = None,
    shard: str | None = None,
    progress: Progress | None = None,
) -> dict:
    """Compute the vectors that are missing in a field or folder, as its only writer; existing ones are never rewritten.

    Args:
        samples: a dataset or view; a ``to_patches()`` view means the same as its source with ``patches_field``
        encoder (None): an encoder such as ``"efficientnet_lite0"``, by default the default encoder
        embeddings (None): the field to fill, by default named after the encoder
        patches_field (None): embed the patches of this label field
        encoder_params (None): the encoder's parameters by name
        batch_size (32): images per batch
        num_workers (None): threads that read images, by default one per core
        path (None): a folder on this machine to write files of vectors to, instead of a field
        dtype (None): the numbers in them, ``"float32"`` or ``"float16"`` for half the disk; by default those that the
            folder has, else float32
        shard (None): the share of this process, ``"1/8"`` to ``"8/8"`` where eight fill one field at once
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        the summary of :func:`fill_vectors`, and ``notes``

    Raises:
        ValueError: if an argument is refused; nothing is changed then
    """
    given = (encoder, embeddings, patches_field, encoder_params, batch_size, num_workers, path, dtype, shard)
    target, place, chosen = check_embedding(samples, *given)
    batches = typed(compute_embeddings, {"batch_size": batch_size, "num_workers": num_workers})
    share = Share.of(shard) if shard else None
    with write_lock(target.dataset, f"field {target.storage_path(place)!r}" + (f" shard {share}" if share else "")):
        refresh(target.dataset)  # another process may have come first since it was loaded here
        arguments = (target.samples, chosen, place, target.patches_field, encoder_params)
        summary = fill_vectors(*arguments, **batches, progress=progress, dtype=dtype, share=share)
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
    path: str | None = None,
    dtype: str | None = None,
    shard: str | None = None,
    progress: Progress | None = None,
) -> tuple[Target, str, str | Encoder]:
    """Refuse the arguments of :func:`compute_embeddings` that can be refused before any work.

    Returns:
        the target, the vector field or the absolute path of the folder, and the encoder to fill it with

    Raises:
        ValueError: if an argument is refused
    """
    given = {"batch_size": batch_size, "num_workers": num_workers, "embeddings": embeddings, "path": path}
    embeddings = typed(compute_embeddings, {**given, "dtype": dtype, "shard": shard})["embeddings"]
    if path is not None and embeddings is not None:
        raise ValueError(f"embeddings={embeddings!r} is a field and path={path!r} a folder; leave one of them out")
    if path is None and dtype is not None:
        raise ValueError(f"dtype={dtype!r} is for files, and fields are float32; set path to write a folder")
    if shard is not None:
        Share.of(shard)
    target, names = resolve_vectors(samples, patches_field, embeddings)
    encoder = default_encoder()[0] if encoder is None else encoder
    place, chosen = choose_features(target, next(iter(names), None), encoder, encoder_params)
    place = place if path is None else str(local_path(path))
    check_writable(target, place, dtype)
    return target, place, chosen or encoder


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
