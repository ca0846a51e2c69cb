"""The handle of a run: opened once, then passed on, so that the run is not read again."""

from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import Any

import fiftyone as fo

from ..dataset.private import root_dataset
from ..dataset.schema import refresh
from ..dataset.targets import Target, resolve_target
from . import edit_log
from .members import Members, as_seen_by, read_members
from .store import made_at, read_config
from .stored_run import StoredRun
from .transaction import EditedRun, edit_run


class Run(StoredRun):
    """A clustering run; :meth:`open` reads it fresh, :meth:`cached` as this process last saw it."""

    @classmethod
    def open(cls, samples: fo.core.collections.SampleCollection, key: str) -> "Run":
        """Read a run fresh, for another process may have changed it.

        Args:
            samples: the dataset, or a view into it
            key: the run's key

        Raises:
            ValueError: if there is no such run
        """
        dataset = root_dataset(samples)
        refresh(dataset)
        return cls.cached(dataset, key)

    @classmethod
    def cached(cls, samples: fo.core.collections.SampleCollection, key: str) -> "Run":
        """Return a run as the dataset in memory knows it; quick, for forms and the panel.

        Raises:
            ValueError: if there is no such run
        """
        dataset = root_dataset(samples)
        return cls(dataset, key, read_config(dataset, key))

    @property
    def made_at(self) -> datetime:
        """The time it was made, in UTC."""
        return made_at(self.dataset, self.key)

    @cached_property
    def clusters(self) -> list[dict]:
        """Cluster records in the order of ids: id, label, size, mean confidence, prototypes; noise included."""
        brief = self.config.clusters
        return brief if brief is not None else self.results.get("clusters")

    @property
    def coarse_clusters(self) -> list[dict]:
        """Records of the coarse level, each also with the ids of its ``clusters``; empty if there is none."""
        return (self.results.get("coarse") or {}).get("clusters") or []

    @cached_property
    def names(self) -> dict[int, str]:
        """The names of the clusters by id."""
        return {record["id"]: record["label"] for record in self.clusters}

    def level(self, level: str) -> list[dict]:
        """Return the records of the level "fine" or "coarse".

        Raises:
            ValueError: if there is no such level
        """
        if level == "fine":
            return self.clusters
        if level != "coarse":
            raise ValueError(f"there is no level {level!r}; choose 'fine' or 'coarse'")
        if not self.coarse_clusters:
            raise ValueError(f"run {self.key!r} has no coarse level; make one with build_cluster_hierarchy")
        return self.coarse_clusters

    @cached_property
    def own_target(self) -> Target:
        """The images or patches that have a label of the run."""
        self.check_members()
        source, patches_field = self.target.source, self.config.patches_field
        has_label = fo.ViewField(f"{self.field}.cluster").exists()
        if patches_field:
            return resolve_target(source.filter_labels(patches_field, has_label), patches_field)
        return resolve_target(source.match(has_label))

    def as_seen(self, samples: fo.core.collections.SampleCollection) -> fo.core.collections.SampleCollection:
        """Return ``samples`` as the run saw them, see :func:`operators.runs.members.as_seen_by`."""
        return as_seen_by(samples, self.key, self.config)

    def members(self, samples: fo.core.collections.SampleCollection | None = None) -> Members:
        """Read the members of the clusters, among ``samples`` or in the whole dataset.

        Raises:
            ValueError: if the label field is gone or has labels of another run, or none of the samples is in the run
        """
        self.check_members()
        return read_members(self.dataset if samples is None else samples, self.key, self.config, self.clusters)

    def edit(self, version: int | None = None) -> AbstractContextManager[EditedRun]:
        """Hold the run for an edit; what it is then is in what the context yields.

        Args:
            version (None): the version that the editor saw, to be refused if the run was edited since
        """
        return edit_run(self.dataset, self.key, version, self.results)

    def settled(self) -> "Run":
        """Take back an edit whose writer was killed.

        Returns:
            the run as it is then

        Raises:
            ValueError: if its writer is at work
        """
        if not edit_log.is_pending(self.log):
            return self
        with self.edit() as held:
            return Run(self.dataset, self.key, held.config, self.results)

    def refreshed(self) -> "Run":
        """Renew the records of clusters that samples were deleted from; no edit, so nothing is logged.

        Returns:
            the run as it is then

        Raises:
            ValueError: if the run was edited since it was opened
        """
        with self.edit(self.version) as held:
            if held.refresh():
                held.save(held.edits)
            return Run(self.dataset, self.key, held.config, self.results)

    def write(self, **results: Any) -> None:
        """Write results, see :meth:`operators.runs.store.Results.write`."""
        self.results.write(**results)
