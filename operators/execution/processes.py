"""The process that does some work, as other processes and machines look it up later.

A worker of delegated operations runs each in a child. Once the worker is killed nobody waits for the child, monitors it
or can stop it: an orphan counts as dead.
"""

import multiprocessing
import os
import socket

SAME_START_SECONDS = 2  # the start of a process is computed from clock ticks, so two readings may differ a little


def this_process() -> dict:
    """Return ``{"host", "pid", "born", "parent"}`` of this process.

    ``parent`` is the process that started this one through :mod:`multiprocessing`, as ``{"pid", "born"}``; None if it
    was started otherwise, for it may then outlive its parent, as after ``nohup``.
    """
    parent = multiprocessing.parent_process()
    found = {"host": socket.gethostname(), **process_of(os.getpid()), "parent": None}
    if parent is not None and parent.pid is not None:
        found["parent"] = process_of(parent.pid) or {"pid": parent.pid, "born": 0.0}
    return found


def is_here(process: dict) -> bool:
    """Return whether a process, as :func:`this_process` describes it, is of this machine."""
    return process["host"] == socket.gethostname()


def is_alive(process: dict) -> bool:
    """Return whether a process of this machine lives and is no orphan."""
    return _lives(process) and not is_orphan(process)


def is_orphan(process: dict) -> bool:
    """Return whether a process of this machine has lost the one that it works for."""
    parent = process.get("parent")
    return parent is not None and not _lives(parent)


def process_of(pid: int) -> dict:
    """Return the pid and start of a living process; empty if it is dead."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return {}
        return {"pid": process.pid, "born": process.create_time()}
    except psutil.NoSuchProcess:
        return {}


def _lives(process: dict) -> bool:
    return abs(process_of(process["pid"]).get("born", 0) - process["born"]) < SAME_START_SECONDS
