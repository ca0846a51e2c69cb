"""Expected costs of a job, and the cores it may use."""

import os
import shutil
from typing import NamedTuple

GPU_SPEEDUP = 40  # of a network, over one CPU core
CORE_SHARE = 0.8  # of a further core, that a network on the CPU makes use of


class Cost(NamedTuple):
    """Expected needs of a fit, to the order of magnitude.

    Args:
        seconds: CPU seconds on one core
        bytes: working memory beyond the vectors themselves
    """

    seconds: float
    bytes: int


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``"8 s"``, ``"2 min"`` or ``"1.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def free_memory() -> int:
    """Return the bytes of memory that this machine has free."""
    import psutil

    return int(psutil.virtual_memory().available)


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ExpectedDevice(NamedTuple):
    """Device that a network would compute on.

    Args:
        name: as text, ``"a GPU"`` or ``"the CPU"``
        speedup: over one CPU core, to the order of magnitude
    """

    name: str
    speedup: float


def expected_device() -> ExpectedDevice:
    """Guess the device that a network would compute on, without loading torch."""
    if shutil.which("nvidia-smi"):
        return ExpectedDevice("a GPU", GPU_SPEEDUP)
    return ExpectedDevice("the CPU", max(1.0, cores() * CORE_SHARE))
