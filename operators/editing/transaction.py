"""A run while it is edited: what it says of its clusters, its labels in the dataset and its log, kept in step.

An edit is written to the log as pending, then carried out, then confirmed. Whatever ends it in between, the next
editor finds the pending record and takes back what was done.
"""

from contextlib import contextmanager

from ...models.labels import upgrade_mapping
from ..execution.locks import write_lock
from ..runs import edit_log
from ..runs.labels import change_labels, read_labels, rename_labels, run_target
from ..runs.maps import touch_maps
from ..runs.records import describe
from ..runs.store import change_run, get_config, read_results, state_of, write_results
from .coarse import coarse_records, write_coarse

TABLES = ("clusters", "names", "becomes", "coarse_of", "coarse_names", "hierarchy", "scores")
NO_SCORES = {"scores": {}, "recall": []}  # what the configuration says of the whole run where nothing is known


@contextmanager
def editing(dataset, run_key: str, version: int | None = None):
    """Holds a run for an edit.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        version (None): the version that the editor saw, to be told if somebody else has edited the run since

    Yields:
        an :class:`EditedRun`

    Raises:
        ValueError: in one sentence, if there is no such run, its field is gone, or somebody else edits it
    """
    dataset.reload()
    path = get_config(dataset, run_key).label_path
    with write_lock(dataset, f"run key {run_key!r}", f"field {path!r}"):
        dataset.reload()  # another process may have come first since it was loaded here
        run = EditedRun(dataset, run_key)
        run.recover()
        check_seen(run_key, run.version, version)
        yield run


def check_seen(run_key: str, version: int, seen: int | None):
    """Raises ValueError, in one sentence, if an editor saw another version of a run than there is now."""
    if seen is not None and seen != version:
        raise ValueError(
            f"run {run_key!r} was edited by somebody else: it is at version {version} and you saw {seen}; "
            "look at it again, then repeat your edit"
        )


