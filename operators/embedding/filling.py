"""Filling of a vector field or folder, slice by slice, so that what is killed or stopped loses little."""

import time
from collections import defaultdict

import numpy as np

from ...models.encoders.base import Encoder
from ...models.encoders.batches import embed_files
from ...models.images.rendering import Rendering
from ...models.progress import Progress
from ..dataset.files import pictures_of
from ..dataset.rows import Rows
from ..dataset.shapes import tag_samples, untag_samples
from .stores import Store

FAILED_TAG = "embedding_failed"
_SLICE = 2000  # vectors per write
_SLICE_SECONDS = 30  # or sooner, so that a killed process loses little


class Filling:
    """Writer of the vectors of one call, in slices, that keeps count.

    Args:
        rows: the images or patches
        store: where their vectors go
        everything (None): all images or patches, of which ``rows`` are one process's share; by default ``rows``
    """

    def __init__(self, rows: Rows, store: Store, everything: Rows | None = None) -> None:
        self.rows, self.store, self.everything = rows, store, everything or rows
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
        self._recorded = self.store.record().get("rendering")
        if self._recorded is not None:  # fields of older versions stay as they were begun
            self._rendering = Rendering(lambda: self._files(items), self._recorded)
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

    def _files(self, items: list) -> list[str]:
        """Return the files by which renderings are decided: for a share those of all, so that all decide alike."""
        if self.everything is not self.rows:
            items = pictures_of(self.everything, self.everything.ids)[1]
        return [path for path, _ in items]

    def write(self) -> None:
        """Store the vectors at hand and tags the samples without one."""
        vectors, failures = self._vectors, self._failures
        self._vectors, self._failures = {}, {}  # a disk that is full is not asked twice
        decided = self._rendering.as_dict() if self._rendering else None
        if decided and decided != self._recorded:
            self.store.keep_rendering(decided)
            self._recorded = decided
        if vectors:
            ids = list(vectors)
            self.store.write(ids, [self.sample_of[i] for i in ids], list(vectors.values()))
        for row_id, reason in failures.items():
            self.failed[reason].append(row_id)
        self.computed += len(vectors)
        self._tag(vectors, failures)
        self._written = time.monotonic()

    def _tag(self, vectors: dict[str, np.ndarray], failures: dict[str, str]) -> None:
        bad = {self.sample_of[i] for ids in self.failed.values() for i in ids}
        fresh = {self.sample_of[i] for i in failures}
        good = {self.sample_of[i] for i in vectors} - bad
        untag_samples(self.rows.collection, list(good), FAILED_TAG)
        tag_samples(self.rows.collection, list(fresh), FAILED_TAG)
