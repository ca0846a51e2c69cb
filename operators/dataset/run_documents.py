"""Documents of runs in the database, one at a time.

FiftyOne reads the documents of all runs of a dataset whenever it is asked for one, so that each run would cost more
than the one before. Here one is read or written by its id, as FiftyOne keeps it.
"""

from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId, json_util
from gridfs import GridFS
from gridfs.errors import CorruptGridFile, NoFile
from pymongo.collection import Collection

from .private import dataset_id, forget_run, run_references, set_run_references, view_stages
from .schema import change
from .selections import MATCH

_RESULTS = "fiftyone.core.runs.RunResults"
_MOST_BYTES = 12_000_000  # of the stages of a view, which a run keeps in its document of at most 16 MB


def run_keys(dataset: fo.Dataset) -> list[str]:
    """List the keys of a dataset's runs, those of other plugins included."""
    return list(run_references(dataset))


def find_run(dataset: fo.Dataset, run_key: str, *paths: str) -> dict | None:
    """Read the document of a run, or a few values of it; None if there is none.

    Args:
        dataset: the dataset
        run_key: the run's key
        *paths: what to read, by default all of it: ``config``, ``timestamp``, ``view_stages``, ``results``...
    """
    run_id = run_references(dataset).get(run_key)
    found: dict | None = _runs().find_one({"_id": run_id}, list(paths) or None) if run_id else None
    return found


def find_values(dataset: fo.Dataset, query: dict, *paths: str) -> dict[str, dict]:
    """Read a few values of many runs.

    Args:
        dataset: the dataset
        query: which runs are meant, as MongoDB takes it
        *paths: what to read, ``"config.version"`` for one

    Returns:
        by run key what :func:`find_run` returns with these values only, the newest last
    """
    keys = {run_id: key for key, run_id in run_references(dataset).items()}
    if not keys:
        return {}
    found = _runs().find({"_id": {"$in": list(keys)}, **query}, [*paths, "timestamp"])
    return {keys[one["_id"]]: one for one in sorted(found, key=made_at)}


def made_at(document: dict) -> datetime:
    """Return the time that a run was made, in UTC."""
    timestamp: datetime = document["timestamp"]
    return timestamp.astimezone(timezone.utc).replace(tzinfo=None) if timestamp.tzinfo else timestamp


def check_stages(samples: fo.core.collections.SampleCollection) -> None:
    """Refuse a view that is too large to be kept with a run.

    Raises:
        ValueError: if its stages take more than the document of a run has room for, as a long list of ids does
    """
    size = sum(len(stage) for stage in view_stages(samples) or [])
    if size > _MOST_BYTES:
        raise ValueError(
            f"this view takes {size / 1e6:.1f} MB to describe and a run keeps at most {_MOST_BYTES / 1e6:g}; {MATCH}"
        )


def insert_run(
    samples: fo.core.collections.SampleCollection, dataset: fo.Dataset, run_key: str, config: dict, results: dict
) -> None:
    """Register a run with its results.

    Args:
        samples: the dataset, or the view whose stages are kept
        dataset: the dataset
        run_key: a free key
        config: the run's configuration, plain data
        results: its results by name, plain data
    """
    document = {
        "_dataset_id": dataset_id(dataset),
        "key": run_key,
        "version": fo.__version__,
        "timestamp": datetime.utcnow(),
        "config": _plain(config),
        "view_stages": view_stages(samples),
        "results": _put(results),
    }
    run_id = _runs().insert_one(document).inserted_id
    change(dataset, {"$set": {f"runs.{run_key}": run_id}}, lambda stored: stored["runs"].update({run_key: run_id}))
    set_run_references(dataset, {**run_references(dataset), run_key: run_id})


def write_run_config(dataset: fo.Dataset, run_key: str, config: dict) -> None:
    """Replace the configuration of a run."""
    _update_run(dataset, run_key, {"config": _plain(config)})


def read_run_results(dataset: fo.Dataset, run_key: str) -> dict:
    """Read the results of a run by name, as they are now."""
    file = (find_run(dataset, run_key, "results") or {}).get("results")
    while file is not None:
        try:
            found = json_util.loads(_files().get(file).read().decode())
        except (NoFile, CorruptGridFile):
            # an edit put another file in its place after the id was read
            file, gone = (find_run(dataset, run_key, "results") or {}).get("results"), file
            if file == gone:
                raise
        else:
            return {name: value for name, value in found.items() if name != "cls"}
    return {}


def write_run_results(dataset: fo.Dataset, run_key: str, results: dict) -> ObjectId:
    """Replace the results of a run, and return the id of their file; a reader finds the old ones or the new ones."""
    old, file = find_run(dataset, run_key, "results") or {}, _put(results)
    _update_run(dataset, run_key, {"results": file})
    _files().delete(old.get("results"))
    return file


def rename_run(dataset: fo.Dataset, run_key: str, new_run_key: str) -> None:
    """Rename a run to a free key."""
    ids = run_references(dataset)
    _update_run(dataset, run_key, {"key": new_run_key})
    renamed = {"$rename": {f"runs.{run_key}": f"runs.{new_run_key}"}}
    change(dataset, renamed, lambda stored: stored["runs"].update({new_run_key: stored["runs"].pop(run_key)}))
    set_run_references(dataset, {new_run_key if key == run_key else key: run_id for key, run_id in ids.items()})


def remove_run(dataset: fo.Dataset, run_key: str) -> None:
    """Delete a run with its results."""
    document, ids = find_run(dataset, run_key), run_references(dataset)
    change(dataset, {"$unset": {f"runs.{run_key}": ""}}, lambda stored: stored["runs"].pop(run_key))
    set_run_references(dataset, {key: run_id for key, run_id in ids.items() if key != run_key})
    if document:
        _runs().delete_one({"_id": document["_id"]})
        _files().delete(document.get("results"))


def _plain(config: dict) -> dict:
    """Return a configuration as FiftyOne keeps it."""
    return fo.RunConfig(**{name: value for name, value in config.items() if name not in ("cls", "type")}).serialize()


def _put(results: dict) -> ObjectId:
    content = json_util.dumps({"cls": _RESULTS, **results}).encode()
    return _files().put(content, content_type="application/json")


def _update_run(dataset: fo.Dataset, run_key: str, values: dict[str, Any]) -> None:
    _runs().update_one({"_id": run_references(dataset)[run_key]}, {"$set": values})
    forget_run(dataset, run_key)


def _runs() -> Collection:
    return foo.get_db_conn().runs


def _files() -> GridFS:
    return GridFS(foo.get_db_conn())
