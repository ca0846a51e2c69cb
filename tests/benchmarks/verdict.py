"""Claims of a benchmark, checked; a benchmark with a claim that fails exits with status 1."""

import sys

_failed = []


def claim(text: str, holds: bool):
    """Prints a claim with its verdict."""
    print(f"{text}: {'holds' if holds else 'FAILS'}", flush=True)
    if not holds:
        _failed.append(text)


def finish():
    """Ends the benchmark."""
    sys.exit(1 if _failed else 0)
