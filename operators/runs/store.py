"""The store of runs: their configurations and results, read and written here and nowhere else.

To read the configuration of 500 clusters takes milliseconds, and a click in the Clusters panel asks for it a dozen
times. Here all readers share one object, until the run changes or the dataset is loaded again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import fiftyone as fo
from bson import json_util

from ..dataset import run_documents
from ..dataset.frames import frames_of
from ..dataset.private import run_references
from ..dataset.schema import load_of, refresh
from ..dataset.shapes import flat, run_slices
from ..execution.locks import schema_lock
from .config import KIND, RunConfig, is_clustering

_CACHED = 32  # runs
_OURS = {"config.kind": KIND, "config.label_path": {"$exists": True}}


class _Read(NamedTuple):
    """A run as it was read, with the load of the dataset and the id that it was read for."""

    load: object
    run_id: Any
    document: dict
    config: RunConfig


_cache: dict[tuple[str, str], _Read] = {}


def list_clustering_runs(dataset: fo.Dataset) -> list[str]:
    """List the keys of a dataset's clustering runs, the newest last; those of other plugins are not ours to read."""
    return list(run_documents.find_values(dataset, _OURS))


def run_ids(dataset: fo.Dataset) -> dict[str, str]:
    """Return the ids of the clustering runs' documents by key, the newest last; a run made again has another."""
    references = run_references(dataset)
    return {key: str(references[key]) for key in list_clustering_runs(dataset)}


def read_value(dataset: fo.Dataset, name: str, among: Collection | None = None) -> dict[str, Any]:
    """Return one value of clustering runs' configurations by run key, None where it is missing.

    Args:
        dataset: the dataset
        name: the name of the value
        among (None): read only the runs that have one of these values; then a run costs the same however many there are
    """
    path = f"config.{name}"
    query = _OURS if among is None else {"$and": [_OURS, {path: {"$in": list(among)}}]}
    return {key: one["config"].get(name) for key, one in run_documents.find_values(dataset, query, path).items()}


def read_config(dataset: fo.Dataset, run_key: str) -> RunConfig:
    """Read the configuration of a run, as it was when ``dataset`` was last loaded or reloaded.

    Raises:
        ValueError: if there is no such run
    """
    found = _read(dataset, run_key)
    if found is None:
        known = list_clustering_runs(dataset)
        some = f"the runs here are {', '.join(known[:10])}" if known else "this dataset has none"
        raise ValueError(f"there is no clustering run {run_key!r}; {some}")
    return found.config


def is_clustering_run(dataset: fo.Dataset, run_key: str) -> bool:
    """Return whether there is a clustering run of this key."""
    return _read(dataset, run_key) is not None


def _read(dataset: fo.Dataset, run_key: str) -> _Read | None:
    found = _kept(dataset, run_key)
    if found is None:
        document = fetch_run(dataset, run_key)
        if document is None or not is_clustering(document["config"]):
            return None
        found = _keep(dataset, run_key, document, RunConfig.from_stored(document["config"]))
    return found


def _keep(dataset: fo.Dataset, run_key: str, document: dict, config: RunConfig) -> _Read:
    if len(_cache) >= _CACHED:
        _cache.clear()
    found = _cache[dataset.name, run_key] = _Read(load_of(dataset), document["_id"], document, config)
    return found


def _kept(dataset: fo.Dataset, run_key: str) -> _Read | None:
    """Return a run as it was read, unless the dataset was loaded again since or has another run of this key."""
    found = _cache.get((dataset.name, run_key))
    if found and found.load is load_of(dataset) and found.run_id == run_references(dataset).get(run_key):
        return found
    return None


def fetch_run(dataset: fo.Dataset, run_key: str) -> dict | None:
    """Read the document of a run from the database."""
    return run_documents.find_run(dataset, run_key)


def fetch_results(dataset: fo.Dataset, run_key: str) -> dict[str, Any]:
    """Read the results of a run from the database by name, as they are now."""
    return run_documents.read_run_results(dataset, run_key)


