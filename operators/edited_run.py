"""A run while it is edited: what it says of its clusters, its labels in the dataset and its log, kept in step.

An edit is written to the log as pending, then carried out, then confirmed. Whatever ends it in between, the next
editor finds the pending record and takes back what was done.
"""

from contextlib import contextmanager

from . import edit_log, runs
from .cluster_entries import describe
from .cluster_labels import change_labels, read_labels, rename_labels, run_target
from .coarse import coarse_entries, write_coarse
from .locks import writing
from .maps import touch_maps
from .run_parts import change_run, read_parts, write_parts

TABLES = ("clusters", "names", "becomes", "coarse_of", "coarse_names", "hierarchy")


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
    path = runs.get_config(dataset, run_key).label_path
    with writing(dataset, f"run key {run_key!r}", f"field {path!r}"):
        dataset.reload()  # another process may have come first since it was loaded here
        run = EditedRun(dataset, run_key)
        run.recover()
        if version is not None and version != run.version:
            raise ValueError(
                f"run {run_key!r} was edited by somebody else: it is at version {run.version} and you saw {version}; "
                "look at it again, then repeat your edit"
            )
        yield run


class EditedRun:
    """A run that is held for an edit; see :func:`editing`.

    Attributes:
        tables: what edits change, by table: ``clusters`` (entries by id), ``names`` (what is known about a name, by
            cluster id), ``becomes`` (where new samples go, see :func:`models.placement.place`),
            ``coarse_of`` (the coarse cluster of a cluster), ``coarse_names``, and ``hierarchy`` (the tree, by 0)
        log: the records, see :mod:`operators.edit_log`
        n_changed: how many labels the last edit changed
        left_alone: how many labels an undo left alone because something else has changed or deleted them since
    """

    def __init__(self, dataset, run_key: str):
        self.dataset, self.run_key = dataset, run_key
        self.config = runs.get_config(dataset, run_key)
        self.target = run_target(dataset, run_key)
        self.n_changed = self.left_alone = 0
        self._load()

    def _load(self):
        parts = read_parts(self.dataset, self.run_key, "clusters", "edits", "names", "becomes", "coarse", "hierarchy")
        coarse = parts["coarse"] or {}
        self.log = parts["edits"] or []
        self.tables = {
            "clusters": {entry["id"]: entry for entry in parts["clusters"]},
            "names": _by_id(parts["names"]),
            "becomes": _by_id(parts["becomes"]),
            "coarse_of": _by_id(coarse.get("of")),
            "coarse_names": _by_id(coarse.get("names")),
            "hierarchy": {0: parts["hierarchy"]} if parts["hierarchy"] else {},
        }

    @property
    def version(self) -> int:
        """A number that changes with every edit."""
        return getattr(self.config, "version", 0)

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
        self.log.append({**record, "pending": True})
        write_parts(self.dataset, self.run_key, edits=self.log)
        edit, forward = edit_log.step(self.log, record)
        try:
            self._apply(edit, forward, progress)
            self._save(self.log[:-1] + [record])
        except BaseException:
            self.recover()
            raise

    def recover(self):
        """Takes back an edit that was not finished."""
        if not self.log or not self.log[-1].get("pending"):
            return
        edit, forward = edit_log.step(self.log, self.log[-1])
        self._apply(edit, not forward, complete=False)
        self._save(self.log[:-1])

    def _apply(self, edit, forward, progress=None, complete=True):
        before = self.tables
        self.tables = {table: dict(before[table]) for table in TABLES}
        for table, changed in edit["changes"].items():
            for key, pair in changed.items():
                self.tables[table].pop(int(key), None)
                if pair[forward] is not None:
                    self.tables[table][int(key)] = pair[forward]
        moved = self._move(edit, forward, progress, complete)
        changed = edit["changes"].get("clusters", {}).values()
        renamed = [old["id"] for old, new in changed if old and new and old["label"] != new["label"]]
        self.n_changed = len(moved.ids)
        if renamed:
            self.n_changed += rename_labels(self.target, self.name, self.labels_of(renamed), progress)
        if complete:
            self._refresh()
        coarse = write_coarse(self, before, moved, everything=not complete)
        self.n_changed = self.n_changed or coarse

    def _refresh(self):
        """Finds the entries anew that samples were deleted from, or whose labels something else has changed."""
        sizes = self.target.source.count_values(f"{self.target.local_path(self.name)}.cluster")
        names = {c: entry["label"] for c, entry in self.clusters.items() if entry["size"] != sizes.get(c, 0)}
        if names:
            for cluster in names:
                del self.clusters[cluster]
            members = read_labels(self.target, self.name, clusters=list(names))
            self.clusters.update(describe(self, members, names))

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
        if not len(goes):
            return there
        confidence = columns[f"confidence_{to}"][rows][mine]
        names = self.labels_of(set(goes.tolist()))
        change_labels(self.target, self.name, there, goes, confidence, names, progress)
        self.left_alone = len(columns["ids"]) - len(goes)
        there.clusters, there.confidence = goes, confidence
        return there

    def _save(self, log):
        self.log = log
        tables = {name: {str(key): value for key, value in table.items()} for name, table in self.tables.items()}
        coarse = {"of": tables["coarse_of"], "names": tables["coarse_names"], "clusters": coarse_entries(self.tables)}
        parts = {"names": tables["names"], "becomes": tables["becomes"], "coarse": coarse}
        parts["hierarchy"] = self.tables["hierarchy"].get(0)
        clusters = [self.clusters[key] for key in sorted(self.clusters)]
        change_run(self.dataset, self.run_key, clusters, self.version + 1, edits=log, **parts)
        touch_maps(self.dataset)
        self.config = runs.get_config(self.dataset, self.run_key)


def _by_id(table: dict | None) -> dict:
    """A table as it is stored, with its keys as the numbers they are."""
    return {int(key): value for key, value in (table or {}).items()}
