"""Many questions to one server, some at a time, from any thread.

The first question goes alone: it finds out what the server takes, and a wrong key costs one call.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from .asking import NOT_ASKED, Asker, Read, Usage
from .failures import STOP, Failure
from .prompt import Question

_TICK = 0.5  # seconds

Done = Callable[[Any, Any, Usage], object]  # a job's key, what its answer says, and what it took
Failed = Callable[[Any, Failure], object]  # a job's key, and why it has no answer


class Job(NamedTuple):
    """A question to be asked.

    Args:
        key: what it is about, for those who are told of its answer or failure
        make: returns the question, in a thread, when its turn comes
        read: as for :meth:`Asker.ask`
    """

    key: Any
    make: Callable[[], Question]
    read: Read


async def _ask_all(
    asker: Asker, jobs: Iterable[Job], max_concurrency: int, done: Done, failed: Failed, tick: Callable[[], object]
) -> None:
    """Run jobs, the first one alone; see :func:`ask_all`."""
    waiting = iter(jobs)

    async def one(key: Any, make: Callable[[], Question], read: Read) -> None:
        try:
            if asker.stopped:
                raise Failure(NOT_ASKED, STOP)
            question = await asyncio.to_thread(make)
            value, used = await asker.ask(question, read)
        except Failure as failure:
            failed(key, failure)
        else:
            done(key, value, used)

    async def worker() -> None:
        for job in waiting:
            await one(*job)

    async def watch() -> None:
        while True:
            tick()
            await asyncio.sleep(_TICK)

    watcher = asyncio.create_task(watch())
    tasks: list[asyncio.Task] = []
    try:
        tasks = [asyncio.create_task(_first_alone(waiting, one, worker, max_concurrency))]
        await asyncio.wait([watcher, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (watcher, *tasks):
            if task.done():
                task.result()
    finally:
        for task in (watcher, *tasks):
            task.cancel()
        await asyncio.gather(watcher, *tasks, return_exceptions=True)
        await asker.server.close()


async def _first_alone(
    waiting: Iterator[Job],
    one: Callable[..., Coroutine[Any, Any, None]],
    worker: Callable[[], Coroutine[Any, Any, None]],
    max_concurrency: int,
) -> None:
    for job in waiting:
        await one(*job)
        break
    tasks = [asyncio.create_task(worker()) for _ in range(max_concurrency)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def ask_all(
    asker: Asker,
    jobs: Iterable[Job],
    max_concurrency: int,
    done: Done,
    failed: Failed,
    tick: Callable[[], object] | None = None,
) -> None:
    """Ask many questions, some at a time, from any thread and whether or not a loop runs in it.

    Args:
        asker: an :class:`Asker`; its server is closed at the end
        jobs: the questions
        max_concurrency: questions at a time
        done: called with ``(key, value, used)`` as answers arrive
        failed: called with ``(key, failure)``
        tick (None): called twice a second; what it raises ends the work

    Raises:
        Exception: what a callable raised
    """
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task]] = []

    async def main() -> None:
        if (task := asyncio.current_task()) is not None:
            running.append((asyncio.get_running_loop(), task))
        await _ask_all(asker, jobs, max_concurrency, done, failed, tick or (lambda: None))

    with ThreadPoolExecutor(1, thread_name_prefix="naming") as pool:
        future = pool.submit(asyncio.run, main())
        try:
            future.result()
        except BaseException:
            # an interrupt in this thread: the calls under way must not go on behind the user's back
            if not future.done():
                for loop, task in running:
                    with contextlib.suppress(RuntimeError):
                        loop.call_soon_threadsafe(task.cancel)
            raise
