"""Job of questions to one model: its budget, the answers that are kept, its usage and how it ended."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...models.images.rendering import Rendering
from ...models.naming.asking import CAP_REACHED, Asker, Usage
from ...models.naming.client import Demands, Server
from ...models.naming.failures import NEXT, Failure
from ...models.naming.jobs import Job, ask_all
from ...models.naming.pictures import prepare
from ...models.naming.prices import Budget
from ...models.naming.prompt import Question
from .request import LLMArguments
from .server import ServerChoice, key_hint
from .store import Answers

NO_IMAGE = "no readable image"


@dataclass(frozen=True)
class PendingQuestion:
    """A question that waits for its turn.

    Args:
        about: its subject, by which its failure is counted; None if that is not to be reported
        make: returns the question, in a thread, when its turn comes; may raise ``Failure``
        read: takes the text of an answer, and whether to be lenient, see :meth:`models.naming.asking.Asker.ask`
        arrived: takes what was read, and what the question used
    """

    about: int | str | None
    make: Callable[[], Question]
    read: Callable[[str, bool], Any]
    arrived: Callable[[Any, Usage], None]


class LLMJob:
    """Base of jobs that ask questions in several passes.

    Args:
        dataset: the dataset, which keeps the answers
        choice: the server and model
        files: per id, its file and box
        arguments: all arguments of the job
        key (None): the server's key
        overwrite (False): whether to ask again what was asked before
        rendering (None): that of the run's images

    Attributes:
        failed: reasons by subject
        unreadable: reasons by id of the images that could not be read
        stopped: the failure that ended the job early, or None
    """

    def __init__(
        self,
        dataset: fo.Dataset,
        choice: ServerChoice,
        files: dict[str, tuple[str, list[float] | None]],
        arguments: LLMArguments,
        key: str | None = None,
        overwrite: bool = False,
        rendering: Rendering | None = None,
    ) -> None:
        self.choice, self.files, self.arguments, self.overwrite = choice, files, arguments, overwrite
        self.rendering = rendering
        self.budget = Budget(choice.price, arguments.max_spend)
        self.failed: dict[Any, str] = {}
        self.unreadable: dict[str, str] = {}
        self.calls = self.images_sent = 0
        self.stopped: Failure | None = None
        self._answers, self._key = Answers(dataset), key
        self._demands: Demands | None = None  # what the first pass found out about the server

    def kept(self, digest: str) -> dict | None:
        """Return the answer to what has this digest, if it was given before."""
        return None if self.overwrite else self._answers.get(digest)

    def keep(self, digest: str, answer: dict) -> None:
        """Keep an answer, whatever ends the job."""
        self._answers.keep(digest, answer)

    def ask(self, pending: list[PendingQuestion], report: Callable[[Asker], object]) -> None:
        """Ask questions, some at a time.

        Args:
            pending: the questions
            report: called twice a second with the asker; what it raises ends the job
        """
        if not pending:
            return
        server = Server(self.choice.base_url, self.choice.model, self.choice.api, self._key, self.arguments.timeout)
        if self._demands is None:
            self._demands = server.demands
            server.demands.sheet = self.arguments.layout == "sheet"
        server.demands = self._demands
        asker = Asker(server, self.budget)

        def failed(place: int, failure: Failure) -> None:
            if (about := pending[place].about) is not None:
                self.failed[about] = failure.reason

        def done(place: int, value: Any, used: Usage) -> None:
            pending[place].arrived(value, used)

        jobs = [Job(place, question.make, question.read) for place, question in enumerate(pending)]
        try:
            ask_all(asker, jobs, self.arguments.max_concurrency, done, failed, lambda: report(asker))
        finally:
            self.calls += asker.calls
            self.images_sent += asker.images_sent
            self.stopped = self.stopped or asker.stopped

    def pictures(self, ids: Iterable[str], n: int) -> dict[str, bytes]:
        """Read the first ``n`` images that can be read, as JPEG by id; the others are counted in ``unreadable``."""
        from ...models.images.reading import ImageError

        found: dict[str, bytes] = {}
        for row_id in ids:
            if len(found) == n:
                break
            try:
                found[row_id] = prepare(*self.files[row_id], self.arguments.image_size, self.rendering)
            except ImageError as error:
                self.unreadable[row_id] = error.reason
        return found

    def some_pictures(self, ids: Sequence[str], n: int) -> dict[str, bytes]:
        """Return :meth:`pictures`, at least one.

        Raises:
            Failure: if none can be read, with the kinds of reasons
        """
        found = self.pictures(ids, n)
        if not found:
            raise Failure(no_image({self.unreadable[row_id] for row_id in ids}), NEXT)
        return found

    def check(self, answered: bool) -> None:
        """Raise ValueError if the server cannot be used and nothing was answered."""
        stopped = self.stopped
        if stopped is None or answered or stopped.reason == CAP_REACHED:
            return
        detail = f" ({stopped.detail})" if stopped.detail else ""
        refused = "(401)" in stopped.reason or "(403)" in stopped.reason
        remedy = key_hint(self.choice) if refused else "check base_url and model"
        raise ValueError(f"{self.choice.host}, model {self.choice.model!r}: {stopped.reason}{detail}; {remedy}")

    def used(self) -> dict[str, Any]:
        """Return its calls, images, tokens and cost, and why it stopped, plain data."""
        return {
            "model": self.choice.model,
            "host": self.choice.host,
            "calls": self.calls,
            "images_sent": self.images_sent,
            "input_tokens": self.budget.input_tokens,
            "output_tokens": self.budget.output_tokens,
            "cost": self.budget.spent,
            "stopped": self.stopped.reason if self.stopped else None,
        }


def status_text(job: LLMJob, asker: Asker) -> str:
    """Return what a job has spent and waits for, to follow what it has done."""
    text = f", {len(job.failed)} failed" if job.failed else ""
    text += f", ${job.budget.spent:.4f}" if job.budget.spent else ""
    return text + (f", the server asks to wait {asker.waiting:.0f} s" if asker.waiting > 1 else "")


def by_reason(failed: dict[Any, str]) -> dict[str, int]:
    """Count failures by reason, most frequent first."""
    return dict(Counter(failed.values()).most_common())


def no_image(reasons: Iterable[str]) -> str:
    """Return the reason why there is no answer about images that cannot be read, with the kinds of their reasons."""
    kinds = ", ".join(sorted(set(reasons)))
    return f"{NO_IMAGE} ({kinds})" if kinds else NO_IMAGE


def digest_of(data: Any) -> str:
    """Return the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
