"""Choice of the model server: its address, model, price and key.

Keys come from the secrets of FiftyOne and stay in memory: no form, run, log or error has them.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import fiftyone.operators as foo

from ...models.naming.addresses import OPENAI, check_base_url, host_of, is_local, origin_of
from ...models.naming.prices import Price, price_of

# Declared in fiftyone.yml; FiftyOne reads them from the environment of the process that runs the operator
OPENAI_KEY, OPENAI_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
OTHER_KEY, MODEL = "CONSTELLATION_LLM_API_KEY", "CONSTELLATION_LLM_MODEL"
SECRETS = (OPENAI_KEY, OPENAI_URL, OTHER_KEY, MODEL)
DEFAULT_MODEL = "gpt-6-luna"
LIST_SECONDS = 3
_CACHED = 60  # seconds for which a server's list of models is shown again
_lists: dict[str, tuple[float, list[str]]] = {}


@dataclass(frozen=True)
class ServerChoice:
    """A model at a server, without its key.

    Args:
        base_url: the server's address
        model: the model's name there
        api: ``auto``, ``responses`` or ``chat``
        price: its price, None where it is not known
    """

    base_url: str
    model: str
    api: str
    price: Price | None

    @property
    def host(self) -> str:
        """The server's host, with its port if it has one."""
        return host_of(self.base_url)

    @property
    def local(self) -> bool:
        """True for this machine, which images then do not leave."""
        return is_local(self.base_url)


def read_secrets(ctx: foo.ExecutionContext | None = None) -> dict[str, str | None]:
    """Read the secrets that naming may use, from the operator's context, or as FiftyOne finds them for Python."""
    uri = "@constellation/clusters/label_clusters"
    ctx = ctx or foo.ExecutionContext({}, operator_uri=uri, required_secrets=list(SECRETS))
    found = {name: ctx.secrets.get(name) for name in SECRETS}
    # a context that resolves them only now gives the secret itself, not its value
    return {name: getattr(secret, "value", secret) or None for name, secret in found.items()}


def choose_server(
    base_url: str | None,
    model: str | None,
    api: str,
    price: Sequence[float] | None,
    secrets: dict[str, str | None],
) -> ServerChoice:
    """Return the server and model that are meant.

    Args:
        base_url: its address; by default the secret ``OPENAI_BASE_URL``, else OpenAI
        model: the model's name; by default the secret ``CONSTELLATION_LLM_MODEL``, else OpenAI's cheapest that sees
        api: ``auto``, ``responses`` or ``chat``
        price: US dollars per million tokens in and out, or None for the table's
        secrets: from :func:`read_secrets`

    Raises:
        ValueError: if the address, model or price is not usable
    """
    url = check_base_url(base_url or secrets.get(OPENAI_URL) or OPENAI)
    named = (model or secrets.get(MODEL) or (DEFAULT_MODEL if host_of(url) == host_of(OPENAI) else "")).strip()
    if not named or not named.isprintable() or len(named) > 200:
        raise ValueError(f"model={model!r} names no model of {host_of(url)}; give the name the server knows it by")
    return ServerChoice(url, named, api, price_of(named, price, is_local(url)))


def key_for(choice: ServerChoice, secrets: dict[str, str | None]) -> str | None:
    """Return the key for a server. OpenAI's goes to OpenAI, or to the address that is a secret beside it, nowhere else.

    Raises:
        ValueError: if OpenAI is meant and there is none, or a key cannot be sent
    """
    own, origin = secrets.get(OPENAI_URL), origin_of(choice.base_url)
    if origin == origin_of(OPENAI) or (own and origin == origin_of(check_base_url(own))):
        key = _usable_key(secrets, OPENAI_KEY)
        if not key and origin == origin_of(OPENAI):
            raise ValueError(
                f"there is no key for {choice.host}; set {OPENAI_KEY} in the environment of the process that runs "
                "this (the App, or the worker), or choose another server"
            )
        return key
    return _usable_key(secrets, OTHER_KEY)


def _usable_key(secrets: dict[str, str | None], name: str) -> str | None:
    """Return a key without the blanks that copying leaves around it; refuse what no header can carry, unshown."""
    key = (secrets.get(name) or "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise ValueError(
            f"the secret {name} has {len(key)} characters, among them blanks or letters that no key has; set it again"
        )
    return key or None


def key_hint(choice: ServerChoice) -> str:
    """Return where the key for a server has to be, for a user whose key was refused."""
    if origin_of(choice.base_url) == origin_of(OPENAI):
        return f"check the secret {OPENAI_KEY}"
    return f"set the secret {OTHER_KEY}, for {OPENAI_KEY} goes to OpenAI or the address in {OPENAI_URL} only"


def list_models(choice: ServerChoice, secrets: dict[str, str | None]) -> list[str]:
    """List the models of a server, cached for a minute; empty if it lists none in a few seconds.

    Call it only once the user has agreed to contact that host.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from ...models.naming.client import Server
    from ...models.naming.failures import Failure

    at, names = _lists.get(choice.base_url, (0.0, []))
    if at and time.monotonic() - at < _CACHED:
        return names

    async def ask() -> list[str]:
        server = Server(choice.base_url, choice.model, choice.api, key_for(choice, secrets), LIST_SECONDS)
        try:
            return await server.models()
        except Failure:
            return []
        finally:
            await server.close()

    try:
        with ThreadPoolExecutor(1) as pool:  # a loop may be running in this thread
            names = pool.submit(asyncio.run, ask()).result()
    except ValueError:  # no key
        return []
    _lists[choice.base_url] = (time.monotonic(), names)
    return names
