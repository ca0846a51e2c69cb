"""Jobs in the App: progress, outputs and failures.

The work itself is a plain function that takes ``progress(fraction, message)``.
"""

import logging
import queue
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.progress import Progress
from .handover import PATIENCE_SECONDS, HandedOver, hand_over, in_app
from .refusals import readable
from .stages import DELEGATED_REPORT_SECONDS, REPORT_SECONDS, job_title, throttled
from .stopping import Stopped, stoppable

T = TypeVar("T")
LONG = float("inf")  # seconds of work that nobody waits for
QUICK = 20_000  # images up to which work of unknown length is done at once
OPEN_PANEL = "@constellation/clusters/open_clusters_panel"

logger = logging.getLogger(__name__)


def stream(
    ctx: foo.ExecutionContext, work: Callable[[Progress], T], seconds: float | None = None, quiet: bool = False
) -> Generator[object, None, T]:
    """Run ``work(progress)`` for an operator's ``execute`` and yield its progress to the App.

    Args:
        ctx: the execution context
        work: a callable that takes ``progress(fraction, message)``
        seconds (None): how long it will take; by default short, but for large datasets. What takes long goes on in a
            process of its own if the App has asked for it
        quiet (False): whether to send no progress, for the App opens a dialog for it that has to be closed

    Yields:
        progress messages

    Returns:
        the result of ``work``; use ``result = yield from stream(ctx, work)``

    Raises:
        Exception: any that ``work`` raised, or :class:`operators.execution.handover.HandedOver`; all are for
            :func:`failed`
    """
    title = job_title((ctx.operator_uri or "").rpartition("/")[2], ctx.params)
    if in_app(ctx) and _is_long(ctx, seconds):
        raise hand_over(ctx, title)
    if ctx.delegated:
        report = throttled(lambda f, m="": ctx.set_progress(progress=f, label=m), DELEGATED_REPORT_SECONDS)
        with stoppable(ctx.dataset, title, report) as progress:
            return work(progress)
    news: queue.Queue[tuple[float, str] | None] = queue.Queue()
    outcome: dict[str, Any] = {}

    def target() -> None:
        try:
            report = throttled(lambda f, m="": news.put((f, m)), REPORT_SECONDS)
            with stoppable(ctx.dataset, title, report) as progress:
                outcome["result"] = work(progress)
        except BaseException as error:
            outcome["error"] = error
        finally:
            news.put(None)

    thread = threading.Thread(target=target, name="constellation", daemon=True)
    thread.start()
    while (item := news.get()) is not None:
        if quiet:
            continue
        yield ctx.ops.set_progress(progress=item[0], label=item[1])
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def failed(ctx: foo.ExecutionContext, error: Exception) -> Generator[object, None, None]:
    """Show a failure as one sentence, then raise it; what was handed over is no failure, and its progress is shown.

    FiftyOne's App swallows exceptions of a generator, so the sentence is sent first.
    """
    if isinstance(error, HandedOver):
        yield ctx.ops.notify(f"{error}; the Clusters panel shows how far it is", variant="info")
        yield ctx.trigger(OPEN_PANEL)
        return
    sentence = one_sentence(error)
    if not ctx.delegated:
        stopped = isinstance(error, Stopped)
        yield ctx.ops.notify(sentence, variant="info" if stopped else "error")
        yield show(ctx, failure_title(error), sentence)
        logger.info("%s failed", ctx.operator_uri, exc_info=error)
    raise (type(error) if type(error) in (ValueError, TypeError) else RuntimeError)(sentence) from None


def _is_long(ctx: foo.ExecutionContext, seconds: float | None) -> bool:
    if seconds is None:
        return ctx.dataset is not None and ctx.dataset.count() > QUICK
    return seconds > PATIENCE_SECONDS


def failure_title(error: Exception) -> str:
    """Return the title of the dialog that shows a failure."""
    if isinstance(error, Stopped):
        return "Stopped"
    return "Nothing was changed" if isinstance(error, ValueError) else "Failed"


def show(ctx: foo.ExecutionContext, title: str, markdown: str) -> object:
    """Return the message that shows ``markdown`` as the operator's output in the App."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    return ctx.ops.show_output(types.Property(outputs, view=types.View(label=title)).to_json(), {"text": markdown})


def one_sentence(error: Exception) -> str:
    """Return the last line of an error's text, which in FiftyOne's nested tracebacks is the message itself."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    for prefix in ("ValueError: ", "TypeError: ", "RuntimeError: "):
        text = text.removeprefix(prefix)
    return readable(text)
