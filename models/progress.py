"""Progress of long work: the callable that every long loop takes, and the one for work that nobody watches."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Called with the done fraction in [0, 1] and a message; what it raises stops the work."""

    def __call__(self, fraction: float, message: str = "", /) -> object:
        """Report progress."""


def within(progress: Progress, start: float, share: float) -> Progress:
    """Return the progress of a share of some work.

    Args:
        progress: the progress of all of it
        start: the fraction of it that is done before, in [0, 1]
        share: the fraction that the share is
    """
    return lambda fraction, message="": progress(start + fraction * share, message)


def quiet(fraction: float, message: str = "", /) -> None:
    """Report nothing."""
