"""Progress of long work: the callable that every long loop takes, and the one for work that nobody watches."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Called with the done fraction in [0, 1] and a message; what it raises stops the work."""

    def __call__(self, fraction: float, message: str = "", /) -> object:
        """Report progress."""


def quiet(fraction: float, message: str = "", /) -> None:
    """Report nothing."""
