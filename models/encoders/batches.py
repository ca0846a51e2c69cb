"""Embedding of image files in batches: threads decode ahead while the network computes.

Threads, not processes: a plugin's modules cannot be imported in a spawned worker, and Pillow releases the
interpreter lock while it decodes. A file that cannot be used costs its own vector only, never a neighbor's.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from ..costs import cores, duration
from ..images.reading import ImageError, crop, read_image, reading, side_to_keep
from ..images.rendering import Rendering
from ..progress import Progress
from .base import Encoder

Item = tuple[str, "list[float] | None"]  # a file path and a relative box [x, y, width, height]
Prepared = tuple[int, Any]  # a position, and the image as the encoder prepared it or the reason why there is none
NOT_FINITE = "vector not finite"
ENCODER_FAILED = "the encoder failed"
# Patches of one file that are decoded together; bounds the memory of a crowded image
_MOST_PATCHES = 256
_BATCHES_AHEAD = 3


class Batch(NamedTuple):
    """Some items that are done.

    Args:
        positions: places of those that have a vector
        vectors: their vectors, float32 ``(b, d)``
        failures: ``(position, reason)`` for those without one
    """

    positions: list[int]
    vectors: np.ndarray
    failures: list[tuple[int, str]]


def embed_files(
    encoder: Encoder,
    items: Sequence[Item],
    batch_size: int = 32,
    num_workers: int | None = None,
    progress: Progress | None = None,
    unit: str = "images",
    rendering: Rendering | None = None,
) -> Iterator[Batch]:
    """Embed image files, or boxes in them.

    Args:
        encoder: the encoder; it is loaded by the first batch
        items: ``(filepath, box)`` pairs, box None for the whole image; boxes of one file that follow each other
            decode it once
        batch_size: images per pass through the network
        num_workers: decoding threads, 0 for none; by default one per core
        progress: called with ``(fraction, message)`` after each batch; it may raise to stop
        unit: what the message calls the items
        rendering: that of the set that the images belong to

    Yields:
        :class:`Batch`, with positions in ``items``

    Raises:
        ValueError: if the encoder fails on every image of the first batch
    """
    start, done, works = time.monotonic(), 0, False
    pending: list[Prepared] = []
    failures: list[tuple[int, str]] = []

    def flush() -> Batch:
        nonlocal pending, failures, done, works
        batch = _encode(encoder, pending)
        works = works or bool(batch.positions)
        if not works and batch.failures and batch.failures[0][1].startswith(ENCODER_FAILED):
            raise ValueError(f"{encoder.name}: {batch.failures[0][1]}; choose another encoder or device")
        batch = batch._replace(failures=failures + batch.failures)
        done += len(pending) + len(failures)
        pending, failures = [], []
        return batch

    for position, result in _decoded(encoder, items, batch_size, num_workers, rendering):
        if isinstance(result, str):
            failures.append((position, result))
        else:
            pending.append((position, result))
        if len(pending) >= batch_size or len(failures) >= _MOST_PATCHES:
            yield flush()
            if progress:
                progress(done / len(items), pace(done, len(items), time.monotonic() - start, unit))
    if pending or failures:
        yield flush()
        if progress:
            progress(1.0, pace(done, len(items), time.monotonic() - start, unit))


def pace(done: int, total: int, seconds: float, unit: str = "images") -> str:
    """Say how far and how fast it goes, for people: ``"37 %, 41 images/s, 2 min left"``."""
    rate = done / max(seconds, 1e-6)
    left = (total - done) / max(rate, 1e-6)
    speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
    text = f"{100 * done // max(total, 1)} %, {speed} {unit}/s"
    if done >= total:
        return text
    return f"{text}, {duration(left)} left"


def _decoded(
    encoder: Encoder, items: Sequence[Item], batch_size: int, num_workers: int | None, rendering: Rendering | None
) -> Iterator[Prepared]:
    """Yield prepared images or reasons in order, reading ahead by a few batches."""
    encoder.load()
    workers = cores() if num_workers is None else num_workers
    if workers == 0:
        for unit in _units(items):
            yield from _read(encoder, items, unit, rendering)
        return
    units, ahead = _units(items), 0
    waiting: deque[tuple[int, Future[list[Prepared]]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        exhausted = False
        while waiting or not exhausted:
            while not exhausted and (ahead < _BATCHES_AHEAD * batch_size or len(waiting) < workers):
                positions = next(units, None)
                if positions is None:
                    exhausted = True
                    break
                waiting.append((len(positions), pool.submit(_read, encoder, items, positions, rendering)))
                ahead += len(positions)
            if waiting:
                size, future = waiting.popleft()
                ahead -= size
                yield from future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _units(items: Sequence[Item]) -> Iterator[list[int]]:
    """Yield positions that share a decoded file."""
    for _, group in groupby(range(len(items)), key=lambda position: items[position][0]):
        positions = list(group)
        for i in range(0, len(positions), _MOST_PATCHES):
            yield positions[i : i + _MOST_PATCHES]


def _read(encoder: Encoder, items: Sequence[Item], positions: list[int], rendering: Rendering | None) -> list[Prepared]:
    filepath = items[positions[0]][0]
    boxes = [items[position][1] for position in positions]
    resolution = encoder.resolution
    try:
        image = read_image(filepath, None if resolution is None else side_to_keep(resolution, boxes), rendering)
    except ImageError as error:
        return [(position, error.reason) for position in positions]
    results: list[Prepared] = []
    for position, box in zip(positions, boxes, strict=True):
        try:
            with reading(filepath):
                results.append((position, encoder.prepare(crop(image, box))))
        except ImageError as error:
            results.append((position, error.reason))
    return results


def _encode(encoder: Encoder, pending: list[Prepared]) -> Batch:
    """Embed prepared images; one that the encoder cannot take fails alone."""
    if not pending:
        return Batch([], np.empty((0, encoder.dimension), np.float32), [])
    positions = np.array([position for position, _ in pending])
    try:
        vectors = encoder.encode([image for _, image in pending])
    except Exception as error:
        return _encode_halves(encoder, pending, error)
    finite = np.isfinite(vectors).all(axis=1)
    failures = [(position, NOT_FINITE) for position in positions[~finite].tolist()]
    return Batch(positions[finite].tolist(), vectors[finite], failures)


def _encode_halves(encoder: Encoder, pending: list[Prepared], error: Exception) -> Batch:
    """Halve a batch that failed: finds the image at fault, and what fits into the device's memory."""
    if len(pending) == 1:
        cause = f"{ENCODER_FAILED}: {type(error).__name__}, {str(error).splitlines()[0][:120] if str(error) else ''}"
        return Batch([], np.empty((0, encoder.dimension), np.float32), [(pending[0][0], cause)])
    middle = len(pending) // 2
    left, right = _encode(encoder, pending[:middle]), _encode(encoder, pending[middle:])
    vectors = np.concatenate([left.vectors, right.vectors])
    return Batch(left.positions + right.positions, vectors, left.failures + right.failures)
