"""Handing work over from the App's server to a process of its own.

Work in a thread of the server would hold it: Python's loops and compilers let no other request through.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import fiftyone.operators as foo

from .jobs import FAILED, KILLED, NOT_STARTED, change_job, end_job, new_job, worker_of
from .processes import this_process

PATIENCE_SECONDS = 5  # what takes no longer is done at once, with its progress in a dialog
# All that a process needs to start; the rest of the environment, which may hold secrets, comes through the pipe
_NEEDED = (
    *("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LD_PRELOAD"),
    *("HOME", "USERPROFILE", "TMPDIR", "TEMP", "LANG", "LC_ALL", "SYSTEMROOT"),
)


class HandedOver(Exception):
    """The work goes on in a process of its own; it is no failure, and ends what the operator does here.

    Args:
        job: the record of the job
    """

    def __init__(self, job: dict) -> None:
        super().__init__(f"{job['title']} goes on in the background")
        self.job = job


def in_app(ctx: foo.ExecutionContext) -> bool:
    """Return whether an operator runs at once, in the App's server, because the App has asked for it.

    The App sends the filters of its sidebar along, empty or not, and Python has none.
    """
    return not ctx.delegated and "filters" in ctx.request_params and "fiftyone.server.app" in sys.modules


def hand_over(ctx: foo.ExecutionContext, title: str) -> HandedOver:
    """Start a worker process that runs the operator of ``ctx``; return what the operator is to raise.

    Args:
        ctx: the execution context
        title: what is done, for people
    """
    operator = str(ctx.operator_uri)
    server = this_process()
    name, _, about = title.partition(" ")
    job = new_job(ctx.dataset, operator, f"{name.replace('_', ' ').capitalize()} {about}".strip(), server)
    told = {
        "job": job["id"],
        "operator": operator,
        "request": {key: value for key, value in ctx.request_params.items() if key != "delegated"},
        "module": f"{__package__}.worker",
        "environment": dict(os.environ),
    }
    script = str(Path(__file__).with_name("worker_start.py"))
    process = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,  # what goes wrong is in the log of the server
        env={name: os.environ[name] for name in _NEEDED if name in os.environ},
        start_new_session=True,
        text=True,
    )
    change_job(job["id"], worker=worker_of(process.pid, server["host"]))
    threading.Thread(target=_feed, args=(process, json.dumps(told, default=str), job["id"]), daemon=True).start()
    return HandedOver(job)


def _feed(process: subprocess.Popen, told: str, job_id: str) -> None:
    """Give a worker its work and wait for it, so that it does not stay as a zombie."""
    try:
        process.communicate(told)
    except OSError:  # it ended before it had read all
        process.wait()
    end_job(job_id, FAILED, KILLED if process.returncode < 0 else NOT_STARTED)  # if it has not said how it ended
