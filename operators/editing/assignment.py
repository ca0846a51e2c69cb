"""Assignment of new images or patches to the clusters of a stored run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.labels import NOISE, UNASSIGNED
from ...models.parameters import typed
from ...models.progress import Progress
from ..dataset.owned_fields import remove_field
from ..dataset.private import root_dataset
from ..dataset.rows import Rows
from ..dataset.schema import refresh
from ..dataset.targets import Target, resolve_target
from ..execution.locks import schema_lock, write_lock
from ..execution.stages import Stages
from ..runs import edit_log
from ..runs.clusters import cluster_label
from ..runs.labels import Labels, change_labels, create_label_field, read_labels
from ..runs.maps import touch_maps
from ..runs.run import Run
from .assigned_runs import keep_assigned
from .changes import Change, apply_change
from .new_samples import NewSamples, note_videos_without_frames, seen_elsewhere
from .origins import check_field, origin_of


@dataclass(frozen=True)
class Assignment:
    """The checked arguments of :func:`assign_clusters`.

    Args:
        run: the run
        target: what is assigned, as the run would see it
        name: the field that the labels go to
        min_confidence: what has less confidence stays unassigned
        overwrite: whether to place again what an earlier call has assigned
        author: who assigns, for the log
        batch_size: images per batch of the encoder
        num_workers: threads that read images
        notes: warnings about what is left out
    """

    run: Run
    target: Target
    name: str
    min_confidence: float
    overwrite: bool
    author: str
    batch_size: int
    num_workers: int | None
    notes: list[str]

    @property
    def in_run(self) -> bool:
        """True if the labels go to the run's own field."""
        return self.run.dataset is self.target.dataset and self.name == self.run.field


def assign_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    cluster_field: str | None = None,
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0,
    run_dataset: str | None = None,
    overwrite: bool = False,
    batch_size: Annotated[int, Field(ge=1)] = 32,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    author: str = "user",
    progress: Progress | None = None,
) -> dict:
    """Put images or patches that a run did not see into its clusters, as they are after all edits.

    In the run's own dataset the labels go to the run's field, which only gains labels; that is recorded as an edit of
    the run and can be undone. Elsewhere, and with another ``cluster_field``, they go to a field of their own, for all
    of ``samples``, which becomes a run of that name: it opens in the panel, and is edited and exported like any other.
    What has no vector yet gets one from the encoder that made the run's. The labels are those that the run's method
    predicts: by centers, probabilities or the vote of the nearest samples, see :mod:`models.placement`.

    Args:
        samples: a dataset or view, of the run's dataset or another one; its vectors, and patches, are looked for in
            fields of the same names
        run_key: the run's key
        cluster_field (None): where the labels go; by default the run's field in its dataset, the run key elsewhere
        min_confidence (0.0): what has less confidence stays unassigned; noise is noise at any value
        run_dataset (None): the name of the dataset that has the run, by default that of ``samples``
        overwrite (False): whether to place again what an earlier call has assigned
        batch_size (32): images per batch of the encoder
        num_workers (None): threads that read images, by default one per core
        author ("user"): who assigns, for the log
        progress (None): a callable ``(fraction, message)``, which may raise to stop; vectors computed so far are kept

    Returns:
        a dict with ``run_key``, ``cluster_field``, ``n_assigned``, ``n_noise``, ``n_unassigned`` (below
        ``min_confidence``), ``skipped`` (counts by reason), ``clusters`` (id, label and how many came), ``version`` of
        the run, ``notes`` and ``text``

    Raises:
        ValueError: if there is no such run, the vectors are of another encoder, or the field is not ours to write; no
            label is changed then
    """
    asked = check_assignment(
        samples, run_key, cluster_field, min_confidence, run_dataset, overwrite, batch_size, num_workers, author
    )
    ids = Rows.of(asked.target.samples, asked.target.patches_field).ids
    stages = Stages(["embedding", "reading", "placing", "writing"], progress)
    return _assign_in_run(asked, ids, stages) if asked.in_run else _assign_elsewhere(asked, ids, stages)


def check_assignment(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    cluster_field: str | None = None,
    min_confidence: float = 0.0,
    run_dataset: str | None = None,
    overwrite: bool = False,
    batch_size: int = 32,
    num_workers: int | None = None,
    author: str = "user",
    progress: Progress | None = None,
) -> Assignment:
    """Refuse the arguments of :func:`assign_clusters` that can be refused before any work.

    Raises:
        ValueError: if one is refused
    """
    options = {"min_confidence": min_confidence, "overwrite": overwrite, "author": author}
    options |= {"batch_size": batch_size, "num_workers": num_workers}
    names = {"run_key": run_key, "cluster_field": cluster_field, "run_dataset": run_dataset}
    typed(assign_clusters, {**names, **options})
    dataset = root_dataset(samples)
    run = Run.open(_dataset_of_run(dataset, run_dataset), run_key)
    own = run.dataset is dataset
    seen = run.as_seen(samples) if own else seen_elsewhere(samples, run.config)
    target = resolve_target(seen, run.config.patches_field)
    name = cluster_field or (run.field if own else run_key)
    notes = note_videos_without_frames(samples, target)
    asked = Assignment(run, target, name, min_confidence, overwrite, author, batch_size, num_workers, notes)
    if asked.in_run or run.has_labels:
        run.check_members()
    if not asked.in_run:
        check_field(run, target, name)
    return asked


def _dataset_of_run(dataset: fo.Dataset, name: str | None) -> fo.Dataset:
    if name in (None, dataset.name):
        return dataset
    if not fo.dataset_exists(name):
        raise ValueError(f"there is no dataset {name!r}; name the one that has the run")
    return fo.load_dataset(name)


