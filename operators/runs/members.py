"""Members of the clusters of a run, read from its label field and joined by id."""

from dataclasses import dataclass

import fiftyone as fo
import numpy as np

from ...models.images.rendering import Rendering
from ..dataset.files import files_of, pictures_of
from ..dataset.frames import up_to_date
from ..dataset.private import filters_frames, is_frames, root_dataset
from ..dataset.renderings import rendering_of
from ..dataset.repeats import each_once
from ..dataset.rows import Rows, require_shown
from ..dataset.selections import check_count, selected
from ..dataset.shapes import field_of_labels, flat, has_labels_as_samples, labels_as_samples, run_slices
from ..dataset.targets import Target, resolve_target
from ..dataset.vectors import read_spaces
from .config import RunConfig
from .store import run_frames

_REMEDY = "choose fewer, or those of one cluster"


@dataclass(frozen=True)
class Members:
    """The images or patches of a run, among some samples, that have a label.

    Args:
        run_key: the run's key
        config: its configuration
        target: the samples, as the run saw them: frames of videos, patches of a label field
        clusters: the run's cluster records
        rows: where they are kept
        ids: sample ids, or label ids for patches
        sample_ids: the sample of each
        labels: ``(n,)`` cluster ids, -1 for noise
        confidence: ``(n,)`` float32 in [0, 1]
    """

    run_key: str
    config: RunConfig
    target: Target
    clusters: list[dict]
    rows: Rows
    ids: list[str]
    sample_ids: list[str]
    labels: np.ndarray
    confidence: np.ndarray

    @property
    def names(self) -> dict[int, str]:
        """The name of each cluster by its id."""
        return {cluster["id"]: cluster["label"] for cluster in self.clusters}

    def rows_of(self, cluster: int) -> np.ndarray:
        """Return the positions of a cluster's members, most confident first."""
        rows = np.flatnonzero(self.labels == cluster)
        return rows[np.argsort(-self.confidence[rows], kind="stable")]

    def by_cluster(self) -> dict[int, np.ndarray]:
        """Return :meth:`rows_of` every cluster that has members here, in the order of their ids, noise first."""
        order = np.lexsort((-self.confidence, self.labels))
        found, starts = np.unique(self.labels[order], return_index=True)
        return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))

    @property
    def base(self) -> fo.core.collections.SampleCollection:
        """The samples as a view of what the run is of: images, frames or patches."""
        target = self.target
        if target.patches_field and not has_labels_as_samples(target.samples):
            return labels_as_samples(target.source, target.patches_field)
        return target.samples

    def view(self, ids: list[str]) -> fo.DatasetView:
        """Make a view of some of them, in this order up to 2,000; a view of patches if the run is of patches.

        Raises:
            ValueError: if they are too many for a view
        """
        return selected(self.base, ids, ordered=True, remedy=_REMEDY)

    def files(self, ids: list[str]) -> dict[str, tuple[str, list[float] | None]]:
        """Return each id's file and, for a patch, its box ``[x, y, width, height]``, relative; by file."""
        found, items = files_of(self.rows, ids)
        return dict(zip(found, items, strict=True))

    def pictures(self, ids: list[str]) -> dict[str, tuple[str, list[float] | None]]:
        """Return what is shown of each id as :meth:`files` does; of what is no image, the App's picture of it.

        Raises:
            ValueError: if it has none
        """
        found, items = pictures_of(self.rows, ids)
        return dict(zip(found, items, strict=True))

    def rendering(self) -> Rendering:
        """Return how they are shown: as the encoder saw them if that is on record."""
        return rendering_of(self.target, self.config.vector_fields)

    def vectors(self) -> np.ndarray:
        """Read the vectors as they were clustered before any reduction, ``(n, d)`` float32; zeros where one is gone.

        Raises:
            ValueError: if the vector field is gone
        """
        config = self.config
        table, widths = read_spaces(self.target.source, config.vector_fields, config.patches_field)
        place = {key: row for row, key in enumerate(table.ids)}
        X = np.zeros((len(self.ids), table.X.shape[1]), np.float32)
        there = np.array([key in place for key in self.ids], bool)
        X[there] = config.as_clustered(table.X[[place[key] for key in self.ids if key in place]], widths)
        return X


def read_members(
    samples: fo.core.collections.SampleCollection, run_key: str, config: RunConfig, clusters: list[dict]
) -> Members:
    """Read the clusters of a run among ``samples``.

    Args:
        samples: the dataset, or a view into it; a run of patches takes ``to_patches()`` views too
        run_key: the run's key
        config: its configuration
        clusters: its cluster records

    Returns:
        :class:`Members`, in the order of the samples

    Raises:
        ValueError: if none of the samples is in the run
    """
    target = resolve_target(as_seen_by(samples, run_key, config), config.patches_field)
    rows = Rows.of(target.samples, target.patches_field)
    found = {}
    for row_id, cluster, confidence in rows.values(
        f"{config.cluster_field}.cluster", f"{config.cluster_field}.confidence"
    ):
        if cluster is not None:
            found[row_id] = (cluster, confidence or 0)
    if not found:
        raise ValueError(
            f"none of the {len(rows.ids):,} {target.unit} has a label of run {run_key!r}; "
            "pass the dataset or the run's own view"
        )
    kept = [(key, sample) for key, sample in zip(rows.ids, rows.sample_ids, strict=True) if key in found]
    return Members(
        run_key=run_key,
        config=config,
        target=target,
        clusters=clusters,
        rows=rows,
        ids=[key for key, _ in kept],
        sample_ids=[sample for _, sample in kept],
        labels=np.array([found[key][0] for key, _ in kept], dtype=np.int64),
        confidence=np.array([found[key][1] for key, _ in kept], dtype=np.float32),
    )


def as_seen_by(
    samples: fo.core.collections.SampleCollection, run_key: str, config: RunConfig
) -> fo.core.collections.SampleCollection:
    """Return ``samples`` as the run saw them: its frames of videos, its slices of groups.

    Raises:
        ValueError: if they are patches of another field than the run's, frames and the run is of whole videos, or
            a view of too many videos to name each
    """
    dataset, of_frames = root_dataset(samples), config.label_path.startswith("frames.")
    if samples is dataset and of_frames:
        return run_frames(dataset, run_key, config.slices)
    media_type = fo.core.media.VIDEO if of_frames else fo.core.media.IMAGE
    samples = up_to_date(flat(samples, run_slices(dataset, config.slices, media_type)))
    if is_frames(samples) and not of_frames:
        raise ValueError(f"the view holds frames but run {run_key!r} is of whole videos; pass the dataset")
    if samples.media_type == "video" and of_frames:
        view = run_frames(dataset, run_key, config.slices)
        if filters_frames(samples):
            return selected(view, samples.values("frames.id", unwind=True))
        videos = samples.values("id")
        check_count(len(videos))
        return view.select_by("sample_id", videos)
    patches_field = field_of_labels(samples)
    if patches_field and patches_field != config.patches_field:
        what = f"patches of {config.patches_field!r}" if config.patches_field else "whole images"
        raise ValueError(
            f"the view holds patches of {patches_field!r} but run {run_key!r} is of {what}; pass the dataset"
        )
    if not patches_field:
        local = config.label_path.removeprefix("frames.") if of_frames else config.label_path
        require_shown(samples, local)
    return each_once(samples, config.patches_field)
