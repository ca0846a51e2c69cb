"""Jobs that the App started and a process of their own works at: their records, and the line they wait in.

A record is in the database, so that any server and any tab finds the job again. Only its worker writes it while the
worker lives. Every machine works at one job at a time: the oldest one that has not ended.
"""

import time
import uuid
from typing import Any

import fiftyone as fo
from fiftyone.operators.store import ExecutionStore

from .processes import is_alive, is_here, process_of, this_process
from .stopping import request_stop, running

STORE = "constellation_background_jobs"
WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"
KILLED = "its process was killed or ran out of memory; run it again, on fewer images if memory is short"
NOT_STARTED = "its process ended before it could say why; the log of the App's server has the reason"
SERVER_GONE = "it was stopped because the App's server is gone; run it again"
_KEPT_SECONDS = 7 * 24 * 3600
_SILENT_SECONDS = 24 * 3600  # without a word from another machine


def new_job(dataset: fo.Dataset, operator: str, title: str, server: dict) -> dict:
    """Write the record of a job that waits for a worker.

    Args:
        dataset: the dataset that it is about
        operator: the operator's URI
        title: what is done, for people
        server: the process that started it, see :func:`operators.execution.processes.this_process`

    Returns:
        the record: ``id``, ``dataset``, ``operator``, ``title``, ``state``, ``fraction``, ``message``, ``created``,
        ``started``, ``ended``, ``said`` (times of its last words), ``run_key``, ``result``
        (Markdown), ``plot`` (``data`` and ``layout`` for Plotly), ``forms`` (each ``label``, ``operator`` and
        ``params`` of a button that goes on from here), ``server`` and ``worker``
    """
    now = time.time()
    job = {
        "id": uuid.uuid4().hex,
        "dataset": dataset.name,
        "operator": operator,
        "title": title,
        "state": WAITING,
        "fraction": 0.0,
        "message": "",
        "created": now,
        "started": None,
        "ended": None,
        "said": now,
        "run_key": None,
        "result": None,
        "plot": None,
        "forms": [],
        "server": server,
        "worker": None,
    }
    _store().set(job["id"], job)
    return job


def keep_result(dataset: fo.Dataset, operator: str, title: str, message: str, **shown: Any) -> None:
    """Write the record of what was done at once, so that the Clusters panel shows its result.

    Args:
        dataset: the dataset that it is about
        operator: the operator's URI
        title: what was done, for people
        message: what came of it, in a line
        **shown: ``result``, ``plot`` and ``forms``, see :func:`new_job`
    """
    end_job(new_job(dataset, operator, title, this_process())["id"], DONE, message, fraction=1.0, **shown)


def read_job(job_id: str) -> dict | None:
    """Return a record, None if it was dismissed."""
    found = _store().get(job_id)
    return found if isinstance(found, dict) else None


def change_job(job_id: str, **changes: Any) -> dict | None:
    """Change a record unless it was dismissed; return it."""
    job = read_job(job_id)
    if job is None:
        return None
    job = {**job, **changes, "said": time.time()}
    _store().set(job_id, job)
    return job


def end_job(job_id: str, state: str, message: str = "", **changes: Any) -> None:
    """Write how a job ended, unless that is known."""
    job = read_job(job_id)
    if job is not None and job["ended"] is None:
        change_job(job_id, state=state, message=message, ended=time.time(), **changes)


def list_jobs(dataset: fo.Dataset | None = None) -> list[dict]:
    """List the jobs of a dataset, or of all, in the order in which they were started.

    A job whose worker is gone has failed; those that ended a week ago are forgotten.
    """
    store, found = _store(), []
    for key in store.list_keys():
        job = store.get(key)
        if not isinstance(job, dict):
            continue
        if job["ended"] is None and not _has_worker(job):
            end_job(key, FAILED, KILLED)
            job = read_job(key) or job
        if job["ended"] is not None and time.time() - job["ended"] > _KEPT_SECONDS:
            store.delete(key)
        elif dataset is None or job["dataset"] == dataset.name:
            found.append(job)
    return sorted(found, key=_age)


def is_next(job: dict) -> bool:
    """Return whether a job is the oldest of its machine that has not ended."""
    line = [one for one in list_jobs() if one["ended"] is None and one["server"]["host"] == job["server"]["host"]]
    return not line or line[0]["id"] == job["id"]


def stop_job(job_id: str) -> None:
    """Ask a job to stop, from any server; its worker looks for that all the time, see :func:`is_stopped`."""
    job = read_job(job_id)
    if job is not None and job["ended"] is None:
        # not in the record, which its worker writes as well
        _stops().set(job_id, True, ttl=_KEPT_SECONDS)


def is_stopped(job_id: str) -> bool:
    """Return whether a job was asked to stop."""
    return bool(_stops().get(job_id))


def stop_own(dataset: fo.Dataset) -> None:
    """Ask all that this process does on a dataset to stop."""
    mine = this_process()
    for entry in running(dataset):
        if (entry["host"], entry["pid"]) == (mine["host"], mine["pid"]):
            request_stop(dataset, entry["id"])


def dismiss_job(job_id: str) -> None:
    """Forget a job that has ended."""
    job = read_job(job_id)
    if job is not None and job["ended"] is not None:
        _store().delete(job_id)


def seconds_left(job: dict) -> float | None:
    """Return how long a running job will take at the pace so far, None before that can be told."""
    if job["state"] != RUNNING or not job["started"] or job["fraction"] < 0.05:
        return None
    spent = time.time() - job["started"]
    return float(spent * (1 - job["fraction"]) / job["fraction"])


def worker_of(pid: int, host: str) -> dict:
    """Return a worker as a record has it."""
    return {"host": host, "parent": None, **(process_of(pid) or {"pid": pid, "born": 0.0})}


def _has_worker(job: dict) -> bool:
    if not is_here(job["server"]):
        return time.time() - job["said"] < _SILENT_SECONDS
    if job["worker"] is None:  # it is being started
        return is_alive({**job["server"], "parent": None})
    return is_alive(job["worker"])


def _age(job: dict) -> tuple:
    return (job["created"], job["id"])


def _store() -> ExecutionStore:
    return ExecutionStore.create(STORE)


def _stops() -> ExecutionStore:
    return ExecutionStore.create(f"{STORE}_stops")