def _assign_in_run(asked: Assignment, ids: list[str], stages: Stages) -> dict:
    opened = asked.run

    def new_ids(edits: list[dict]) -> list[str]:
        earlier = edit_log.assigned(edits) if asked.overwrite else ()
        return _unlabeled(asked.target, asked.name, ids, earlier)

    new = NewSamples(opened, asked.target, new_ids(opened.log), asked.notes)
    new.embed(asked.batch_size, asked.num_workers, stages.enter("embedding"))
    with opened.edit() as run:
        new = NewSamples(run, asked.target, new_ids(run.edits), new.notes)
        there, clusters, confidence = _place(asked, new, asked.name, stages)
        done = _summary(asked, new, clusters)
        sure = (clusters != UNASSIGNED) & (confidence != there.confidence)
        changed = np.flatnonzero((clusters != there.clusters) | sure)
        if len(changed):
            arguments = {"min_confidence": asked.min_confidence}
            change = Change("assign", arguments, there.take(changed), clusters[changed], confidence[changed])
            change.new_prototypes = False  # they do not change with every delivery of images
            apply_change(run, change, done["text"], asked.author, stages.enter("writing"))
        stages.leave()
        return {**done, "cluster_field": asked.name, "version": run.version}


def _assign_elsewhere(asked: Assignment, ids: list[str], stages: Stages) -> dict:
    run, target, name = asked.run, asked.target, asked.name
    dataset, path = target.dataset, target.storage_path(name)
    with write_lock(dataset, f"run key {name!r}", f"field {path!r}"):
        refresh(dataset)
        check_field(run, target, name)
        fresh = origin_of(dataset, path) is None
        new = NewSamples(run, target, ids if fresh or asked.overwrite else _unlabeled(target, name, ids), asked.notes)
        new.embed(asked.batch_size, asked.num_workers, stages.enter("embedding"))
        there, clusters, confidence = _place(asked, new, None if fresh else name, stages)
        names = {cluster: cluster_label(cluster) for cluster in clusters.tolist()} | run.names
        report = stages.enter("writing")
        try:
            if fresh:
                with schema_lock(dataset):
                    create_label_field(target, name, name)
            change_labels(target, name, there, clusters, confidence, names, {}, run.config.uid, report)
            keep_assigned(run, target, name, names, new.skipped)
        except BaseException:
            if fresh:
                remove_field(target.source, target.local_path(name))
            raise
        touch_maps(dataset)
        stages.leave()
    return {**_summary(asked, new, clusters), "cluster_field": name, "version": run.version}


def _unlabeled(target: Target, name: str, ids: list[str], also: Iterable[str] = ()) -> list[str]:
    """Return those among ``ids`` without a label, and those that are in ``also``."""
    there = read_labels(target, name)
    labeled = {row_id for row_id, c in zip(there.ids, there.clusters.tolist(), strict=True) if c != UNASSIGNED}
    labeled -= set(also)
    return [row_id for row_id in ids if row_id not in labeled]


class _Placed(NamedTuple):
    """New samples and their places.

    Attributes:
        there: the labels that they have
        clusters: ``(n,)`` the clusters that they get
        confidence: ``(n,)`` float64, NaN for what stays unassigned
    """

    there: Labels
    clusters: np.ndarray
    confidence: np.ndarray


def _place(asked: Assignment, new: NewSamples, name: str | None, stages: Stages) -> _Placed:
    """Place new samples that have labels in field ``name``, or none yet."""
    stages.enter("reading")
    table = new.read() if new.ids else None
    n = len(table.ids) if table else 0
    ids, sample_ids = (table.ids, table.sample_ids) if table else ([], [])
    there = Labels(ids, sample_ids, np.full(n, UNASSIGNED), np.full(n, np.nan))
    if n and name is not None:
        found = read_labels(new.target, name, ids=ids)
        row = {row_id: i for i, row_id in enumerate(found.ids)}
        there = found.take([row[row_id] for row_id in ids])
    stages.enter("placing")
    if table is None or not n:
        return _Placed(there, there.clusters, there.confidence)
    clusters, found_confidence = new.place(table.X)
    confidence = found_confidence.astype(np.float64)
    low = (confidence < asked.min_confidence) & (clusters != NOISE)
    return _Placed(there, np.where(low, UNASSIGNED, clusters), np.where(low, np.nan, confidence))


def _summary(asked: Assignment, new: NewSamples, placed: np.ndarray) -> dict:
    """Return what was done with new samples in the clusters ``placed`` ``(n,)``."""
    names = asked.run.names
    clusters, counts = np.unique(placed[placed >= 0], return_counts=True)
    n_noise, n_unassigned = int((placed == NOISE).sum()), int((placed == UNASSIGNED).sum())
    unit = new.target.unit
    text = f"Assigned {counts.sum():,} {unit} to {len(clusters)} clusters"
    text += f", {n_noise:,} are noise" if n_noise else ""
    text += f", {n_unassigned:,} stay unassigned below {asked.min_confidence:g}" if n_unassigned else ""
    text += "".join(f", {n:,} were skipped ({reason})" for reason, n in new.skipped.items())
    sizes = zip(clusters.tolist(), counts.tolist(), strict=True)
    return {
        "run_key": asked.run.key,
        "n_assigned": int(counts.sum()),
        "n_noise": n_noise,
        "n_unassigned": n_unassigned,
        "skipped": new.skipped,
        "clusters": [{"id": c, "label": names.get(c, cluster_label(c)), "size": n} for c, n in sizes],
        "notes": new.notes,
        "text": text if new.ids else f"All of these {unit} had a label before; nothing was changed",
    }
