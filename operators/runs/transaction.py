"""A run while it is edited: its cluster records, its labels in the dataset and its log, kept in step.

An edit is written to the log as pending, then carried out, then confirmed. Whatever ends it in between, the next
editor finds the pending record and takes back what was done.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE, upgrade_mapping
from ...models.progress import Progress
from ..dataset.schema import refresh
from ..execution.locks import schema_lock, write_lock
from . import edit_log
from .coarse import Tables, coarse_corrections, coarse_records, write_coarse
from .colors import follow_colors
from .config import MAX_CONFIG_CLUSTERS, RunConfig
from .corrections import Corrections, step_corrections
from .labels import Labels, change_labels, rename_labels
from .maps import touch_maps
from .records import edited_records
from .store import Results, read_config, update_config
from .stored_run import StoredRun

LEVELS = ("corrected", "corrected_coarse")  # what a record keeps of labels that its step has overwritten
TABLES = ("clusters", "names", "becomes", "apart", "coarse_of", "coarse_names", "hierarchy", "scores")
NO_SCORES: dict[str, Any] = {"scores": {}, "recall": []}  # of the whole run, where nothing is known


@contextmanager
def edit_run(
    dataset: fo.Dataset, key: str, version: int | None = None, results: Results | None = None
) -> Iterator["EditedRun"]:
    """Hold a run for an edit.

    Args:
        dataset: the dataset
        key: the run's key
        version (None): the version that the editor saw, to be refused if the run was edited since
        results (None): its results, to share what is loaded

    Yields:
        an :class:`EditedRun`

    Raises:
        ValueError: if there is no such run, its field is gone, or another process writes it
    """
    with write_lock(dataset, f"run key {key!r}"):
        refresh(dataset)  # another process may have come first since it was loaded here
        config = read_config(dataset, key)
        with write_lock(dataset, f"field {config.label_path!r}"):
            run = EditedRun(dataset, key, config, results)
            run.recover()
            check_seen(key, run.version, version)
            yield run


def check_seen(key: str, version: int, seen: int | None) -> None:
    """Raise ValueError if an editor saw another version of a run than there is now."""
    if seen is not None and seen != version:
        raise ValueError(
            f"run {key!r} was edited by somebody else: it is at version {version} and you saw {seen}; "
            "look at it again, then repeat your edit"
        )


class EditedRun(StoredRun):
    """A run that is held for an edit; see :func:`edit_run`.

    Attributes:
        tables: what edits change, by table: ``clusters`` (records by id), ``names`` (what is known about a name, by
            cluster id), ``becomes`` (the cluster mapping, see :func:`models.placement.place`), ``apart`` (the clusters
            of higher ids that a person keeps apart from one, by its id),
            ``coarse_of`` (the coarse cluster of a cluster), ``coarse_names``, ``hierarchy`` (the tree, by 0) and
            ``scores`` (of the whole run, by 0; none where they are not of the labels as they are)
        edits: the records of the log, see :mod:`operators.runs.edit_log`
        n_changed: how many labels the last edit changed
        n_skipped: how many labels an undo skipped because something else has changed or deleted them since
    """

    def __init__(self, dataset: fo.Dataset, key: str, config: RunConfig, results: Results | None = None) -> None:
        super().__init__(dataset, key, config, results)
        self.check_members()
        self.n_changed = self.n_skipped = 0
        self.edits: list[dict] = list(self.log)
        coarse, tree = self.results.get("coarse") or {}, self.results.get("hierarchy")
        scores = {name: getattr(config, name) for name in NO_SCORES}
        self.tables: Tables = {
            "clusters": {record["id"]: record for record in self.results.get("clusters")},
            "names": _by_id(self.results.get("names")),
            "becomes": self.cluster_mapping,
            "apart": _by_id(self.results.get("apart")),
            "coarse_of": _by_id(coarse.get("of")),
            "coarse_names": _by_id(coarse.get("names")),
            "hierarchy": {0: tree} if tree else {},
            "scores": {0: scores} if any(scores.values()) else {},
        }

    @property
    def records(self) -> dict[int, dict]:
        """The cluster records by id, noise included."""
        return self.tables["clusters"]

    @property
    def names(self) -> dict[int, str]:
        """The names of the clusters by id."""
        return {cluster: record["label"] for cluster, record in self.records.items()}

    def names_of(self, clusters: Iterable[int]) -> dict[int, str]:
        """Return the names of clusters by id."""
        return {cluster: self.records[cluster]["label"] for cluster in clusters if cluster in self.records}

    def commit(self, record: dict, progress: Progress | None = None) -> None:
        """Carry out an edit, an undo or a redo, all of it or nothing.

        Args:
            record: from :mod:`operators.runs.edit_log`
            progress (None): a callable ``(fraction, message)``, which may raise to stop; then all is as before
        """
        if "changes" in record:
            moves = record["labels"] is not None
            record = {**record, "states": [self.state, self.version + 1 if moves else self.state]}
        edit, forward = edit_log.step(self.edits, record)
        record |= {
            "corrected": step_corrections(self, self.names, edit, forward),
            "corrected_coarse": coarse_corrections(self, self.tables, edit),
        }
        self.edits.append({**record, "pending": True})
        self.results.write(edits=self.edits)
        try:
            own = {level: edit_log.taken(self.edits, level) for level in LEVELS}
            as_planned = self._apply(edit, forward, own, record, progress)
            state = _state_after(edit, forward) if as_planned else None
            self.save(self.edits[:-1] + [record], state, edit["changes"])
        except BaseException:
            self.recover()
            raise

    def recover(self) -> None:
        """Take back an edit that was not finished."""
        if not edit_log.is_pending(self.edits):
            return
        edit, forward = edit_log.step(self.edits, self.edits[-1])
        own = {level: self.edits[-1].get(level, {}) for level in LEVELS}
        self._apply(edit, not forward, own, {level: {} for level in LEVELS}, complete=False)
        self.save(self.edits[:-1], _state_after(edit, not forward), edit["changes"])

    def _apply(
        self,
        edit: dict,
        forward: bool,
        own: dict[str, Corrections],
        newer: dict[str, Corrections],
        progress: Progress | None = None,
        complete: bool = True,
    ) -> bool:
        """Change the tables and the labels; return whether the labels are as the edit says, and nothing else came."""
        before = self.tables
        self.tables = {table: dict(before[table]) for table in TABLES}
        for table, changed in edit["changes"].items():
            for key, pair in changed.items():
                self.tables[table].pop(int(key), None)
                if pair[forward] is not None:
                    self.tables[table][int(key)] = pair[forward]
        self.tables["becomes"] = upgrade_mapping(self.tables["becomes"])
        moved = self._move(edit, forward, own["corrected"], progress, complete)
        self.n_changed = len(moved.ids)
        if renamed := edit_log.renamed(edit):
            names = self.names_of(renamed)
            self.n_changed += rename_labels(self.target, self.field, names, own["corrected"], progress)
        as_planned = not (complete and self.refresh()) and not self.n_skipped
        regrouped = "coarse_of" in edit["changes"]
        kept = own["corrected_coarse"], newer["corrected_coarse"]
        coarse = write_coarse(self, self.tables, before, moved, regrouped, *kept, everything=not complete)
        self.n_changed = self.n_changed or coarse
        return as_planned

    def refresh(self) -> bool:
        """Renew the records of clusters that samples were deleted from, or whose labels something else has changed.

        Returns:
            whether there were any
        """
        sizes = self.target.source.count_values(f"{self.target.local_path(self.field)}.cluster")
        names = {c: record["label"] for c, record in self.records.items() if record["size"] != sizes.get(c, 0)}
        if names:
            for cluster in names:
                del self.records[cluster]
            members = self.labels(clusters=list(names))
            self.records.update(edited_records(self.target, self.config, members, names))
        return bool(names)

    def _move(self, edit: dict, forward: bool, own: Corrections, progress: Progress | None, complete: bool) -> Labels:
        """Write an edit's labels; return those that changed."""
        columns, to, source = edit_log.columns_of(edit, forward)
        there = self.labels(ids=columns["ids"])
        row = {row_id: i for i, row_id in enumerate(columns["ids"])}
        rows = [row[row_id] for row_id in there.ids]
        goes, came = columns[to][rows], columns[source][rows]
        # what something else has changed since is not ours to overwrite; after a kill any part may have been written
        mine = (there.clusters == came) if complete else np.ones(len(came), bool)
        there, goes = there.where(mine), goes[mine]
        self.n_skipped = len(columns["ids"]) - len(goes)
        if not len(goes):
            return there
        confidence = columns[f"confidence_{to}"][rows][mine]
        names = self.names_of(set(goes.tolist()))
        change_labels(self.target, self.field, there, goes, confidence, names, own, self.config.uid, progress)
        there.clusters, there.confidence = goes, confidence
        return there

    def save(self, edits: list[dict], state: int | None = None, changes: dict | None = None) -> None:
        """Write the run as its next version.

        Args:
            edits: the records of the log
            state (None): the state of the labels; a new one if None
            changes (None): what was changed, by table; scores that were computed meanwhile are not touched unless it
                was them
        """
        self.edits = edits
        tables = {name: {str(key): value for key, value in table.items()} for name, table in self.tables.items()}
        coarse = {"of": tables["coarse_of"], "names": tables["coarse_names"], "clusters": coarse_records(self.tables)}
        records = [self.records[key] for key in sorted(self.records)]
        version = self.version + 1
        facts = {
            "version": version,
            "state": version if state is None else state,
            "clusters": records if len(records) <= MAX_CONFIG_CLUSTERS else None,
            "n_used": sum(record["size"] for record in records),
            "n_noise": sum(record["size"] for record in records if record["id"] == NOISE),
            "n_clusters": sum(record["id"] != NOISE for record in records),
        }
        if "scores" in (changes or {}):
            facts |= self.tables["scores"].get(0, NO_SCORES)
        with schema_lock(self.dataset):
            self.config = update_config(self.dataset, self.key, **facts)
            self.results.save(
                clusters=records,
                edits=edits,
                names=tables["names"],
                becomes=tables["becomes"],
                apart=tables["apart"],
                coarse=coarse,
                hierarchy=self.tables["hierarchy"].get(0),
            )
            follow_colors(self)
        touch_maps(self.dataset)

    def outcome(self, action: str, text: str, touched: Iterable[int], coarse: bool = False) -> dict:
        """Return what an edit did.

        Args:
            action: what was done
            text: what was done, as a sentence
            touched: the ids of the clusters that changed
            coarse (False): whether they are coarse ones

        Returns:
            ``{"run_key", "action", "version", "n_changed", "clusters", "removed", "text"}``: how many labels changed,
            the records of touched clusters as they are now and the ids of those that are gone
        """
        records = {record["id"]: record for record in coarse_records(self.tables)} if coarse else self.records
        return {
            "run_key": self.key,
            "action": action,
            "version": self.version,
            "n_changed": self.n_changed,
            "clusters": [records[cluster] for cluster in touched if cluster in records],
            "removed": [cluster for cluster in touched if cluster not in records],
            "text": text,
        }


def _state_after(edit: dict, forward: bool) -> int | None:
    """Return the state of the labels after an edit, or before it; None for an edit that did not note it."""
    return edit["states"][forward] if "states" in edit else None


def _by_id(table: dict | None) -> dict[int, Any]:
    """Return a stored table with its keys as the numbers they are."""
    return {int(key): value for key, value in (table or {}).items()}
