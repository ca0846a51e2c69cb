"""The store of runs: their configurations and results, read and written here and nowhere else.

FiftyOne copies a configuration whenever it is asked for; that of 500 clusters takes tens of milliseconds, and a click
in the Clusters panel asks a dozen times. Here all readers share one object, until the run changes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import fiftyone as fo

from ..dataset.frames import frames_of
from ..dataset.private import frames_options, run_documents, stored_config
from ..dataset.shapes import flat, run_slices
from ..execution.locks import schema_lock
from .config import RunConfig, is_clustering

_CACHED = 32  # configurations
_configs: dict[tuple[str, str], tuple[dict, RunConfig]] = {}


def list_clustering_runs(dataset: fo.Dataset) -> list[str]:
    """List the keys of a dataset's clustering runs, the newest last; those of other plugins are not ours to read."""
    documents = run_documents(dataset)
    ours = [key for key, document in documents.items() if is_clustering(stored_config(document))]
    return sorted(ours, key=lambda key: documents[key].timestamp)


def read_value(dataset: fo.Dataset, name: str) -> dict[str, Any]:
    """Return one value of every clustering run's configuration by run key, None where it is missing.

    No configuration is copied or parsed, so that a run costs the same however many there are.
    """
    stored = {key: stored_config(document) for key, document in run_documents(dataset).items()}
    return {key: config.get(name) for key, config in stored.items() if is_clustering(config)}


def read_config(dataset: fo.Dataset, run_key: str) -> RunConfig:
    """Read the configuration of a run, as it was when ``dataset`` was last loaded or reloaded.

    Raises:
        ValueError: if there is no such run
    """
    document = run_documents(dataset).get(run_key)
    if document is None or not is_clustering(stored_config(document)):
        known = list_clustering_runs(dataset)
        some = f"the runs here are {', '.join(known[:10])}" if known else "this dataset has none"
        raise ValueError(f"there is no clustering run {run_key!r}; {some}")
    cached = _configs.get((dataset.name, run_key))
    # a change or a reload leaves another dictionary in the document; so does reading it first
    if cached is None or cached[0] is not stored_config(document):
        if len(_configs) >= _CACHED:
            _configs.clear()
        config = fetch_config(dataset, run_key)
        cached = _configs[dataset.name, run_key] = (stored_config(document), config)
    return cached[1]


def fetch_config(dataset: fo.Dataset, run_key: str) -> RunConfig:
    """Copy the configuration of a run out of FiftyOne's document."""
    return _parsed(dataset.get_run_info(run_key).config)


def fetch_results(dataset: fo.Dataset, run_key: str) -> Any:
    """Load the results of a run from the database; FiftyOne's own copy may be older than another process's."""
    return dataset.load_run_results(run_key, cache=False, load_view=False)


def update_config(dataset: fo.Dataset, run_key: str, **facts: Any) -> RunConfig:
    """Change some values of the configuration of a run; the caller holds the schema lock.

    Args:
        dataset: the dataset
        run_key: the run's key
        **facts: new values by name

    Returns:
        the new configuration
    """
    config = dataset.get_run_info(run_key).config
    changed = {**_parsed(config).to_dict(), **facts}
    for name, value in changed.items():
        setattr(config, name, value)
    dataset.update_run_config(run_key, config)
    return RunConfig.from_stored(changed)


def _parsed(config: fo.core.runs.RunConfig) -> RunConfig:
    # FiftyOne keeps the method of a run in a property
    return RunConfig.from_stored({**vars(config), "method": config.method})


def run_frames(dataset: fo.Dataset, run_key: str, slices: Sequence[str] | None = None) -> fo.DatasetView:
    """Return all frames of a dataset, as they are now, that a run on frames can have labels on.

    Args:
        dataset: the dataset
        run_key: the run's key
        slices (None): of groups, the slices that the run was made of, by default those that are videos
    """
    dataset.reload()
    options = frames_options(run_documents(dataset)[run_key])
    videos = flat(dataset, run_slices(dataset, slices, fo.core.media.VIDEO))
    return frames_of(videos, options.get("sample_frames") == "dynamic")


def results_file(dataset: fo.Dataset, run_key: str) -> str | None:
    """Return the id of the file that holds the results of a run, another after every change; None without one."""
    document = run_documents(dataset).get(run_key)
    return None if document is None or not document.results else str(document.results.grid_id)


def made_at(dataset: fo.Dataset, run_key: str) -> datetime:
    """Return the time a run was made, in UTC."""
    return run_documents(dataset)[run_key].timestamp


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
        self._loaded: Any = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return one result, plain data that is not to be changed; ``default`` if the run has none of this name."""
        return getattr(self._current(), name, default)

    def write(self, **results: Any) -> None:
        """Write some results and keep the others; wait while others change the dataset's runs.

        Args:
            **results: plain data by name; lists, dicts with string keys, numbers and text
        """
        with schema_lock(self.dataset):
            self.save(**results)

    def save(self, **results: Any) -> None:
        """Write as :meth:`write` does, for a caller that holds the schema lock."""
        if self.run_key not in run_documents(self.dataset):
            raise ValueError(f"run {self.run_key!r} was deleted meanwhile; nothing was kept")
        current = self._current()
        for name, value in results.items():
            setattr(current, name, value)
        self.dataset.save_run_results(self.run_key, current, overwrite=True)
        self._file = results_file(self.dataset, self.run_key)

    def _current(self) -> Any:
        file = results_file(self.dataset, self.run_key)
        if self._loaded is None or file != self._file:
            self._loaded, self._file = fetch_results(self.dataset, self.run_key), file
        return self._loaded
