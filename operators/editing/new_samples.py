"""Images or patches that a stored run did not see: their vectors, by the run's encoder, and their places."""

from dataclasses import dataclass, field, replace

import numpy as np

from ...models.encoders import get_encoder
from ...models.encoders.base import same_encoder
from ...models.labels import UNASSIGNED, upgrade_mapping
from ..dataset.rows import Rows
from ..dataset.targets import Target
from ..dataset.vector_fields import field_encoder, recorded_encoder
from ..dataset.vectors import VectorTable, missing_vectors, read_spaces
from ..embedding.embeddings import compute_embeddings
from ..execution.locks import write_lock
from ..runs import edit_log
from ..runs.labels import read_labels, run_target
from ..runs.records import run_vectors
from ..runs.store import fields_of, get_config, read_arrays, read_results


@dataclass
class NewSamples:
    """Images or patches for the clusters of a run.

    Args:
        home: the dataset that has the run
        run_key: the run's key
        target: where they are, possibly in another dataset
        asked: their ids
        notes: what has to be said about their vectors
    """

    run_dataset: object
    run_key: str
    target: Target
    asked: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def config(self):
        """The run's configuration."""
        return get_config(self.run_dataset, self.run_key)

    def embed(self, batch_size: int, num_workers: int | None, progress):
        """Fills what they lack in the run's vector fields, with the encoders that made those of the run.

        Raises:
            ValueError: in one sentence, if a field holds vectors of another encoder
        """
        patches_field, wanted = self.target.patches_field, set(self.asked)
        rows = Rows.of(self.target.source, patches_field)
        sample_of = dict(zip(rows.ids, rows.sample_ids, strict=True))
        rows = replace(rows, ids=self.asked, sample_ids=[sample_of[row_id] for row_id in self.asked])
        for name, made_by in self._encoders():
            self._check_origin(name, made_by)
            missing = missing_vectors(rows, name) if wanted else []
            encoder = self._encoder(name, made_by) if missing else None
            if encoder is None:
                continue
            some = self.target.source.select(list(dict.fromkeys(sample_of[row_id] for row_id in missing)))
            with write_lock(self.target.dataset, f"field {self.target.storage_path(name)!r}"):
                compute_embeddings(some, encoder, name, patches_field, None, batch_size, num_workers, progress)

    def read(self) -> tuple[VectorTable, dict[str, int]]:
        """Their vectors, and the counts of those without a usable one by reason.

        Raises:
            ValueError: in one sentence, if there is no vector field and no encoder to make it
        """
        source, wanted = self.target.source, set(self.asked)
        for name in fields_of(self.config):
            if source.get_field(self.target.local_path(name)) is None:
                raise ValueError(
                    f"there is no vector field {name!r} here, and no encoder is on record that could fill it; "
                    "compute these vectors first"
                )
        rows = Rows.of(source, self.target.patches_field)
        samples = dict.fromkeys(s for i, s in zip(rows.ids, rows.sample_ids, strict=True) if i in wanted)
        table, _ = read_spaces(source.select(list(samples)), fields_of(self.config), self.target.patches_field)
        skipped = {reason: len(wanted & set(ids)) for reason, ids in table.skipped.items()}
        kept = [row for row, row_id in enumerate(table.ids) if row_id in wanted]
        ids, sample_ids = ([column[row] for row in kept] for column in (table.ids, table.sample_ids))
        return VectorTable(ids, sample_ids, table.X[kept]), {reason: n for reason, n in skipped.items() if n}

    def place(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Clusters ``(m,)``, -1 for noise, and confidences ``(m,)`` of vectors ``(m, d)`` as they are stored."""
        from ...models.placement import needs_neighbors, place

        config, parts = self.config, read_results(self.run_dataset, self.run_key, "becomes", "edits")
        becomes = upgrade_mapping({int(key): goes for key, goes in (parts["becomes"] or {}).items()})
        vectors = labels = None
        if needs_neighbors(config.placement, becomes):
            target = run_target(self.run_dataset, self.run_key)
            members, newer = read_labels(target, config.cluster_field), edit_log.assigned(parts["edits"] or [])
            known = [row_id not in newer for row_id in members.ids]
            members = members.where(np.array(known, bool) & (members.clusters != UNASSIGNED))
            rows, vectors = run_vectors(target, config, members, stored=True)
            labels = members.clusters[rows]
        return place(config.placement, read_arrays(self.run_dataset, self.run_key), X, vectors, labels, becomes)

    def _encoders(self) -> list[tuple]:
        config = self.config
        several = [(space["embeddings"], space["encoder"]) for space in getattr(config, "spaces", None) or []]
        return several or [(config.embeddings, config.encoder)]

    def _encoder(self, name, made_by):
        if not made_by:
            self.notes.append(f"no encoder is on record for {name!r}, so vectors that are missing were not computed")
            return None
        path = self.target.local_path(name)
        encoder = recorded_encoder(runs_source(self.run_dataset, self.run_key), path) or get_encoder(made_by["name"])
        if not same_encoder(encoder.load().identity, made_by):
            raise ValueError(
                f"the encoder {made_by['name']} ({made_by['weights']}) that run {self.run_key!r} was made with has "
                "changed since, and its vectors would not fit; compute the clusters again"
            )
        return encoder

    def _check_origin(self, name, made_by):
        """Vectors of another encoder could end up anywhere."""
        path = self.target.local_path(name)
        found = field_encoder(self.target.source, path)
        if found and made_by and not same_encoder(found, made_by):
            raise ValueError(
                f"{name!r} holds vectors of {found['name']} ({found['weights']}) here, and run {self.run_key!r} was "
                f"made with {made_by['name']} ({made_by['weights']}); rename that field, so that it can be filled anew"
            )
        if made_by and not found and self.target.source.get_field(path) is not None:
            self.notes.append(f"vectors in {name!r} are of unrecorded origin and were taken as they are")


def runs_source(dataset, run_key: str):
    """The collection that the vector fields of a run are in."""
    return run_target(dataset, run_key).source
