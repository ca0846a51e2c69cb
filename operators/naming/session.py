"""A job of questions to one model: what it may spend, what is kept of it, what it took and how it ended."""

import hashlib
import json
from collections import Counter

from ...models.naming.asking import CAP_REACHED, Asker
from ...models.naming.failures import Failure
from ...models.naming.jobs import Job, ask_all
from ...models.naming.pictures import prepare
from ...models.naming.prices import Budget
from .server import ServerChoice, key_hint
from .store import Answers

NO_IMAGE = "no readable image"


class LLMJob:
    """Asks questions in several passes.

    Args:
        dataset: the dataset, which keeps the answers
        choice: :class:`operators.llm_server.ServerChoice`
        files: per id, its file and box
        image_size: pixels of an image's longer side
        sheet (False): whether images are sent as one sheet
        max_spend (None): US dollars
        overwrite (False): whether to ask again what was asked before

    Attributes:
        failed: reasons by what was asked about
        stopped: the :class:`models.naming.failures.Failure` that ended the job early, or None
    """

    def __init__(self, dataset, choice: ServerChoice, files, image_size, sheet=False, max_spend=None, overwrite=False):
        self.choice, self.files, self.image_size, self.overwrite = choice, files, image_size, overwrite
        self.budget = Budget(choice.price, max_spend)
        self.failed: dict = {}
        self.calls = self.images_sent = 0
        self.stopped: Failure | None = None
        self._answers = Answers(dataset)
        self._sheet = sheet
        self._demands = None  # what the first pass found out about the server

    def kept(self, digest: str) -> dict | None:
        """The answer to what has this digest, if it was given before."""
        return None if self.overwrite else self._answers.get(digest)

    def keep(self, digest: str, answer: dict):
        """Keeps an answer, whatever ends the job."""
        self._answers.keep(digest, answer)

    def ask(self, jobs, key: str | None, max_concurrency: int, timeout: float, report=None):
        """Asks some at a time.

        Args:
            jobs: tuples ``(about, make, read, arrived)``: what is asked about, or None if its failure is not to be
                told; the callables of :func:`models.naming.jobs.Job`; and one called with the answer and what
                it took
            key: the server's key
            max_concurrency: questions at a time
            timeout: seconds that a question may take
            report (None): called twice a second with the asker; what it raises ends the job
        """
        from ...models.naming.client import Server

        if not jobs:
            return
        server = Server(self.choice.base_url, self.choice.model, self.choice.api, key, timeout)
        if self._demands is None:
            self._demands = server.demands
            server.demands.sheet = self._sheet
        server.demands = self._demands
        asker = Asker(server, self.budget)

        def failed(place, failure):
            if jobs[place][0] is not None:
                self.failed[jobs[place][0]] = failure.reason

        def done(place, value, used):
            jobs[place][3](value, used)

        questions = [Job(place, make, read) for place, (_, make, read, _) in enumerate(jobs)]
        try:
            ask_all(asker, questions, max_concurrency, done, failed, report and (lambda: report(asker)))
        finally:
            self.calls += asker.calls
            self.images_sent += asker.images_sent
            self.stopped = self.stopped or asker.stopped

    def pictures(self, ids, n: int) -> dict[str, bytes]:
        """The first ``n`` images that can be read, as JPEG by id."""
        from ...models.images.reading import ImageError

        found = {}
        for row_id in ids:
            if len(found) == n:
                break
            try:
                found[row_id] = prepare(*self.files[row_id], self.image_size)
            except ImageError:
                continue
        return found

    def check(self, answered: bool):
        """Raises ValueError, in one sentence, if the server cannot be used and nothing was answered."""
        stopped = self.stopped
        if stopped is None or answered or stopped.reason == CAP_REACHED:
            return
        detail = f" ({stopped.detail})" if stopped.detail else ""
        refused = "(401)" in stopped.reason or "(403)" in stopped.reason
        remedy = key_hint(self.choice) if refused else "check base_url and model"
        raise ValueError(f"{self.choice.host}, model {self.choice.model!r}: {stopped.reason}{detail}; {remedy}")

    def used(self) -> dict:
        """What it took, plain data."""
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


def news(job: LLMJob, asker) -> str:
    """What a job has spent and waits for, to follow what it has done."""
    text = f", {len(job.failed)} failed" if job.failed else ""
    text += f", ${job.budget.spent:.4f}" if job.budget.spent else ""
    return text + (f", the server asks to wait {asker.waiting:.0f} s" if asker.waiting > 1 else "")


def by_reason(failed: dict) -> dict[str, int]:
    """How many failed for each reason, most frequent first."""
    return dict(Counter(failed.values()).most_common())


def digest_of(asked) -> str:
    """The SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
