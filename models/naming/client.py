"""One call to a model server through the ``openai`` package: Responses, or Chat Completions as most servers speak it.

The answer is read from the bytes that came, not from the package's own classes, which take whatever a server sends.
Addresses, keys and limits are all passed on, and headers are checked as they leave, so that no variable of the
environment can send images elsewhere or add a key or a header of its own.
Failures become :class:`Failure` with a short reason, and with a kind that tells what to do about it.
"""

import asyncio
import json
import re
from dataclasses import dataclass

from ..images.thumbnails import jpeg_url
from .addresses import OPENAI, check_base_url, host_of, is_local
from .failures import AGAIN, NEXT, NO_ANSWER, NO_KEY, TIMED_OUT, TOO_LARGE, Failure, failure_of, redact

LARGEST = 2_000_000  # bytes of an answer; a name takes a few hundred
SCHEMA, OBJECT, TEXT = "json_schema", "json_object", "text"
_HEADERS = {"connection", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
_HEADERS.add("x-stainless-raw-response")  # the package looks for it to know what to return


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
    """What a server was found to take; lowered step by step where it refuses.

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
        """Asks for less after a refusal; returns whether there was anything left to give up."""
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

    def __init__(self, base_url, model, api="auto", key=None, timeout: float = 60):
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
            event_hooks={"request": [_ours_only(self._key)], "response": [_cap]},
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

    def __repr__(self):
        return f"Server({self.base_url!r}, {self.model!r}, api={self.api!r})"

    async def close(self):
        """Ends all connections."""
        await self._client.close()

    async def models(self) -> list[str]:
        """The names of the models that the server lists.

        Raises:
            Failure: if it lists none
        """
        body = await self._call(self._client.models.with_raw_response.list)
        entries = body.get("data") if isinstance(body.get("data"), list) else []
        names = [entry.get("id") for entry in entries if isinstance(entry, dict)]
        return sorted({name[:200] for name in names if isinstance(name, str) and name.isprintable()})[:500]

    async def ask(self, system: str, text: str, pictures: list[bytes], schema: dict, title: str, limit: int) -> Reply:
        """Asks once.

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
            create = self._client.responses.with_raw_response.create
            body = await self._call(create, **self._responses(system, text, pictures, schema, title, limit))
            return self._read(body, _read_responses)
        create = self._client.chat.completions.with_raw_response.create
        body = await self._call(create, **self._chat(system, text, pictures, schema, title, limit))
        return self._read(body, _read_chat)

    def _responses(self, system, text, pictures, schema, title, limit):
        detail = "low" if len(pictures) > 1 and self.demands.detail else "auto"
        images = [{"type": "input_image", "image_url": jpeg_url(p), "detail": detail} for p in pictures]
        formats = {SCHEMA: {"type": SCHEMA, "name": title, "schema": schema, "strict": True}, OBJECT: {"type": OBJECT}}
        asked = {
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

    def _chat(self, system, text, pictures, schema, title, limit):
        detail = {"detail": "low"} if self.demands.detail and len(pictures) > 1 else {}
        images = [{"type": "image_url", "image_url": {"url": jpeg_url(p), **detail}} for p in pictures]
        inner = {"name": title, "schema": schema, "strict": True}
        formats = {SCHEMA: {"type": SCHEMA, "json_schema": inner}, OBJECT: {"type": OBJECT}}
        # servers without eyes take nothing but plain text
        content = [{"type": "text", "text": text}, *images] if images else text
        asked = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": content}],
        }
        if self.demands.format in formats:
            asked["response_format"] = formats[self.demands.format]
        if self.openai:
            asked["store"] = False
        return {**asked, self.demands.limit: limit} if self.demands.limit else asked

    async def _call(self, create, **asked) -> dict:
        import openai

        try:
            raw = await asyncio.wait_for(create(**asked), self.timeout)
        except asyncio.TimeoutError:
            raise Failure(TIMED_OUT, AGAIN, f"after {self.timeout:g} s") from None
        except openai.APIError as error:
            raise failure_of(error, self._key) from None
        except _TooLarge as error:
            raise Failure(TOO_LARGE, NEXT, str(error)) from None
        try:
            body = json.loads(raw.content if isinstance(raw.content, bytes) else raw.text)
        except (ValueError, RecursionError):
            raise Failure(NO_ANSWER, NEXT, self._said(raw.text)) from None
        if not isinstance(body, dict):
            raise Failure(NO_ANSWER, NEXT, type(body).__name__)
        return body

    def _read(self, body, read) -> Reply:
        try:
            text, state = read(body)
        except (KeyError, TypeError, IndexError, AttributeError):
            raise Failure(NO_ANSWER, NEXT, "its parts are not where they belong") from None
        usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
        inputs = _count(usage.get("input_tokens", usage.get("prompt_tokens")))
        outputs = _count(usage.get("output_tokens", usage.get("completion_tokens")))
        return Reply(self._clean(text), state, inputs, outputs)

    def _clean(self, text):
        """A server that knows the key must not have it stored as a name."""
        return text if self._key == NO_KEY else text.replace(self._key, "***")

    def _said(self, text):
        return redact(text, self._key)


class _TooLarge(Exception):
    """An answer beyond :data:`LARGEST` bytes."""


def _ours_only(key: str):
    """A hook that takes off what ``OPENAI_CUSTOM_HEADERS``, ``OPENAI_ORG_ID`` and the like add for any server."""

    async def hook(request):
        for name in {name.lower() for name in request.headers} - _HEADERS:
            del request.headers[name]
        request.headers.update({"Host": request.url.netloc.decode("ascii"), "Authorization": f"Bearer {key}"})

    return hook


async def _cap(response):
    """Stops reading an answer that is larger than any answer can be; runs before its body is read."""
    import httpx2

    if response.headers.get("content-encoding", "identity") not in ("", "identity"):
        raise _TooLarge("it is compressed, so its size is unknown")

    class Capped(httpx2.AsyncByteStream):
        def __init__(self, stream):
            self.stream = stream

        async def __aiter__(self):
            seen = 0
            async for chunk in self.stream:
                seen += len(chunk)
                if seen > LARGEST:
                    raise _TooLarge(f"more than {LARGEST // 1_000_000} MB")
                yield chunk

        async def aclose(self):
            await self.stream.aclose()

    response.stream = Capped(response.stream)


def _read_responses(body):
    if body.get("error"):
        raise Failure("server error (in the answer)", AGAIN)
    parts = [p for item in body["output"] if item.get("type") == "message" for p in item["content"]]
    refusal = any(part.get("type") == "refusal" for part in parts)
    text = "".join(str(part["text"]) for part in parts if part.get("type") == "output_text")
    if body.get("status") == "incomplete":
        filtered = (body.get("incomplete_details") or {}).get("reason") == "content_filter"
        return text, "filtered" if filtered else "truncated"
    return text, "refused" if refusal else "ok"


def _read_chat(body):
    choice = body["choices"][0]
    message, end = choice["message"], choice.get("finish_reason")
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    state = {"length": "truncated", "content_filter": "filtered"}.get(end, "ok")
    return str(content), "refused" if message.get("refusal") else state


def _count(value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**8 else None
