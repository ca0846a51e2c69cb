"""Answers of a model about a cluster: the schema it is asked for, and our own check of what came.

An answer is untrusted text. It is parsed as JSON and nothing else, every value is checked, and what is kept is short
plain text on one line: never markup, an address, or anything that a path, a format or a query could take for its own.
"""

import html
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAME_LETTERS, SENTENCE_LETTERS, PHRASE_LETTERS = 60, 240, 120
NO_JSON, NO_NAME, NOT_OFFERED = "no JSON in the answer", "no name in the answer", "a name outside the vocabulary"
_LONGEST = 100_000  # letters of an answer that are looked at
_ADDRESS = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,15}://|(?:javascript|data|mailto|file):)\S*|\bwww\.\S*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,500}>")
_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()]{0,500}\)")
_MARKUP = re.compile(r"[`*~|<>{}$\\]|^[#\s]+|(?<=\s)#+(?=\w)")
_EDGES = " \t'\".,:;!#$-_/=&%@\u2018\u2019\u201c\u201d\u2013\u2014"
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)
_TALK = re.compile(r"(?:i|i'm|sorry|as an|unfortunately|here|sure|the (?:image|picture)s?)\b", re.IGNORECASE)
_ENDINGS = re.compile(r"(?<=\w\w)(?:es|(?<!s)s|e)$")
_NUMBER = re.compile(r" \(\d+\)$")  # by which equal names are told apart
_SMALL_WORDS = {"a", "an", "the", "of", "and", "with", "in", "on"}

NAME_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The name of the group"},
        "description": {"type": "string", "description": "One sentence about what the images share"},
        "coherent": {"type": "boolean", "description": "false if the images show several unrelated things"},
        "confidence": {"type": "number", "description": "From 0 to 1: how sure the name is"},
        "odd_images": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "Numbers of the images that do not belong to the group",
        },
        "distinguishes": {"type": "string", "description": "What tells the group from those nearby, a short phrase"},
    },
    "required": ["name", "description", "coherent", "confidence", "odd_images", "distinguishes"],
    "additionalProperties": False,
}


