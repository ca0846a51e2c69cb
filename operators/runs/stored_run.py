"""A stored run, read lazily: the base of its handle and of an edit."""

from collections.abc import Iterable
from functools import cached_property

import fiftyone as fo
import numpy as np

from ...models.labels import upgrade_mapping
from ..dataset.files import picture_field
from ..dataset.owned_fields import all_paths, is_ours
from ..dataset.shapes import flat, run_slices, unit_of
from ..dataset.targets import Target, resolve_target
from .clusters import COARSE
from .config import RunConfig
from .labels import ORIGIN, Labels, read_labels
from .records import run_vectors
from .store import Results, run_frames


class StoredRun:
    """A run, as it was when it was read.

    Args:
        dataset: the dataset that has the run
        key: the run's key
        config: its configuration
        results (None): its results, to share what is loaded

    Attributes:
        dataset, key, config, results: as above
    """

    def __init__(self, dataset: fo.Dataset, key: str, config: RunConfig, results: Results | None = None) -> None:
        self.dataset, self.key, self.config = dataset, key, config
        self.results = results or Results(dataset, key)

    @property
    def field(self) -> str:
        """The cluster field."""
        return self.config.cluster_field

    @property
    def version(self) -> int:
        """A number that changes with every edit."""
        return self.config.version

    @property
    def state(self) -> int:
        """A number of the labels' state: names do not change it, and undoing an edit gives the old one back."""
        return self.config.state

    @property
    def unit(self) -> str:
        """``images``, ``patches``, ``videos``..., see :func:`operators.dataset.shapes.unit_of`."""
        config = self.config
        if config.label_path.startswith("frames."):
            return "patches" if config.patches_field else "images"
        return unit_of(self._samples, config.patches_field)

    @property
    def _samples(self) -> fo.core.collections.SampleCollection:
        """The dataset, of groups the run's slices."""
        dataset = self.dataset
        return flat(dataset, run_slices(dataset, self.config.slices))

    @property
    def log(self) -> list[dict]:
        """The records of its edits, see :mod:`operators.runs.edit_log`."""
        return self.results.get("edits") or []

    @property
    def cluster_mapping(self) -> dict[int, int]:
        """The clusters of new samples that come to one that was edited, see :func:`models.placement.place`."""
        return upgrade_mapping({int(key): goes for key, goes in (self.results.get("becomes") or {}).items()})

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that place new samples in the run's clusters."""
        packed = self.results.get("arrays")
        return {name: fo.core.utils.deserialize_numpy_array(text, ascii=True) for name, text in packed.items()}

    @property
    def has_labels(self) -> bool:
        """Presence of the label field under its name."""
        return self.dataset.has_field(self.config.label_path)

    @property
    def coarse_path(self) -> str | None:
        """The path of the field of its coarse level; None if it has none, whatever field has that name."""
        path = f"{self.config.label_path}{COARSE}"
        has_level = bool((self.results.get("coarse") or {}).get("of"))
        return path if has_level and is_ours(self.dataset, path, self.key) else None

    def check_labels(self) -> None:
        """Raise ValueError if the label field is gone."""
        path, dataset = self.config.label_path, self.dataset
        if dataset.get_field(path) is None:
            moved = [p for p in all_paths(dataset) if is_ours(dataset, p, self.key) and p != f"{path}{COARSE}"]
            remedy = (
                f"it seems to be {moved[0]!r} now, rename that back" if moved else "delete the run or compute it again"
            )
            raise ValueError(f"the label field {path!r} of run {self.key!r} was deleted or renamed; {remedy}")

    def check_members(self) -> None:
        """Raise ValueError if the label field is gone, or has labels of another run, of samples that were merged in."""
        path, uid = self.target.local_path(self.field), self.config.uid
        origins = self.target.source.count_values(f"{path}.{ORIGIN}")
        foreign = {origin: n for origin, n in origins.items() if origin not in (None, uid)}
        if foreign:
            raise ValueError(
                f"{sum(foreign.values()):,} labels in {self.config.label_path!r} are not of run {self.key!r} but of "
                f"another of that name, as after merging samples of two datasets; clear the labels whose {ORIGIN!r} "
                f"is {next(iter(foreign))!r}, then assign these samples"
            )

    @cached_property
    def target(self) -> Target:
        """The place of the labels: the whole dataset, for they stay when the run's view changes.

        Raises:
            ValueError: if the label field is gone
        """
        self.check_labels()
        config, dataset = self.config, self.dataset
        if config.label_path.startswith("frames."):
            return resolve_target(run_frames(dataset, self.key, config.slices), config.patches_field)
        return resolve_target(self._samples, config.patches_field)

    def check_pictures(self) -> None:
        """Raise ValueError if the run is of samples that have no pictures."""
        picture_field(self.target.source, self.config.patches_field)

    def labels(self, clusters: Iterable[int] | None = None, ids: list[str] | None = None) -> Labels:
        """Read labels, see :func:`operators.runs.labels.read_labels`."""
        return read_labels(self.target, self.field, clusters, ids)

    def vectors(self, rows: Labels, stored: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Read the vectors of some images or patches, see :func:`operators.runs.records.run_vectors`."""
        return run_vectors(self.target, self.config, rows, stored)