def update_config(dataset: fo.Dataset, run_key: str, **facts: Any) -> RunConfig:
    """Change some values of the configuration of a run; the caller holds the schema lock.

    Args:
        dataset: the dataset
        run_key: the run's key
        **facts: new values by name

    Returns:
        the new configuration
    """
    document = run_documents.find_run(dataset, run_key) or {}
    stored = document["config"]
    config = RunConfig.from_stored({**RunConfig.from_stored(stored).to_dict(), **facts})
    document["config"] = {**stored, **config.to_dict()}
    run_documents.write_run_config(dataset, run_key, document["config"])
    _keep(dataset, run_key, document, config)
    return config


def run_frames(dataset: fo.Dataset, run_key: str, slices: Sequence[str] | None = None) -> fo.DatasetView:
    """Return all frames of a dataset, as they are now, that a run on frames can have labels on.

    Args:
        dataset: the dataset
        run_key: the run's key
        slices (None): of groups, the slices that the run was made of, by default those that are videos
    """
    refresh(dataset)
    found = _read(dataset, run_key)
    options = _frames_options(found.document) if found else {}
    videos = flat(dataset, run_slices(dataset, slices, fo.core.media.VIDEO))
    return frames_of(videos, options.get("sample_frames") == "dynamic")


def _frames_options(document: dict) -> dict:
    """Return the options of ``to_frames()`` in the view that a run was made on; none if it has no frames."""
    for text in document.get("view_stages") or []:
        stage = json_util.loads(text)
        if stage["_cls"].endswith(".ToFrames"):
            return dict(stage["kwargs"]).get("config") or {}
    return {}


def results_file(dataset: fo.Dataset, run_key: str) -> str | None:
    """Return the id of the file that holds the results of a run, another after every change; None without one."""
    kept = _kept(dataset, run_key)
    document = kept.document if kept else run_documents.find_run(dataset, run_key, "results")
    return str(document["results"]) if document and document.get("results") else None


def made_at(dataset: fo.Dataset, run_key: str) -> datetime:
    """Return the time a run was made, in UTC."""
    found = _read(dataset, run_key)
    return run_documents.made_at(found.document) if found else datetime.min


def when(timestamp: datetime | None) -> str:
    """Return the time of a run as text: ``2026-11-22 14:05 UTC``."""
    return timestamp.strftime("%Y-%m-%d %H:%M UTC") if timestamp else "unknown"


class Results:
    """Results beside the configuration of a run: cluster records, arrays, statistics, names, edits.

    They are cloned, exported and deleted with the run. They are loaded when first asked for, and again only if
    another process has written meanwhile.

    Args:
        dataset: the dataset
        run_key: the run's key
    """

    def __init__(self, dataset: fo.Dataset, run_key: str) -> None:
        self.dataset, self.run_key = dataset, run_key
        self._file: str | None = None
        self._loaded: dict[str, Any] | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return one result, plain data that is not to be changed; ``default`` if the run has none of this name."""
        return self._current().get(name, default)

    def write(self, **results: Any) -> None:
        """Write some results and keep the others; wait while others change the dataset's runs.

        Args:
            **results: plain data by name; lists, dicts with string keys, numbers and text
        """
        with schema_lock(self.dataset):
            self.save(**results)

    def save(self, **results: Any) -> None:
        """Write as :meth:`write` does, for a caller that holds the schema lock."""
        if self.run_key not in run_references(self.dataset):
            raise ValueError(f"run {self.run_key!r} was deleted meanwhile; nothing was kept")
        changed = {**self._current(), **results}
        file = run_documents.write_run_results(self.dataset, self.run_key, changed)
        if kept := _kept(self.dataset, self.run_key):
            kept.document["results"] = file
        self._loaded, self._file = changed, str(file)

    def _current(self) -> dict[str, Any]:
        file = results_file(self.dataset, self.run_key)
        if self._loaded is None or file != self._file:
            self._loaded, self._file = fetch_results(self.dataset, self.run_key), file
        return self._loaded