class Unusable(ValueError):
    """An answer that cannot be used; ``reason`` is a short phrase, the same for all answers with that problem."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """A checked answer about one cluster.

    Args:
        name: short plain text, never empty
        description: one sentence, may be empty
        coherent: whether the images belong together
        confidence: in [0, 1], or None where the model gave none
        outliers: positions, from 0, of the images that do not belong
        distinguishes: what tells the cluster from its neighbors, may be empty
    """

    name: str
    description: str = ""
    coherent: bool = True
    confidence: float | None = None
    outliers: tuple[int, ...] = ()
    distinguishes: str = ""


def read_answer(
    text: str, n_images: int, max_words: int = 4, vocabulary: Sequence[str] = (), lenient: bool = False
) -> Answer:
    """Check an answer.

    Args:
        text: what the model wrote
        n_images: how many images of the cluster it saw, numbered from 1
        max_words (4): words that were asked for; twice as many are tolerated, what is beyond is cut
        vocabulary (()): the only names allowed, by default any
        lenient (False): whether one short line without JSON is taken as the name

    Returns:
        an :class:`Answer`

    Raises:
        Unusable: if there is no usable name in it
    """
    found = find_json(text)
    if found is None:
        line = _THOUGHTS.sub("", text).strip().removeprefix("Name:").strip()
        talk = "\n" in line or len(line) > NAME_LETTERS or len(line.split()) > 2 * max_words or _TALK.match(line)
        if not lenient or talk:
            raise Unusable(NO_JSON)
        found = {"name": line}
    name = plain_name(found.get("name"))
    name = " ".join(name.split()[: max(2 * max_words, 6)])
    if not name:
        raise Unusable(NO_NAME)
    if vocabulary:
        name = _offered(name, vocabulary)
    outliers = _numbers(found.get("odd_images"), n_images)
    return Answer(
        name,
        plain_text(found.get("description"), SENTENCE_LETTERS),
        # where most images are outliers, there is nothing for them to be out of
        str(found.get("coherent")).casefold() not in ("false", "0") and len(outliers) <= n_images / 2,
        _share(found.get("confidence")),
        tuple(outliers) if len(outliers) < n_images else (),
        plain_text(found.get("distinguishes"), PHRASE_LETTERS),
    )


def read_group_names(text: str, n_groups: int, max_words: int = 4) -> list[str]:
    """Check an answer to :func:`models.naming.prompt.contrast_question`.

    Args:
        text: what the model wrote
        n_groups: how many groups it was asked about, numbered from 1
        max_words (4): as for :func:`read_answer`

    Returns:
        a name per group, empty where it gave none; the first one counts where it gave two

    Raises:
        Unusable: if there is no name in it
    """
    found = find_json(text)
    if found is None:
        raise Unusable(NO_JSON)
    names = [""] * n_groups
    entries = found.get("names")
    for entry in entries[:1000] if isinstance(entries, list) else []:
        numbers = _numbers([entry.get("group")], n_groups) if isinstance(entry, dict) else []
        if numbers and not names[numbers[0]]:
            name = plain_name(entry.get("name"))
            names[numbers[0]] = " ".join(name.split()[: max(2 * max_words, 6)])
    if not any(names):
        raise Unusable(NO_NAME)
    return names


def find_json(text: str) -> dict | None:
    """Return the first JSON object in a text, whatever stands around it, or None."""
    text = _THOUGHTS.sub("", str(text)[:_LONGEST])
    decoder = json.JSONDecoder()
    start, tries = text.find("{"), 0
    while start >= 0 and tries < 50:  # a text of nothing but braces would take time that grows with its square
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start, tries = text.find("{", start + 1), tries + 1
            continue
        return found if isinstance(found, dict) else None
    return None


def plain_text(value: Any, letters: int) -> str:
    """Return a value as plain text on one line, without control characters, markup or addresses, cut to ``letters``."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    text = unicodedata.normalize("NFC", html.unescape(str(value)[: 40 * letters]))
    # a zero-width non-joiner is spelling in several scripts; every other invisible character hides something
    text = "".join(c if c == "\u200c" or unicodedata.category(c)[0] != "C" else " " for c in text)
    for pattern, replacement in ((_LINK, r"\1"), (_ADDRESS, " "), (_TAG, " "), (_MARKUP, " ")):
        text = pattern.sub(replacement, text)
    text = " ".join(text.split())
    if len(text) > letters:
        text = text[:letters].rsplit(" ", 1)[0] if " " in text[:letters] else text[:letters]
    return text


def plain_name(value: Any) -> str:
    """Return a value as a name: plain text without quotes and stops around it."""
    return plain_text(plain_text(value, 2 * NAME_LETTERS).strip(_EDGES), NAME_LETTERS).strip(_EDGES)


def alike(names: dict[int, str]) -> list[list[int]]:
    """Group clusters whose names are equal or nearly so: case, order, plural and small words do not count.

    Args:
        names: a dict of cluster to name

    Returns:
        lists of at least two clusters, in ascending order
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for cluster in sorted(names):
        groups.setdefault(_key(names[cluster]), []).append(cluster)
    return [group for group in groups.values() if len(group) > 1]


def _key(name: str) -> tuple[str, ...]:
    words = re.findall(r"\w+", _NUMBER.sub("", name).casefold())
    stems = [_ENDINGS.sub("", word) for word in words if word not in _SMALL_WORDS]
    return tuple(sorted(stems or words))


def _offered(name: str, vocabulary: Sequence[str]) -> str:
    by_key = {_key(word): word for word in vocabulary}
    if _key(name) not in by_key:
        raise Unusable(NOT_OFFERED)
    return plain_name(by_key[_key(name)])


def _share(value: Any) -> float | None:
    # compared before it is converted: JSON has whole numbers that no float can hold
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return float(value / 100 if value > 1 else value)  # some say 85 for 0.85


def _numbers(value: Any, n_images: int) -> list[int]:
    """Return positions from 0 of image numbers from 1, without duplicates, unknown images and what is no number."""
    if not isinstance(value, list):
        return []
    found = [int(v) - 1 for v in value[:1000] if isinstance(v, int | str) and re.fullmatch(r"[0-9]{1,4}", str(v))]
    return sorted({position for position in found if 0 <= position < n_images})
