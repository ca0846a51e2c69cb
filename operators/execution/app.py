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
from .refusals import readable
from .stages import DELEGATED_REPORT_SECONDS, REPORT_SECONDS, job_title, throttled
from .stopping import Stopped, stoppable

T = TypeVar("T")

logger = logging.getLogger(__name__)


def stream(ctx: foo.ExecutionContext, work: Callable[[Progress], T]) -> Generator[object, None, T]:
    """Run ``work(progress)`` for an operator's ``execute`` and yield its progress to the App.

    Args:
        ctx: the execution context
        work: a callable that takes ``progress(fraction, message)``

    Yields:
        progress messages

    Returns:
        the result of ``work``; use ``result = yield from stream(ctx, work)``

    Raises:
        Exception: any that ``work`` raised
    """
    title = job_title((ctx.operator_uri or "").rpartition("/")[2], ctx.params)
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
        yield ctx.ops.set_progress(progress=item[0], label=item[1])
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def failed(ctx: foo.ExecutionContext, error: Exception) -> Generator[object, None, None]:
    """Show a failure as one sentence, then raise it.

    FiftyOne's App swallows exceptions of a generator, so the sentence is sent first.
    """
    sentence = one_sentence(error)
    if not ctx.delegated:
        stopped = isinstance(error, Stopped)
        yield ctx.ops.notify(sentence, variant="info" if stopped else "error")
        yield show(ctx, failure_title(error), sentence)
        logger.info("%s failed", ctx.operator_uri, exc_info=error)
    raise (type(error) if type(error) in (ValueError, TypeError) else RuntimeError)(sentence) from None


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
