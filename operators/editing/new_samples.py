"""New samples, which a stored run did not see: their vectors, by the run's encoder, and their clusters."""

from dataclasses import dataclass, field, replace

import fiftyone as fo
import numpy as np

from ...models.encoders import get_encoder
from ...models.encoders.base import Encoder, same_encoder
from ...models.labels import UNASSIGNED
from ...models.progress import Progress, within
from ..dataset.frames import frames_of
from ..dataset.private import is_clips, is_frames
from ..dataset.renderings import differences, field_rendering
from ..dataset.rows import Rows, require_shown
from ..dataset.selections import narrowed, slices
from ..dataset.shapes import flat
from ..dataset.targets import Target
from ..dataset.vector_fields import encoder_record, field_encoder, recorded_encoder
from ..dataset.vector_paths import has_vector_field
from ..dataset.vectors import VectorTable, missing_vectors, read_spaces
from ..embedding.embeddings import fill_vectors
from ..execution.locks import write_lock
from ..runs import edit_log
from ..runs.config import RunConfig
from ..runs.stored_run import StoredRun


@dataclass
class NewSamples:
    """Images or patches for the clusters of a run.

    Args:
        run: the run
        target: where they are, possibly in another dataset
        ids: their ids
        notes: warnings about their vectors
        skipped: how many have no usable vector, by reason; known once they were read
    """

    run: StoredRun
    target: Target
    ids: list[str]
    notes: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def embed(self, batch_size: int, num_workers: int | None, progress: Progress) -> None:
        """Fill what they lack in the run's vector fields, with the encoders that made those of the run.

        Raises:
            ValueError: if a field holds vectors of another encoder
        """
        patches_field = self.target.patches_field
        rows = Rows.of(self.target.source, patches_field)
        sample_of = dict(zip(rows.ids, rows.sample_ids, strict=True))
        rows = replace(rows, ids=self.ids, sample_ids=[sample_of[row_id] for row_id in self.ids])
        for name, made_by in self.run.config.encoders:
            self._check_origin(name, made_by)
            missing = missing_vectors(rows, name) if self.ids else []
            encoder = self._encoder(name, made_by) if missing else None
            if encoder is None:
                continue
            lacking = list(dict.fromkeys(sample_of[row_id] for row_id in missing))
            like = encoder_record(self.run.target.source, self.target.local_path(name))
            with write_lock(self.target.dataset, f"field {self.target.storage_path(name)!r}"):
                for part in slices(len(lacking)):
                    some = self.target.source.select(lacking[part])
                    report = within(progress, part.start / len(lacking), (part.stop - part.start) / len(lacking))
                    fill_vectors(some, encoder, name, patches_field, None, batch_size, num_workers, report, like)

    def read(self) -> VectorTable:
        """Read their vectors, and count those without a usable one.

        Raises:
            ValueError: if there is no vector field and no encoder to make it
        """
        source, wanted, fields = self.target.source, set(self.ids), self.run.config.vector_fields
        for name in fields:
            require_shown(source, self.target.local_path(name))
            if not has_vector_field(source, name, self.target.patches_field):
                raise ValueError(
                    f"there is no vector field {name!r} here, and no encoder is on record that could fill it; "
                    "compute these vectors first"
                )
        rows = Rows.of(source, self.target.patches_field)
        samples = dict.fromkeys(s for i, s in zip(rows.ids, rows.sample_ids, strict=True) if i in wanted)
        table, _ = read_spaces(narrowed(source, samples), fields, self.target.patches_field)
        counts = {reason: len(wanted & set(ids)) for reason, ids in table.skipped.items()}
        self.skipped = {reason: n for reason, n in counts.items() if n}
        kept = [row for row, row_id in enumerate(table.ids) if row_id in wanted]
        ids, sample_ids = ([column[row] for row in kept] for column in (table.ids, table.sample_ids))
        return VectorTable(ids, sample_ids, table.X[kept])

    def place(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return clusters ``(m,)``, -1 for noise, and confidences of vectors ``(m, d)`` as they are stored."""
        from ...models.placement import needs_neighbors, place

        run, mapping = self.run, self.run.cluster_mapping
        vectors = labels = None
        if needs_neighbors(run.config.placement, mapping):
            members, newer = run.labels(), edit_log.assigned(run.log)
            known = [row_id not in newer for row_id in members.ids]
            members = members.where(np.array(known, bool) & (members.clusters != UNASSIGNED))
            rows, vectors = run.vectors(members, stored=True)
            labels = members.clusters[rows]
        return place(run.config.placement, run.arrays, X, vectors, labels, mapping)

    def _encoder(self, name: str, made_by: dict | None) -> Encoder | None:
        if not made_by:
            self.notes.append(f"no encoder is on record for {name!r}, so vectors that are missing were not computed")
            return None
        path = self.target.local_path(name)
        encoder = recorded_encoder(self.run.target.source, path) or get_encoder(made_by["name"])
        if not same_encoder(encoder.load().identity, made_by):
            raise ValueError(
                f"the encoder {made_by['name']} ({made_by['weights']}) that run {self.run.key!r} was made with has "
                "changed since, and its vectors would not fit; compute the clusters again"
            )
        return encoder

    def _check_origin(self, name: str, made_by: dict | None) -> None:
        """Refuse vectors of another encoder, which could end up anywhere."""
        path = self.target.local_path(name)
        found = field_encoder(self.target.source, path)
        if found and made_by and not same_encoder(found, made_by):
            raise ValueError(
                f"{name!r} holds vectors of {found['name']} ({found['weights']}) here, and run {self.run.key!r} was "
                f"made with {made_by['name']} ({made_by['weights']}); rename that field, so that it can be filled again"
            )
        kept, here = (field_rendering(source, path) for source in (self.run.target.source, self.target.source))
        if different := differences(kept, here):
            what = sorted(different)[0]
            raise ValueError(
                f"{name!r} holds vectors of images with {what} {(here or {})[what]} here, and run {self.run.key!r} was "
                f"made with {what} {(kept or {})[what]}; rename that field, so that it can be filled again"
            )
        if made_by and not found and has_vector_field(self.target.source, name, self.target.patches_field):
            self.notes.append(f"vectors in {name!r} are of unrecorded origin and were taken as they are")


def seen_elsewhere(
    samples: fo.core.collections.SampleCollection, config: RunConfig
) -> fo.core.collections.SampleCollection:
    """Return samples of another dataset than the run's as the run would see them: of videos, its frames."""
    videos = flat(samples)
    if config.label_path.startswith("frames.") and videos.media_type == fo.core.media.VIDEO:
        return frames_of(videos)
    return samples


def note_videos_without_frames(samples: fo.core.collections.SampleCollection, target: Target) -> list[str]:
    """Return a note on the videos among ``samples`` that have none of the frames in ``target``."""
    videos = flat(samples)
    if videos.media_type != fo.core.media.VIDEO or is_clips(videos) or not is_frames(target.source):
        return []
    n = len(set(videos.values("id")) - set(target.source.values("sample_id")))
    return [f"{n:,} videos have no images of frames; pass to_frames(sample_frames=True) to extract them"] if n else []
