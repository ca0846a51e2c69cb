"""Hooks of the HTTP client: what leaves is ours only, and an answer that is too large is not read to its end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

LARGEST = 2_000_000  # bytes of an answer; a name takes a few hundred
_HEADERS = {"connection", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
_HEADERS.add("x-stainless-raw-response")  # the package looks for it to know what to return


class AnswerTooLarge(Exception):
    """An answer beyond :data:`LARGEST` bytes."""


def ours_only(key: str) -> "Callable[[httpx2.Request], Awaitable[None]]":
    """Make a hook that takes off what ``OPENAI_CUSTOM_HEADERS``, ``OPENAI_ORG_ID`` and the like add for any server."""

    async def hook(request: "httpx2.Request") -> None:
        for name in {name.lower() for name in request.headers} - _HEADERS:
            del request.headers[name]
        request.headers.update({"Host": request.url.netloc.decode("ascii"), "Authorization": f"Bearer {key}"})

    return hook


async def cap(response: "httpx2.Response") -> None:
    """Stop reading an answer that is larger than any answer can be; runs before its body is read."""
    import httpx2

    if response.headers.get("content-encoding", "identity") not in ("", "identity"):
        raise AnswerTooLarge("it is compressed, so its size is unknown")

    class Capped(httpx2.AsyncByteStream):
        def __init__(self, stream: Any):
            self.stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for chunk in self.stream:
                seen += len(chunk)
                if seen > LARGEST:
                    raise AnswerTooLarge(f"more than {LARGEST // 1_000_000} MB")
                yield chunk

        async def aclose(self) -> None:
            await self.stream.aclose()

    response.stream = Capped(response.stream)
