"""Expected costs of a job, and the cores it may use."""

import os
import shutil
from typing import NamedTuple

# How much faster a network is on a GPU than on one core, and the share of each further core that it gains
_GPU_SPEEDUP, _SHARE_OF_CORE = 40, 0.8


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


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_gpu() -> bool:
    """Return whether this machine has an NVIDIA GPU, judged by its driver's tools; imports nothing."""
    return shutil.which("nvidia-smi") is not None


def network_speedup() -> float:
    """Return how many times faster than one core this machine runs a network, to the order of magnitude."""
    return _GPU_SPEEDUP if has_gpu() else max(1.0, cores() * _SHARE_OF_CORE)
