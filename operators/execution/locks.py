"""One writer per run key and field.

An immediate run that passes the App's time limit goes on, and its user presses Execute again. The second start must be
refused while the first lives, on any machine; a writer that was killed, or whose worker was, must not block another.
"""

import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import fiftyone as fo
import fiftyone.operators as foo

from ..dataset.private import open_store
from ..dataset.schema import refresh
from .processes import is_alive, is_here, is_orphan, this_process

STORE = "constellation_writers"
SCHEMA = "the dataset's schema"
_SHARED = re.compile(r"(field .*?')(?: shard \d+/(\d+))?")  # of several writers one: "field 'emb' shard 2/8"
HEARTBEAT_SECONDS = 10
SILENT_SECONDS = 60


@contextmanager
def write_lock(dataset: fo.Dataset, *names: str) -> Iterator[None]:
    """Hold the right to write the named things of a dataset.

    Args:
        dataset: the dataset
        *names: things to write, e.g. ``"run key km10"`` or ``"field emb"``

    Raises:
        ValueError: if a living writer holds one of them
    """
    store = open_store(dataset, STORE)
    mine = {"owner": uuid.uuid4().hex, "started": time.time(), **this_process()}
    held = []
    ended = threading.Event()
    try:
        for name in names:
            _acquire(store, name, mine)
            held.append(name)
            _check_shares(store, name)
        threading.Thread(target=_heartbeat, args=(store, held, mine, ended), daemon=True).start()
        yield
    finally:
        ended.set()
        for name in held:
            if (store.get(name) or {}).get("owner") == mine["owner"]:
                store.delete(name)


@contextmanager
def schema_lock(dataset: fo.Dataset, seconds: float = 600) -> Iterator[None]:
    """Wait for the right to change a dataset's schema and runs, which FiftyOne keeps in one shared document.

    Args:
        dataset: the dataset; it is reloaded, as another process may have changed it
        seconds (600): how long to wait

    Raises:
        ValueError: if the right does not become free in time
    """
    deadline = time.monotonic() + seconds
    while True:
        entered = False
        try:
            with write_lock(dataset, SCHEMA):
                entered = True
                refresh(dataset)
                yield
                return
        except ValueError:
            if entered or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def others(dataset: fo.Dataset, name: str) -> bool:
    """Return whether a living writer other than the holder of ``name`` is at work on the dataset."""
    store = open_store(dataset, STORE)
    held = ((key, store.get(key)) for key in store.list_keys() if key not in (name, SCHEMA))
    mine = (store.get(name) or {}).get("owner")
    return any(holder and holder["owner"] != mine and _alive(holder) for _, holder in held)


def is_held(dataset: fo.Dataset, name: str, except_of: str | None = None) -> bool:
    """Return whether a living writer holds ``name``, other than the one that holds ``except_of``."""
    store = open_store(dataset, STORE)
    holder = store.get(name)
    mine = (store.get(except_of) or {}).get("owner") if except_of else None
    return holder is not None and holder["owner"] != mine and _alive(holder)


def _acquire(store: foo.ExecutionStore, name: str, mine: dict) -> None:
    entry = {**mine, "beat": time.time()}
    while not store.set_if_absent(name, entry):
        holder = store.get(name)
        if holder is None:
            continue
        if _alive(holder):
            since = time.strftime("%H:%M", time.localtime(holder["started"]))
            raise ValueError(
                f"{name} is being written by process {holder['pid']} on {holder['host']} since {since}; "
                "wait until it ends or choose another name"
            )
        if store.compare_and_set(name, holder, entry):
            return


def _check_shares(store: foo.ExecutionStore, name: str) -> None:
    """Refuse to write a share of something while it is written whole, or in other shares; and the other way round.

    Asked once the right is held: of two that come at once both may be refused, but never neither.
    """
    mine = _SHARED.fullmatch(name)
    for key in store.list_keys() if mine else ():
        other = _SHARED.fullmatch(key)
        if mine is None or other is None or key == name or other[1] != mine[1] or (other[2] and other[2] == mine[2]):
            continue
        holder = store.get(key)
        if holder and _alive(holder):
            raise ValueError(
                f"{key} is being written by process {holder['pid']} on {holder['host']}, and {name} overlaps it; wait "
                "until it ends, or give all processes shares of one number, as in '1/8' to '8/8'"
            )


def _alive(holder: dict) -> bool:
    if is_here(holder):
        return is_alive(holder)
    return time.time() - holder["beat"] < SILENT_SECONDS


def _heartbeat(store: foo.ExecutionStore, names: list[str], mine: dict, ended: threading.Event) -> None:
    """Renew the time in the entries for other machines, which cannot look up this process."""
    while not ended.wait(HEARTBEAT_SECONDS) and not is_orphan(mine):
        for name in list(names):
            entry = store.get(name)
            if entry and entry["owner"] == mine["owner"]:
                store.compare_and_set(name, entry, {**mine, "beat": time.time()})
