"""The checked arguments of ``label_clusters``, and what is refused before any work."""

import os
from dataclasses import dataclass

from ...models.labels import NOISE
from ...models.naming.addresses import OPENAI, origin_of
from ...models.naming.prompt import Instructions, split_words
from ..runs.run import Run
from .server import OPENAI_URL, ServerChoice

LARGEST_VOCABULARY = 1_000_000  # bytes of a file of words


@dataclass(frozen=True)
class NamingRequest:
    """The checked arguments of :func:`label_clusters`.

    Args:
        run: the run
        source: where names come from
        instructions: :class:`models.naming.prompt.Instructions`
        words: the vocabulary, empty for any name
        choice: the server, or None
        given: all arguments by name
    """

    run: Run
    source: str
    instructions: Instructions
    words: list[str]
    choice: ServerChoice | None
    given: dict


def read_words(vocabulary) -> list[str]:
    """The words of a vocabulary: a list, a text, or the path of a text file.

    Raises:
        ValueError: in one sentence, if there are none or the file cannot be read
    """
    if vocabulary is None or vocabulary == "":
        return []
    if isinstance(vocabulary, list):
        words = [" ".join(str(word).split()) for word in vocabulary]
    elif vocabulary.strip().endswith(".txt") and "\n" not in vocabulary:
        words = split_words(_file(os.path.expanduser(vocabulary.strip())) + "\n")
    else:
        words = split_words(vocabulary)
    words = list(dict.fromkeys(word for word in words if word))
    if not words:
        raise ValueError(f"vocabulary={vocabulary!r} has no words; give a list, a text or the path of a .txt file")
    return words


def _file(path) -> str:
    try:
        if os.path.getsize(path) > LARGEST_VOCABULARY:
            raise ValueError(f"the vocabulary {path!r} has more than {LARGEST_VOCABULARY:,} bytes; give a shorter one")
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ValueError(f"the vocabulary {path!r} cannot be read: {reason}; give the path of a text file") from None


def check_consent(request: NamingRequest):
    """Raises ValueError, in one sentence, if images would go to a host that the user has not agreed to."""
    if agreed(request.choice, request.given):
        return
    sizes = [c["size"] for c in request.run.clusters if c["id"] != NOISE]
    n = sum(min(size, request.instructions.n_exemplars) for size in sizes)
    refuse_without_consent(n, request.instructions.image_size, request.choice, request.given)


def agreed(choice: ServerChoice, given: dict) -> bool:
    """Whether images may go to a server: it is this machine, or the user agreed and knows which one it is.

    An address that only the environment names is none that a Python caller has agreed to.
    """
    known = given["base_url"] or origin_of(choice.base_url) == origin_of(OPENAI)
    return choice.local or bool(given["consent"] and known)


def refuse_without_consent(n_images: int, side: int, choice: ServerChoice, given: dict):
    """Raises ValueError, in one sentence that says what would be sent where and how to agree."""
    how = "set consent=True (in the App: tick the box)"
    if given["consent"]:
        how = f"its address is from the secret {OPENAI_URL}, so add base_url={choice.base_url!r}"
    raise ValueError(
        f"nothing was sent: up to {n_images:,} images of at most {side} x {side} pixels would go to {choice.host}; "
        f"{how} if you agree, or dry_run=True to see them first"
    )
