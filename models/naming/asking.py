"""Many questions to one server: some at a time, with patience for a busy server and none for a hopeless one.

The first question goes alone: it finds out what the server takes, and a wrong key costs one call. A server that asks to
wait is left alone by all questions at once. What is broken for one question fails that question only; what is broken
for all ends the work, and every answer that came before is kept.
"""

import asyncio
import contextlib
import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..images.contact_sheets import captioned_sheet
from .answers import NO_JSON, Unusable
from .client import TEXT, Server
from .failures import AGAIN, FILTERED, LESS, NEXT, NOT_REACHED, STOP, TIMED_OUT, UNANSWERED, Failure
from .pictures import size_of
from .prices import Budget, OverBudget, image_tokens, text_tokens
from .prompt import Question

logger = logging.getLogger(__name__)

NOT_ASKED, CAP_REACHED = "not asked", "spend cap reached"
ANSWER_LIMIT = 600  # tokens; four times as many after a truncated answer
RETRIES = 4  # of a call that failed for no fault of its own
MOST_TRIES = 8  # of one question, also where the server says each time when to come back
PATIENCE = 120.0  # seconds that one question waits for a busy server, in all
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
GIVE_UPS = 3  # questions in a row that the server may fail before the others are not asked
_REMINDER = "\nYour last answer was no JSON. Answer with the JSON object and nothing else."
_TICK, _LOOK = 0.5, 0.05  # seconds


