"""How work runs: with stages that report, in the App, from Python, or delegated.

The work itself is a plain function that takes ``progress(fraction, message)``. Here it gets its audience.
"""

import asyncio
import inspect
import logging
import queue
import sys
import threading
import time

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..models.parameters import plain
from .stopping import Stopped, stoppable

logger = logging.getLogger(__name__)

REPORT_SECONDS = 0.3
DELEGATED_REPORT_SECONDS = 2.0


class Stages:
    """Named stages of one piece of work: "2/4 embedding 37 %, 41 images/s", and the seconds each took.

    Args:
        names: the stages in order
        progress (None): a callable ``(fraction, message)``, which may raise to stop the work
    """

    def __init__(self, names: list[str], progress=None):
        self.names = list(names)
        self.seconds = {}
        self._progress = progress or (lambda fraction, message: None)
        self._current = None

    def enter(self, name: str):
        """Starts a stage and returns its own ``progress(fraction, message="")``."""
        self.leave()
        self._current = (name, time.perf_counter())
        report = self._reporter(name)
        report(0)
        return report

    def leave(self):
        """Ends the running stage and books its seconds."""
        if self._current:
            name, started = self._current
            self.seconds[name] = round(self.seconds.get(name, 0) + time.perf_counter() - started, 3)
            self._current = None

    def _reporter(self, name):
        position, total = self.names.index(name), len(self.names)

        def report(fraction, message=""):
            text = f"{position + 1}/{total} {name}"
            detail = message or (f"{100 * fraction:.0f} %" if fraction else "")
            self._progress((position + min(max(fraction, 0), 1)) / total, f"{text} {detail}".strip())

        return report


