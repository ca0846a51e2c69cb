"""A worker process: it waits for its turn, runs an operator as a delegated one, and says how far it is."""

import asyncio
import logging
import os
import threading
import time
from typing import Any

import fiftyone as fo

from .app import one_sentence
from .jobs import (
    DONE,
    FAILED,
    RUNNING,
    SERVER_GONE,
    STOPPED,
    change_job,
    end_job,
    is_next,
    is_stopped,
    read_job,
    stop_own,
)
from .processes import is_alive
from .stages import DELEGATED_REPORT_SECONDS, throttled
from .stopping import Stopped, stoppable

POLL_SECONDS = 0.5
GRACE_SECONDS = 60  # after its server is gone, for what it is at to stop cleanly
OUT_OF_MEMORY = "it ran out of memory; run it again on fewer images, with smaller batches or on a larger machine"
_MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "unable to allocate")

logger = logging.getLogger(__name__)
_current: dict[str, str] = {}


def work_at(job_id: str, operator: str, request: dict) -> None:
    """Work at a job until it has ended.

    Args:
        job_id: its record, see :mod:`operators.execution.jobs`
        operator: the operator's URI
        request: the parameters of the request that started it
    """
    job = read_job(job_id)
    if job is None:
        return
    _current["id"] = job_id
    dataset = fo.load_dataset(job["dataset"])
    threading.Thread(target=_watch, args=(dataset, job), daemon=True).start()
    try:
        with stoppable(dataset, f"{job['title']}, waiting") as check:
            while not is_next(job):
                check(0.0, "")
                time.sleep(POLL_SECONDS)
        change_job(job_id, state=RUNNING, started=time.time())
        _execute(operator, {**request, "delegated": True}, job_id)
        end_job(job_id, DONE, (read_job(job_id) or job)["message"], fraction=1.0)
    except BaseException as error:
        logger.info("%s failed", job["title"], exc_info=error)
        said = _said_of(error) if is_alive({**job["server"], "parent": None}) else SERVER_GONE
        end_job(job_id, STOPPED if _was_stopped(error) else FAILED, said)


def report_result(text: str, run_key: str | None = None, **shown: Any) -> bool:
    """Keep the result of the job of the App that this process works at.

    Args:
        text: the result as Markdown
        run_key (None): the run that was made
        **shown: ``plot`` and ``forms``, see :func:`operators.execution.jobs.new_job`

    Returns:
        whether it works at one
    """
    if not _current:
        return False
    change_job(_current["id"], result=text, run_key=run_key, **shown)
    return True


def _execute(operator: str, request: dict, job_id: str) -> None:
    from fiftyone.operators.executor import do_execute_operator, prepare_operator_executor

    report = throttled(
        lambda fraction, message="": change_job(job_id, fraction=fraction, message=message), DELEGATED_REPORT_SECONDS
    )

    def set_progress(_: Any, progress: Any) -> None:
        report(float(progress.progress or 0), progress.label or "")

    async def run() -> None:
        prepared = await prepare_operator_executor(operator, request, set_progress=set_progress)
        if not isinstance(prepared, tuple):
            raise ValueError(prepared.error or "the form is not valid")
        found, _, ctx, _ = prepared
        result = await do_execute_operator(found, ctx, exhaust=True)
        if result is not None and getattr(result, "error", None):
            raise RuntimeError(result.error)

    asyncio.run(run())


def _watch(dataset: fo.Dataset, job: dict) -> None:
    """Stop when the job was asked to, or the server that started it is gone: nobody would see what it does."""
    server = {**job["server"], "parent": None}
    while is_alive(server):
        if is_stopped(job["id"]):
            stop_own(dataset)
        time.sleep(POLL_SECONDS)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        stop_own(dataset)
        time.sleep(POLL_SECONDS)
    end_job(job["id"], STOPPED, SERVER_GONE)
    os._exit(1)


def _was_stopped(error: BaseException) -> bool:
    return isinstance(error, Stopped) or "was stopped" in str(error)


def _said_of(error: BaseException) -> str:
    text = f"{type(error).__name__} {error}".casefold()
    if isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS):
        return OUT_OF_MEMORY
    return one_sentence(error) if isinstance(error, Exception) else type(error).__name__