@dataclass
class Used:
    """What one question took: calls and tokens, failed tries included."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass
class _Troubles:
    """Failed tries of one question: all, those for which the server named no time to wait, and seconds waited."""

    count: int = 0
    unasked: int = 0
    waited: float = 0.0


class Asker:
    """Asks a server; shared by all questions of one job.

    Args:
        server: a :class:`models.naming.client.Server`
        budget: a :class:`models.naming.prices.Budget`
    """

    def __init__(self, server: Server, budget: Budget):
        self.server, self.budget = server, budget
        self.stopped: Failure | None = None
        self.calls = self.answered = self.images_sent = 0
        self._at_first = dict(vars(server.demands))
        self._resume_at = 0.0
        self._failed_in_a_row = 0

    @property
    def waiting(self) -> float:
        """Seconds until the server may be asked again."""
        return max(0.0, self._resume_at - time.monotonic())

    async def ask(self, question: Question, read) -> tuple:
        """Asks until there is an answer that ``read`` accepts.

        Args:
            question: a :class:`models.naming.prompt.Question`
            read: a callable ``(text, lenient)`` that returns what the answer says, or raises
                :class:`models.naming.answers.Unusable`

        Returns:
            a tuple of what ``read`` returned and what was :class:`Used`

        Raises:
            Failure: if there is none
        """
        used, limit, reminded, troubles = Used(), ANSWER_LIMIT, False, _Troubles()
        while True:
            before = self._demands()
            try:
                reply = await self._once(question, limit, reminded, used)
            except Failure as failure:
                if failure.kind == LESS and self._asks_less(before, failure):
                    continue
                await self._wait(failure, troubles)
                continue
            if reply.state == "truncated" and limit == ANSWER_LIMIT:
                limit *= 4
                continue
            self._failed_in_a_row = 0
            if reply.state != "ok":
                raise Failure(reply.state, NEXT)
            try:
                value = read(reply.text, self.server.demands.format == TEXT)
            except Unusable as unusable:
                if reminded or unusable.reason != NO_JSON:
                    raise Failure(unusable.reason, NEXT) from None
                reminded = True
                continue
            except Exception as error:  # a stranger's text must not end the questions about others
                logger.exception("an answer could not be read")
                raise Failure("unreadable answer", NEXT, type(error).__name__) from None
            self.answered += 1
            return value, used

    def _demands(self):
        return tuple(vars(self.server.demands).values())

    def _asks_less(self, before, failure) -> bool:
        """Whether a refused question may be asked again with fewer demands; what was answered once is not too much."""
        if self.answered:
            return False
        if before != self._demands() or self.server.demands.lower(failure.detail):
            return True
        vars(self.server.demands).update(self._at_first)  # it was not the demands
        return False

    async def _once(self, question, limit, reminded, used):
        while self.waiting and not self.stopped:
            await asyncio.sleep(self.waiting)
        if self.stopped:
            raise Failure(NOT_ASKED, STOP)
        text, pictures = as_sent(question, self.server.demands.sheet)
        text += _REMINDER if reminded else ""
        inputs = expected_tokens(question.system + text, pictures)
        reserved = await self._reserve(inputs, limit)
        self.calls += 1
        used.calls += 1
        self.images_sent += len(question.pictures) * (used.calls == 1)
        took = (0, 0)
        try:
            reply = await self.server.ask(question.system, text, pictures, question.schema, question.title, limit)
            spent_in = inputs if reply.input_tokens is None else reply.input_tokens
            spent_out = text_tokens(reply.text) if reply.output_tokens is None else reply.output_tokens
            took = (spent_in, spent_out)
        except Failure as failure:
            took = (inputs if failure.reason in UNANSWERED else 0, 0)
            raise
        finally:
            self.budget.settle(reserved, *took)
            used.input_tokens += took[0]
            used.output_tokens += took[1]
        return reply

    async def _reserve(self, inputs, limit) -> float:
        """Sets the cost aside; where questions under way hold the rest of the cap, waits for what they really took."""
        while True:
            try:
                return self.budget.reserve(inputs, limit)
            except OverBudget:
                if not self.budget.reserved:
                    self.stopped = Failure(CAP_REACHED, STOP)
                    raise Failure(NOT_ASKED, STOP) from None
            await asyncio.sleep(_LOOK)

    async def _wait(self, failure, troubles):
        """Waits after a failure that may pass, together with all others if the server asks so; raises after others."""
        if failure.kind == STOP:
            self.stopped = self.stopped or failure
            raise failure
        if failure.kind != AGAIN:
            raise self._given_up_on(failure)
        wait = min(FIRST_WAIT * 2**troubles.count, LONGEST_WAIT) * random.uniform(0.8, 1.2)
        wait = wait if failure.wait is None else max(wait, failure.wait)
        troubles.count += 1
        if failure.wait is None:
            troubles.unasked += 2 if failure.reason == TIMED_OUT else 1  # each of those took the whole timeout
        troubles.waited += wait
        if troubles.unasked > RETRIES or troubles.waited > PATIENCE or troubles.count >= MOST_TRIES:
            raise self._given_up_on(failure)
        if failure.wait is None and failure.reason != NOT_REACHED:
            await asyncio.sleep(wait)
        else:
            self._resume_at = max(self._resume_at, time.monotonic() + wait)

    def _given_up_on(self, failure) -> Failure:
        """Counts a question that the server failed; what is not answered at all, or so thrice in a row, is hopeless."""
        if failure.reason != FILTERED:
            self._failed_in_a_row += 1
        if self._failed_in_a_row >= GIVE_UPS or (failure.kind == AGAIN and not self.answered):
            self.stopped = self.stopped or failure
        return Failure(failure.reason, NEXT, failure.detail)


def expected_tokens(text: str, pictures: list[bytes]) -> int:
    """About how many tokens a question counts as."""
    return text_tokens(text) + sum(image_tokens(*size_of(picture)) for picture in pictures)


def as_sent(question: Question, sheet: bool) -> tuple[str, list[bytes]]:
    """The text and the pictures of a question, all of them or one sheet of tiles."""
    if not sheet or not question.pictures:
        return question.text, question.pictures
    question.sheet = question.sheet or captioned_sheet(question.pictures, question.captions)
    return question.sheet_text, [question.sheet]


async def _ask_all(asker, jobs, parallel, done, failed, tick):
    """Runs jobs ``(key, make, read)``, the first one alone; see :func:`ask_all`."""
    waiting = iter(jobs)

    async def one(key, make, read):
        try:
            if asker.stopped:
                raise Failure(NOT_ASKED, STOP)
            question = await asyncio.to_thread(make)
            value, used = await asker.ask(question, read)
        except Failure as failure:
            failed(key, failure)
        else:
            done(key, value, used)

    async def worker():
        for job in waiting:
            await one(*job)

    async def watch():
        while True:
            tick()
            await asyncio.sleep(_TICK)

    watcher = asyncio.create_task(watch())
    tasks = []
    try:
        tasks = [asyncio.create_task(_first_alone(waiting, one, worker, parallel))]
        await asyncio.wait([watcher, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (watcher, *tasks):
            if task.done():
                task.result()
    finally:
        for task in (watcher, *tasks):
            task.cancel()
        await asyncio.gather(watcher, *tasks, return_exceptions=True)
        await asker.server.close()


async def _first_alone(waiting, one, worker, parallel):
    for job in waiting:
        await one(*job)
        break
    tasks = [asyncio.create_task(worker()) for _ in range(parallel)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def ask_all(asker: Asker, jobs, parallel: int, done, failed, tick=None):
    """Asks many questions, some at a time, from any thread and whether or not a loop runs in it.

    Args:
        asker: an :class:`Asker`; its server is closed at the end
        jobs: tuples ``(key, make, read)``: ``make()`` returns the :class:`models.naming.prompt.Question`, in a
            thread, when its turn comes; ``read`` as for :meth:`Asker.ask`
        parallel: questions at a time
        done: called with ``(key, value, used)`` as answers arrive
        failed: called with ``(key, failure)``
        tick (None): called twice a second; what it raises ends the work

    Raises:
        Exception: what a callable raised
    """
    tick = tick or (lambda: None)
    loop_of = {}

    async def main():
        loop_of["loop"], loop_of["task"] = asyncio.get_running_loop(), asyncio.current_task()
        await _ask_all(asker, jobs, parallel, done, failed, tick)

    with ThreadPoolExecutor(1, thread_name_prefix="naming") as pool:
        future = pool.submit(asyncio.run, main())
        try:
            future.result()
        except BaseException:
            # an interrupt in this thread: the calls under way must not go on behind the user's back
            if not future.done() and "loop" in loop_of:
                with contextlib.suppress(RuntimeError):
                    loop_of["loop"].call_soon_threadsafe(loop_of["task"].cancel)
            raise
