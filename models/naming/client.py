"""One call to a model server through the ``openai`` package: Responses, or Chat Completions as most servers speak it.

The answer is read from the bytes that came, not from the package's own classes, which take whatever a server sends.
Addresses, keys and limits are all passed on, and headers are checked as they leave, so that no variable of the
environment can send images elsewhere or add a key or a header of its own.
Failures become :class:`Failure` with a short reason, and with a kind that tells what to do about it.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..images.thumbnails import jpeg_url
from .addresses import OPENAI, check_base_url, host_of, is_local
from .failures import AGAIN, NEXT, NO_ANSWER, NO_KEY, TIMED_OUT, TOO_LARGE, Failure, failure_of, redact
from .transport import AnswerTooLarge, cap, ours_only

SCHEMA, OBJECT, TEXT = "json_schema", "json_object", "text"


@dataclass(frozen=True)
class Reply:
    """An answer as it came.

    Args:
        text: what the model wrote
        state: ``ok``, ``refused``, ``filtered`` or ``truncated``
        input_tokens: as the server counted, None if it did not
        output_tokens: as the server counted, None if it did not
    """

    text: str
    state: str
    input_tokens: int | None
    output_tokens: int | None


@dataclass
class Demands:
    """Demands that a server was found to meet; lowered step by step where it refuses.

    Args:
        format: ``json_schema``, ``json_object`` or ``text``
        sheet: whether it takes only one image
        limit: what it calls the limit of an answer's tokens, or None
        effort: whether it lets us ask for no reasoning
        detail: whether it lets us say how closely to look
    """

    format: str = SCHEMA
    sheet: bool = False
    limit: str | None = "max_completion_tokens"
    effort: bool = True
    detail: bool = True

    def lower(self, complaint: str) -> bool:
        """Ask for less after a refusal; return whether there was anything left to give up."""
        said = complaint.lower()
        if self.effort and ("reasoning" in said or "effort" in said):
            self.effort = False
        elif self.detail and "detail" in said and "image" in said:
            self.detail = False
        elif self.limit and ("max_completion_tokens" in said or "max_tokens" in said or "max_output" in said):
            self.limit = "max_tokens" if self.limit == "max_completion_tokens" else None
        elif not self.sheet and "image" in said and re.search(r"\b(one|single|1|at most|multiple|too many)\b", said):
            self.sheet = True
        elif self.format != TEXT:
            self.format = OBJECT if self.format == SCHEMA else TEXT
        elif self.effort or self.detail or self.limit:  # an unknown complaint: the bare request is the last attempt
            self.effort = self.detail = False
            self.limit = None
        elif not self.sheet:
            self.sheet = True
        else:
            return False
        return True


class Server:
    """A model at a server.

    Args:
        base_url: its address, such as ``http://localhost:11434/v1``
        model: the model's name there
        api: ``"responses"``, ``"chat"``, or ``"auto"``: Responses at OpenAI, Chat Completions elsewhere
        key (None): the key; never shown, never stored
        timeout (60): seconds after which a call is given up, however slowly its answer drips
    """

    def __init__(self, base_url: str, model: str, api: str = "auto", key: str | None = None, timeout: float = 60):
        import openai

        self.base_url, self.model, self.timeout = check_base_url(base_url), model, timeout
        self.openai = host_of(self.base_url) == host_of(OPENAI)
        self.api = ("responses" if self.openai else "chat") if api == "auto" else api
        self.demands = Demands(effort=self.api == "responses", detail=self.openai or self.api == "responses")
        self._key = key or NO_KEY
        # A proxy sees nothing of what goes through its tunnel to an https address, and all that goes to an http one
        tunnel = self.base_url.startswith("https:") and not is_local(self.base_url)
        http = openai.DefaultAsyncHttpxClient(
            follow_redirects=False,  # images go to the host that the user agreed to, and to no other
            trust_env=tunnel,
            event_hooks={"request": [ours_only(self._key)], "response": [cap]},
            timeout=timeout,
        )
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self.base_url,
            timeout=timeout,
            max_retries=0,
            http_client=http,
            default_headers={"Accept-Encoding": "identity"},
        )

    def __repr__(self) -> str:
        return f"Server({self.base_url!r}, {self.model!r}, api={self.api!r})"

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    async def models(self) -> list[str]:
        """List the names of the server's models.

        Raises:
            Failure: if it lists none
        """
        body = await self._call(self._client.models.with_raw_response.list)
        entries = body.get("data")
        entries = entries if isinstance(entries, list) else []
        names = [entry.get("id") for entry in entries if isinstance(entry, dict)]
        return sorted({name[:200] for name in names if isinstance(name, str) and name.isprintable()})[:500]

    async def ask(self, system: str, text: str, pictures: list[bytes], schema: dict, title: str, limit: int) -> Reply:
        """Ask once.

        Args:
            system: the rules
            text: the question
            pictures: JPEG files
            schema: the JSON schema of the answer
            title: what the schema is called
            limit: tokens of the answer, at most

        Returns:
            a :class:`Reply`

        Raises:
            Failure: if there is no answer
        """
        if self.api == "responses":
            asked = self._responses(system, text, pictures, schema, title, limit)
            body = await self._call(self._client.responses.with_raw_response.create, **asked)
            return self._read(body, _read_responses)
        asked = self._chat(system, text, pictures, schema, title, limit)
        body = await self._call(self._client.chat.completions.with_raw_response.create, **asked)
        return self._read(body, _read_chat)

    def _responses(
        self, system: str, text: str, pictures: list[bytes], schema: dict, title: str, limit: int
    ) -> dict[str, Any]:
        detail = "low" if len(pictures) > 1 and self.demands.detail else "auto"
        images = [{"type": "input_image", "image_url": jpeg_url(p), "detail": detail} for p in pictures]
        formats = {SCHEMA: {"type": SCHEMA, "name": title, "schema": schema, "strict": True}, OBJECT: {"type": OBJECT}}
        asked: dict[str, Any] = {
            "model": self.model,
            "instructions": system,
            "input": [{"role": "user", "content": [{"type": "input_text", "text": text}, *images]}],
            "store": False,  # the default keeps what was sent for a month
        }
        if self.demands.format in formats:
            asked["text"] = {"format": formats[self.demands.format]}
        if self.demands.effort:
            asked["reasoning"] = {"effort": "none"}
        return {**asked, "max_output_tokens": limit} if self.demands.limit else asked

    def _chat(
        self, system: str, text: str, pictures: list[bytes], schema: dict, title: str, limit: int
    ) -> dict[str, Any]:
        detail = {"detail": "low"} if self.demands.detail and len(pictures) > 1 else {}
        images = [{"type": "image_url", "image_url": {"url": jpeg_url(p), **detail}} for p in pictures]
        inner = {"name": title, "schema": schema, "strict": True}
        formats = {SCHEMA: {"type": SCHEMA, "json_schema": inner}, OBJECT: {"type": OBJECT}}
        # servers without eyes take nothing but plain text
        content = [{"type": "text", "text": text}, *images] if images else text
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": content}],
        }
        if self.demands.format in formats:
            asked["response_format"] = formats[self.demands.format]
        if self.openai:
            asked["store"] = False
        return {**asked, self.demands.limit: limit} if self.demands.limit else asked

    async def _call(self, create: Callable[..., Awaitable[Any]], **asked: Any) -> dict:
        import openai

        try:
            raw = await asyncio.wait_for(create(**asked), self.timeout)
        except asyncio.TimeoutError:
            raise Failure(TIMED_OUT, AGAIN, f"after {self.timeout:g} s") from None
        except openai.APIError as error:
            raise failure_of(error, self._key) from None
        except AnswerTooLarge as error:
            raise Failure(TOO_LARGE, NEXT, str(error)) from None
        try:
            body = json.loads(raw.content if isinstance(raw.content, bytes) else raw.text)
        except (ValueError, RecursionError):
            raise Failure(NO_ANSWER, NEXT, self._said(raw.text)) from None
        if not isinstance(body, dict):
            raise Failure(NO_ANSWER, NEXT, type(body).__name__)
        return body

    def _read(self, body: dict, read: Callable[[dict], tuple[str, str]]) -> Reply:
        try:
            text, state = read(body)
        except (KeyError, TypeError, IndexError, AttributeError):
            raise Failure(NO_ANSWER, NEXT, "its parts are not where they belong") from None
        usage = body.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        inputs = _count(usage.get("input_tokens", usage.get("prompt_tokens")))
        outputs = _count(usage.get("output_tokens", usage.get("completion_tokens")))
        return Reply(self._clean(text), state, inputs, outputs)

    def _clean(self, text: str) -> str:
        """Take the key out of an answer: a server that knows it must not have it stored as a name."""
        return text if self._key == NO_KEY else text.replace(self._key, "***")

    def _said(self, text: str) -> str:
        return redact(text, self._key)


def _read_responses(body: dict) -> tuple[str, str]:
    if body.get("error"):
        raise Failure("server error (in the answer)", AGAIN)
    parts = [p for item in body["output"] if item.get("type") == "message" for p in item["content"]]
    refusal = any(part.get("type") == "refusal" for part in parts)
    text = "".join(str(part["text"]) for part in parts if part.get("type") == "output_text")
    if body.get("status") == "incomplete":
        filtered = (body.get("incomplete_details") or {}).get("reason") == "content_filter"
        return text, "filtered" if filtered else "truncated"
    return text, "refused" if refusal else "ok"


def _read_chat(body: dict) -> tuple[str, str]:
    choice = body["choices"][0]
    message, end = choice["message"], choice.get("finish_reason")
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    state = {"length": "truncated", "content_filter": "filtered"}.get(end, "ok")
    return str(content), "refused" if message.get("refusal") else state


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**8 else None
