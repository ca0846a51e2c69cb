"""Refusals that people can read, whatever was given: a sentence of less than 300 characters."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

LIMIT = 300  # characters
_START, _END = 170, 110
_Call = TypeVar("_Call", bound=Callable[..., Any])


def readable(sentence: str) -> str:
    """Shorten a sentence in its middle, where the value is; what is wrong and the remedy are at its ends."""
    if len(sentence) < LIMIT:
        return sentence
    start, end = (" ".join(text.split()) for text in (sentence[:_START], sentence[-_END:]))
    return f"{start} … {end}"


def refuses_readably(call: _Call) -> _Call:
    """Return ``call`` with its refusals shortened: an array as an argument would print millions of characters."""

    @functools.wraps(call)
    def shortened(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except (ValueError, TypeError) as error:
            if len(str(error)) < LIMIT:
                raise
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(readable(str(error))) from None

    return shortened  # type: ignore[return-value]  # wraps() keeps the signature, which mypy cannot see
