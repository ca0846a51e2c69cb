"""Stages of a job: the progress of each as a share of the whole, reported at a limited rate."""

import sys
import time
from collections.abc import Mapping
from itertools import accumulate

import fiftyone as fo

from ...models.progress import Progress, quiet

REPORT_SECONDS = 0.3
DELEGATED_REPORT_SECONDS = 2.0


# Stages that usually take most of a job's time, as multiples of the others
USUAL = {"training": 30, "captions": 20, "naming": 20, "embedding": 10, "sweeping": 8, "decoding": 3, "clustering": 3}
LEAST = 0.01  # share of the whole that every stage has, so that each is seen to move


class Stages:
    """Named stages of one piece of work: "2/4 embedding 37 %, 41 images/s", and the seconds each took.

    Args:
        names: the stages in order
        progress (None): a callable ``(fraction, message)``, which may raise to stop the work
        expected (None): the seconds that stages are expected to take, by name; what is not named takes almost none.
            By default as usual, see :data:`USUAL`
    """

    def __init__(
        self, names: list[str], progress: Progress | None = None, expected: Mapping[str, float] | None = None
    ) -> None:
        self.names = list(names)
        self._starts = _starts(self.names, expected)
        self.seconds: dict[str, float] = {}
        self._progress = progress or quiet
        self._current: tuple[str, float] | None = None

    def enter(self, name: str) -> Progress:
        """Start a stage and return its own ``progress(fraction, message="")``."""
        self.leave()
        self._current = (name, time.perf_counter())
        report = self._reporter(name)
        report(0)
        return report

    def leave(self) -> None:
        """End the running stage and record its seconds."""
        if self._current:
            name, started = self._current
            self.seconds[name] = round(self.seconds.get(name, 0) + time.perf_counter() - started, 3)
            self._current = None

    def _reporter(self, name: str) -> Progress:
        position, total = self.names.index(name), len(self.names)
        start, end = self._starts[position : position + 2]

        def report(fraction: float, message: str = "", /) -> None:
            text = f"{position + 1}/{total} {name}"
            detail = message or (f"{100 * fraction:.0f} %" if fraction else "")
            self._progress(start + min(max(fraction, 0), 1) * (end - start), f"{text} {detail}".strip())

        return report


def _starts(names: list[str], expected: Mapping[str, float] | None) -> list[float]:
    """Return where each stage starts on the bar, and 1 for the end."""
    weights = [USUAL.get(name, 1) if expected is None else max(expected.get(name, 0), 0) for name in names]
    total = sum(weights) or 1
    shares = [max(weight / total, LEAST) for weight in weights]
    ends = [end / sum(shares) for end in accumulate(shares)]
    return [0.0, *ends[:-1], 1.0]


def job_title(operator: str, params: dict) -> str:
    """Return the title of a running job, its operator and its product: ``compute_clusters km10``."""
    made = params.get("run_key") or params.get("name") or params.get("embeddings")
    return f"{operator} {made}" if isinstance(made, str) else operator


def throttled(report: Progress, seconds: float) -> Progress:
    """Return ``report`` limited to one call in ``seconds``, beside those at the start of a stage and at the end."""
    reported = 0.0
    last_stage: str | None = None

    def progress(fraction: float, message: str = "", /) -> None:
        nonlocal reported, last_stage
        now = time.monotonic()
        stage = " ".join(message.split()[:2])
        if stage != last_stage or fraction >= 1 or now - reported >= seconds:
            reported, last_stage = now, stage
            report(fraction, message)

    return progress


def console_progress() -> Progress | None:
    """Return a progress callable that rewrites a line of the terminal; None if FiftyOne's progress bars are off."""
    if not fo.config.show_progress_bars or not sys.stderr.isatty():
        return None

    def report(fraction: float, message: str = "", /) -> None:
        end = "\n" if fraction >= 1 else ""
        print(f"\r\033[K{100 * fraction:3.0f} % {message}", end=end, file=sys.stderr, flush=True)

    return throttled(report, REPORT_SECONDS)
