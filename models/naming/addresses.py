"""Addresses of model servers: which are valid, whose they are, and which of them are this machine."""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from .failures import redact

OPENAI = "https://api.openai.com/v1"
# Programs disagree about what other characters in a host mean, so the host shown might not be the one contacted
_HOST = re.compile(r"(?:\w[\w-]*\.)*\w[\w-]*\.?|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The part of a server's address that a key belongs to."""

    scheme: str
    host: str
    port: int


def check_base_url(url: str) -> str:
    """Return a server's address without its last slash.

    Raises:
        ValueError: if it is none, or carries anything secret
    """
    shown = redact(str(url))[:80]
    unusable = ValueError(f"base_url {shown!r} is no address; give one like http://localhost:11434/v1")
    try:
        parts = urlsplit(url.strip() if isinstance(url, str) and url.strip().isprintable() else "")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise unusable from None
    if not host or parts.scheme not in _PORTS or " " in url.strip() or not _HOST.fullmatch(host):
        raise unusable
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            f"base_url of {host} carries a user name, a password or a query, which would be stored with the run; give "
            "the bare address and keep the key as a secret"
        )
    return url.strip().rstrip("/")


def host_of(url: str) -> str:
    """Return the host of a server's address, with its port if it has one."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of a server's address, to which a key belongs."""
    parts = urlsplit(url)
    return Origin(parts.scheme, str(parts.hostname), parts.port or _PORTS[parts.scheme])


def is_local(url: str) -> bool:
    """Return whether a server runs on this machine, so that nothing leaves it."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":  # names below it, such as x.localhost, may be anywhere: name servers are asked for them
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