class PythonCall:
    """Makes an operator callable: ``op(samples, ...)`` runs its plain function and returns what that returns.

    The call is synchronous everywhere, notebooks included, has no time limit, and can be stopped from another process
    with ``stop_clustering`` if its function takes ``progress``. ``delegate=True`` queues it
    for ``fiftyone delegated launch`` instead and returns ``{"delegated": True, "id": ...}``, where that is offered.
    Subclasses define ``work``, the plain function, and may define ``check``, which refuses its arguments early.
    """

    work = None
    check = None

    def __call__(self, samples, *args, delegate: bool = False, **kwargs):
        """Runs ``work(samples, ...)``; see its docstring for the arguments."""
        work = type(self).work
        if not isinstance(samples, fo.core.collections.SampleCollection):
            raise ValueError(f"samples are {type(samples).__name__}; pass a FiftyOne dataset or view")
        if not delegate:
            if "progress" not in inspect.signature(work).parameters:
                return work(samples, *args, **kwargs)
            told = kwargs.pop("progress", None) or console_progress()
            with stoppable(samples, job_title(self.name, kwargs), told) as progress:
                return work(samples, *args, progress=progress, **kwargs)
        if not self.config.allow_delegated_execution:
            raise ValueError(f"{self.name} takes no time and cannot be delegated; leave delegate out")
        try:
            bound = inspect.signature(work).bind(samples, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None
        params = plain({key: value for key, value in bound.arguments.items() if key not in ("samples", "progress")})
        for key, value in params.items():
            if not _storable(value):
                raise ValueError(f"{key}={value!r} cannot be sent to a worker; give plain data, an encoder by its name")
        if self.check:
            bound.apply_defaults()
            self.check(**{**bound.arguments, **params})
        return schedule(self.uri, samples, params)


def _storable(value) -> bool:
    import bson

    try:
        bson.encode({"value": value})
    except (bson.errors.InvalidDocument, OverflowError):
        return False
    return True


def schedule(uri: str, samples, params: dict) -> dict:
    """Queues an operator for a delegated worker.

    Args:
        uri: the operator's URI
        samples: a dataset or view
        params: its parameters, plain data

    Returns:
        ``{"delegated": True, "id": <operation id>}``
    """
    ctx = {"view": samples.view(), "params": params, "request_delegation": True}
    outcome = {}

    def queue_it():
        try:
            outcome["result"] = foo.execute_operator(uri, ctx=ctx)
        except Exception as error:
            outcome["error"] = error

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        queue_it()
    else:  # a notebook's loop is running, and FiftyOne would hand back a task; a thread has no loop
        thread = threading.Thread(target=queue_it)
        thread.start()
        thread.join()
    if "error" in outcome:
        raise ValueError(one_sentence(outcome["error"]))
    return {"delegated": True, "id": str(outcome["result"].result["id"])}


def stream(ctx, work):
    """Runs ``work(progress)`` for an operator's ``execute`` and yields what the App should see meanwhile.

    Args:
        ctx: the :class:`fiftyone.operators.ExecutionContext`
        work: a callable that takes ``progress(fraction, message)``

    Yields:
        progress messages

    Returns:
        what ``work`` returned; use ``result = yield from stream(ctx, work)``

    Raises:
        Exception: what ``work`` raised
    """
    title = job_title((ctx.operator_uri or "").rpartition("/")[2], ctx.params)
    if ctx.delegated:
        told = throttled(lambda f, m: ctx.set_progress(progress=f, label=m), DELEGATED_REPORT_SECONDS)
        with stoppable(ctx.dataset, title, told) as progress:
            return work(progress)
    news = queue.Queue()
    outcome = {}

    def target():
        try:
            told = throttled(lambda f, m: news.put((f, m)), REPORT_SECONDS)
            with stoppable(ctx.dataset, title, told) as progress:
                outcome["result"] = work(progress)
        except BaseException as error:
            outcome["error"] = error
        finally:
            news.put(None)

    thread = threading.Thread(target=target, name="constellation", daemon=True)
    thread.start()
    while (item := news.get()) is not None:
        yield ctx.ops.set_progress(progress=item[0], label=item[1])
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def failed(ctx, error: Exception):
    """Shows a failure as one sentence, then lets it fail the call.

    FiftyOne's App swallows what a generator raises, so the sentence is sent first.
    """
    sentence = one_sentence(error)
    if not ctx.delegated:
        stopped = isinstance(error, Stopped)
        yield ctx.ops.notify(sentence, variant="info" if stopped else "error")
        title = "Stopped" if stopped else "Nothing was changed" if isinstance(error, ValueError) else "Failed"
        yield show(ctx, title, sentence)
        logger.info("%s failed", ctx.operator_uri, exc_info=error)
    raise (type(error) if type(error) in (ValueError, TypeError) else RuntimeError)(sentence) from None


def show(ctx, title: str, markdown: str):
    """The message that shows ``markdown`` as the operator's output in the App."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    return ctx.ops.show_output(types.Property(outputs, view=types.View(label=title)).to_json(), {"text": markdown})


def job_title(operator: str, params: dict) -> str:
    """What a job is called while it runs: its operator and what it makes, ``compute_clusters km10``."""
    made = params.get("run_key") or params.get("name") or params.get("embeddings")
    return f"{operator} {made}" if isinstance(made, str) else operator


def throttled(report, seconds: float):
    """``report`` at most every ``seconds``, and always when a stage starts or all is done."""
    last = {"time": 0.0, "stage": None}

    def progress(fraction, message=""):
        now = time.monotonic()
        stage = " ".join(message.split()[:2])
        if stage != last["stage"] or fraction >= 1 or now - last["time"] >= seconds:
            last.update(time=now, stage=stage)
            report(fraction, message)

    return progress


def console_progress():
    """One self-overwriting line on a terminal, or nothing where FiftyOne's progress bars are off."""
    if not fo.config.show_progress_bars or not sys.stderr.isatty():
        return None

    def report(fraction, message=""):
        end = "\n" if fraction >= 1 else ""
        print(f"\r\033[K{100 * fraction:3.0f} % {message}", end=end, file=sys.stderr, flush=True)

    return throttled(report, REPORT_SECONDS)


def one_sentence(error: Exception) -> str:
    """The last line of an error's text, which in FiftyOne's nested tracebacks is the message itself."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    for prefix in ("ValueError: ", "TypeError: ", "RuntimeError: "):
        text = text.removeprefix(prefix)
    return text
