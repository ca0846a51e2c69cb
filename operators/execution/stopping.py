"""Stop of running work from any process: a flag in the dataset's execution store that progress callables read.

Every job has an entry of its own, so a flag can neither be missed nor hit the next job.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import fiftyone as fo
import fiftyone.operators as foo

from ...models.progress import Progress, quiet
from ..dataset.private import open_store, root_dataset
from .processes import is_alive, is_here, is_orphan, this_process

STORE = "constellation_jobs"
CHECK_SECONDS = 1.0
SILENT_SECONDS = 7 * 24 * 3600  # an entry of another machine that old is of a job that was killed


class Stopped(RuntimeError):
    """The user stopped the work, or its worker was killed; what was finished is kept where its operator says so."""


@contextmanager
def stoppable(
    samples: fo.core.collections.SampleCollection, title: str, progress: Progress | None = None
) -> Iterator[Progress]:
    """Run work so that :func:`request_stop` can stop it.

    Args:
        samples: a dataset or view; anything else runs without a way to stop it
        title: the job's title
        progress (None): the callable ``(fraction, message)`` to pass calls on to

    Yields:
        a callable ``(fraction, message)`` that raises :class:`Stopped` within a second or so of the request, if it
        is called that often
    """
    dataset = root_dataset(samples) if isinstance(samples, fo.core.collections.SampleCollection) else None
    report = progress or quiet
    if dataset is None:
        yield report
        return
    store, key = open_store(dataset, STORE), uuid.uuid4().hex
    mine = {"what": title, "started": time.time(), "stop": False, **this_process()}
    store.set(key, mine)
    watch = _Watch(store, key, title, mine)

    def watched(fraction: float, message: str = "", /) -> None:
        watch.check()
        report(fraction, message)

    try:
        yield watched
    finally:
        store.delete(key)


def request_stop(samples: fo.core.collections.SampleCollection, job: str | None = None) -> list[dict]:
    """Ask jobs on a dataset to stop.

    Args:
        samples: a dataset or view
        job (None): the job's id from :func:`running`, by default all

    Returns:
        the jobs that were asked, as :func:`running` lists them

    Raises:
        ValueError: if there is no such job
    """
    store, found = open_store(root_dataset(samples), STORE), running(samples)
    chosen = [entry for entry in found if job in (None, entry["id"])]
    if job is not None and not chosen:
        known = ", ".join(entry["id"] for entry in found) or "none"
        raise ValueError(f"no job {job!r} is running on this dataset; running jobs: {known}")
    for entry in chosen:
        # not a plain write: the job may end just now, and its entry must not come back
        if (current := store.get(entry["id"])) is not None:
            store.compare_and_set(entry["id"], current, {**current, "stop": True})
    return chosen


def running(samples: fo.core.collections.SampleCollection) -> list[dict]:
    """List the jobs at work on a dataset, oldest first, as ``{"id", "what", "started", "host", "pid"}``."""
    store, found = open_store(root_dataset(samples), STORE), []
    for key in store.list_keys():
        entry = store.get(key)
        if entry is None:
            continue
        if _alive(entry):
            found.append({"id": key, **{name: entry[name] for name in ("what", "started", "host", "pid")}})
        else:
            store.delete(key)
    return sorted(found, key=lambda entry: entry["started"])


class _Watch:
    """Reader of the flag, at most once a second: a query takes about a millisecond, a batch may take less."""

    def __init__(self, store: foo.ExecutionStore, key: str, title: str, process: dict) -> None:
        self.store, self.key, self.title, self.process = store, key, title, process
        self.checked = 0.0
        self.lock = threading.Lock()

    def check(self) -> None:
        with self.lock:
            now = time.monotonic()
            if now - self.checked < CHECK_SECONDS:
                return
            self.checked = now
        if (self.store.get(self.key) or {}).get("stop"):
            raise Stopped(f"{self.title} was stopped as you asked")
        if is_orphan(self.process):
            raise Stopped(f"{self.title} was stopped because the worker that ran it was killed; run it again")


def _alive(entry: dict) -> bool:
    if is_here(entry):
        return is_alive(entry)
    return time.time() - entry["started"] < SILENT_SECONDS


def stop_clustering(samples: fo.core.collections.SampleCollection, job: str | None = None) -> dict:
    """Ask running work on a dataset to stop: immediate, delegated, or in another Python process.

    A job ends at its next batch, within seconds. What it finished is kept: embeddings, and the last epoch of a
    training, which ``resume=True`` continues.

    Args:
        samples: the dataset, or a view into it
        job (None): the id of one job, by default all

    Returns:
        ``{"stopped": [{"id", "what", "started", "host", "pid"}, ...]}``

    Raises:
        ValueError: if there is no such job
    """
    return {"stopped": request_stop(samples, job)}


def describe(entry: dict) -> str:
    """Return a job as text: ``train_encoder wafers, since 14:05, process 4711 on host``."""
    since = time.strftime("%H:%M", time.localtime(entry["started"]))
    return f"{entry['what']}, since {since}, process {entry['pid']} on {entry['host']}"
