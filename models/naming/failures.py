"""Failures of a model server, and what is to be done about each."""

import re
import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openai

NO_KEY = "not-needed"  # the openai package wants a key even for servers that take none
STOP, AGAIN, NEXT, LESS = "stop", "again", "next", "less"  # all of it, the call, this cluster, our demands
NOT_REACHED, TIMED_OUT, FILTERED = "server not reached", "no answer in time", "filtered"
BROKEN, TOO_LARGE, NO_ANSWER = "connection broken", "answer too large", "not an API answer"
UNANSWERED = (TIMED_OUT, BROKEN, TOO_LARGE, NO_ANSWER)  # the question arrived, and may have to be paid for
# How OpenAI, Azure and OpenRouter say that their filter, not the key or the question, is why there is no answer
_FILTER = re.compile(r"content[_ ]filter|content[_ ]policy|content management policy|moderation|flagged", re.IGNORECASE)
_SECRET = re.compile(r"\b(?:sk|key|pk)-[A-Za-z0-9_*-]{6,}|(?i:bearer)\s+\S+")


class Failure(Exception):
    """A call that gave no answer.

    Args:
        reason: a short phrase, the same for all failures of that kind
        kind: ``stop`` if no other call can succeed, ``again`` if this one may, ``next`` if only this question fails,
            ``less`` if the server cannot do what was asked of it
        detail: what the server said, on one line and without the key
        wait: seconds that the server asks us to wait
    """

    def __init__(self, reason: str, kind: str, detail: str = "", wait: float | None = None):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.kind, self.detail, self.wait = reason, kind, detail, wait


def redact(text: str, key: str | None = None, letters: int = 300) -> str:
    """Return a server's words on one line, without the key or anything that looks like one."""
    if key and key != NO_KEY:
        text = text.replace(key, "***")
    # half characters and control characters, which JSON can carry and a database or a terminal cannot
    text = "".join(c if c.isprintable() else " " for c in _SECRET.sub("***", text))
    return " ".join(text.split())[:letters]


def failure_of(error: "openai.APIError", key: str | None) -> Failure:
    """Translate an error of the ``openai`` package.

    Args:
        error: an ``openai.APIError``
        key: the key, which servers like to repeat in their messages

    Returns:
        a :class:`Failure`
    """
    import openai

    if isinstance(error, openai.APITimeoutError):
        return Failure(TIMED_OUT, AGAIN)
    if isinstance(error, openai.APIConnectionError):
        return _connection_failure(error)
    code, said = getattr(error, "status_code", None), redact(_message(error), key)
    if _FILTER.search(said) and code in (400, 403, 422):
        return Failure(FILTERED, NEXT, said)
    if code in (401, 403, 404):
        reason = {401: "key refused", 403: "access denied", 404: "model or address not found"}[code]
        return Failure(f"{reason} ({code})", STOP, said)
    if code == 402 or (code == 429 and ("insufficient_quota" in said or "billing" in said)):
        return Failure(f"quota used up ({code})", STOP, said)
    if code == 429:
        return Failure("too many requests (429)", AGAIN, said, _retry_after(error))
    if code in (408, 409) or (code or 0) >= 500:
        return Failure(f"server error ({code})", AGAIN, said, _retry_after(error))
    if code and code < 400:
        return Failure(f"redirected ({code})", STOP, "give the address it really has as base_url")
    return Failure(f"request refused ({code})", LESS, said)


def _message(error: Exception) -> str:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, dict):
        return " ".join(str(inner[key]) for key in ("code", "message") if inner.get(key))
    return str(error)


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            seconds = _seconds_until(headers.get(name, ""))
        if 0 <= seconds < 1e6:
            return seconds
    return None


def _seconds_until(date: str) -> float:
    """Return the seconds until a date as HTTP writes it, -1 if it is none."""
    try:
        return max((parsedate_to_datetime(date) - datetime.now(timezone.utc)).total_seconds(), 0.0)
    except (TypeError, ValueError):  # no date, or one without a time zone
        return -1.0


def _connection_failure(error: Exception) -> Failure:
    import httpx2

    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 10:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(link, ssl.SSLError) for link in chain):
        said = next(str(link) for link in chain if isinstance(link, ssl.SSLError))
        return Failure("TLS failure", STOP, redact(said))
    if any(isinstance(link, httpx2.ConnectError) for link in chain):
        return Failure(NOT_REACHED, AGAIN, redact(str(chain[-1])))
    return Failure(BROKEN, AGAIN, redact(str(chain[-1])))