def refresh_records(dataset, run_key: str, version: int) -> int:
    """Finds anew what a run says of the clusters that samples were deleted from; no edit, so nothing is logged.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        version: the version that the caller saw

    Returns:
        the state of the labels now, see :attr:`EditedRun.state`

    Raises:
        ValueError: in one sentence, if somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        if run.refresh():
            run.save(run.log, run.version + 1)
        return run.state


class EditedRun:
    """A run that is held for an edit; see :func:`editing`.

    Attributes:
        tables: what edits change, by table: ``clusters`` (entries by id), ``names`` (what is known about a name, by
            cluster id), ``becomes`` (where new samples go, see :func:`models.placement.place`),
            ``coarse_of`` (the coarse cluster of a cluster), ``coarse_names``, ``hierarchy`` (the tree, by 0) and
            ``scores`` (of the whole run, by 0; none where they are not of the labels as they are)
        log: the records, see :mod:`operators.edit_log`
        n_changed: how many labels the last edit changed
        left_alone: how many labels an undo left alone because something else has changed or deleted them since
    """

    def __init__(self, dataset, run_key: str):
        self.dataset, self.run_key = dataset, run_key
        self.config = get_config(dataset, run_key)
        self.target = run_target(dataset, run_key)
        self.n_changed = self.n_skipped = 0
        self._load()

    def _load(self):
        parts = read_results(self.dataset, self.run_key, "clusters", "edits", "names", "becomes", "coarse", "hierarchy")
        coarse = parts["coarse"] or {}
        self.log = parts["edits"] or []
        self.tables = {
            "clusters": {entry["id"]: entry for entry in parts["clusters"]},
            "names": _by_id(parts["names"]),
            "becomes": upgrade_mapping(_by_id(parts["becomes"])),
            "coarse_of": _by_id(coarse.get("of")),
            "coarse_names": _by_id(coarse.get("names")),
            "hierarchy": {0: parts["hierarchy"]} if parts["hierarchy"] else {},
            "scores": {0: scores} if any((scores := self._scores()).values()) else {},
        }

    def _scores(self) -> dict:
        return {name: getattr(self.config, name, None) for name in NO_SCORES}

    @property
    def version(self) -> int:
        """A number that changes with every edit."""
        return getattr(self.config, "version", 0)

    @property
    def state(self) -> int:
        """A number of who is in which cluster: names do not change it, and what is undone has the one it had."""
        return state_of(self.config)

    @property
    def name(self) -> str:
        """The cluster field."""
        return self.config.cluster_field

    @property
    def clusters(self) -> dict[int, dict]:
        """The entries of the clusters by id, noise included."""
        return self.tables["clusters"]

    def labels_of(self, clusters) -> dict[int, str]:
        """The names of clusters by id."""
        return {cluster: self.clusters[cluster]["label"] for cluster in clusters if cluster in self.clusters}

    def commit(self, record: dict, progress=None):
        """Carries out an edit, an undo or a redo, all of it or nothing.

        Args:
            record: from :mod:`operators.edit_log`
            progress (None): a callable ``(fraction, message)``, which may raise to stop; then all is as before
        """
        if "changes" in record:
            moves = record["labels"] is not None
            record = {**record, "states": [self.state, self.version + 1 if moves else self.state]}
        self.log.append({**record, "pending": True})
        write_results(self.dataset, self.run_key, edits=self.log)
        edit, forward = edit_log.step(self.log, record)
        try:
            as_planned = self._apply(edit, forward, progress)
            self.save(self.log[:-1] + [record], _state(edit, forward) if as_planned else None, edit["changes"])
        except BaseException:
            self.recover()
            raise

    def recover(self):
        """Takes back an edit that was not finished."""
        if not self.log or not self.log[-1].get("pending"):
            return
        edit, forward = edit_log.step(self.log, self.log[-1])
        self._apply(edit, not forward, complete=False)
        self.save(self.log[:-1], _state(edit, not forward), edit["changes"])

    def _apply(self, edit, forward, progress=None, complete=True) -> bool:
        """Changes the tables and the labels; returns whether the labels are as the edit says, and nothing else came."""
        before = self.tables
        self.tables = {table: dict(before[table]) for table in TABLES}
        for table, changed in edit["changes"].items():
            for key, pair in changed.items():
                self.tables[table].pop(int(key), None)
                if pair[forward] is not None:
                    self.tables[table][int(key)] = pair[forward]
        self.tables["becomes"] = upgrade_mapping(self.tables["becomes"])
        moved = self._move(edit, forward, progress, complete)
        changed = edit["changes"].get("clusters", {}).values()
        renamed = [old["id"] for old, new in changed if old and new and old["label"] != new["label"]]
        self.n_changed = len(moved.ids)
        if renamed:
            self.n_changed += rename_labels(self.target, self.name, self.labels_of(renamed), progress)
        as_planned = not (complete and self.refresh()) and not self.n_skipped
        coarse = write_coarse(self, before, moved, everything=not complete)
        self.n_changed = self.n_changed or coarse
        return as_planned

    def refresh(self) -> bool:
        """Finds the entries anew that samples were deleted from, or whose labels something else has changed.

        Returns:
            whether there were any
        """
        sizes = self.target.source.count_values(f"{self.target.local_path(self.name)}.cluster")
        names = {c: entry["label"] for c, entry in self.clusters.items() if entry["size"] != sizes.get(c, 0)}
        if names:
            for cluster in names:
                del self.clusters[cluster]
            members = read_labels(self.target, self.name, clusters=list(names))
            self.clusters.update(describe(self, members, names))
        return bool(names)

    def _move(self, edit, forward, progress, complete):
        """Writes an edit's labels; returns whose changed."""
        columns = edit_log.unpack_labels(edit["labels"])
        to, source = ("after", "before") if forward else ("before", "after")
        there = read_labels(self.target, self.name, ids=columns["ids"])
        row = {row_id: i for i, row_id in enumerate(columns["ids"])}
        rows = [row[row_id] for row_id in there.ids]
        goes, came = columns[to][rows], columns[source][rows]
        # what something else has changed since is not ours to overwrite; after a kill any part may have been written
        mine = (there.clusters == came) if complete else (came == came)
        there, goes = there.where(mine), goes[mine]
        self.n_skipped = len(columns["ids"]) - len(goes)
        if not len(goes):
            return there
        confidence = columns[f"confidence_{to}"][rows][mine]
        names = self.labels_of(set(goes.tolist()))
        change_labels(self.target, self.name, there, goes, confidence, names, progress)
        there.clusters, there.confidence = goes, confidence
        return there

    def save(self, log: list[dict], state: int | None = None, changes: dict | None = None):
        """Writes what the run says of itself, as its next version.

        Args:
            log: the records
            state (None): the state of the labels; a new one if None
            changes (None): what was changed, by table; scores that somebody computed meanwhile are not touched unless
                it was them
        """
        self.log = log
        tables = {name: {str(key): value for key, value in table.items()} for name, table in self.tables.items()}
        coarse = {"of": tables["coarse_of"], "names": tables["coarse_names"], "clusters": coarse_records(self.tables)}
        parts = {"names": tables["names"], "becomes": tables["becomes"], "coarse": coarse}
        parts["hierarchy"] = self.tables["hierarchy"].get(0)
        clusters = [self.clusters[key] for key in sorted(self.clusters)]
        version = self.version + 1
        facts = {"version": version, "state": version if state is None else state}
        if "scores" in (changes or {}):
            facts |= self.tables["scores"].get(0, NO_SCORES)
        change_run(self.dataset, self.run_key, clusters, facts, edits=log, **parts)
        touch_maps(self.dataset)
        self.config = get_config(self.dataset, self.run_key)


def _state(edit: dict, forward: bool) -> int | None:
    """The state of the labels after an edit, or before it; None for an edit that did not note it."""
    return edit["states"][forward] if "states" in edit else None


def _by_id(table: dict | None) -> dict:
    """A table as it is stored, with its keys as the numbers they are."""
    return {int(key): value for key, value in (table or {}).items()}


def edited(run: EditedRun, action: str, text: str, touched, coarse: bool = False) -> dict:
    """What an edit did, plain data.

    Args:
        run: the run after the edit
        action: what was done
        text: what was done, as a sentence
        touched: the ids of the clusters that changed
        coarse (False): whether they are coarse ones

    Returns:
        ``{"run_key", "action", "version", "n_changed", "clusters", "removed", "text"}``: how many labels changed, the
        entries of touched clusters as they are now and the ids of those that are gone
    """
    entries = {entry["id"]: entry for entry in coarse_records(run.tables)} if coarse else run.clusters
    return {
        "run_key": run.run_key,
        "action": action,
        "version": run.version,
        "n_changed": run.n_changed,
        "clusters": [entries[cluster] for cluster in touched if cluster in entries],
        "removed": [cluster for cluster in touched if cluster not in entries],
        "text": text,
    }
