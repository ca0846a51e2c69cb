"""Arguments of the jobs that ask a model server, checked: what is refused before any work, and consent."""

import os
from dataclasses import dataclass
from typing import Final, NoReturn

import fiftyone as fo

from ...models.labels import NOISE
from ...models.naming.addresses import OPENAI, origin_of
from ...models.naming.prompt import Instructions, split_words
from ...models.parameters import parameters, validated
from ...models.paths import local_path
from ..dataset.ground_truth import truth_path
from ..runs.run import Run
from .server import OPENAI_URL, ServerChoice, choose_server

LARGEST_VOCABULARY = 1_000_000  # bytes of a file of words
LLM: Final = "llm"
VOCABULARY: Final = "vocabulary"
CLASSIFIER: Final = "classifier"
FIELD: Final = "field"


@dataclass(frozen=True, kw_only=True)
class LLMArguments:
    """Arguments that all jobs of questions to a model share; see :func:`operators.naming.job.label_clusters`."""

    run_key: str
    model: str | None
    base_url: str | None
    api: str
    consent: bool
    dry_run: bool
    max_spend: float | None
    price: list | None
    context: str
    language: str
    n_exemplars: int
    image_size: int
    layout: str
    max_concurrency: int
    timeout: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class NamingArguments(LLMArguments):
    """Arguments of :func:`operators.naming.job.label_clusters`."""

    source: str
    clusters: list | None
    overwrite: bool
    max_clusters: int
    focus: str
    max_words: int
    vocabulary: str | list | None
    contrast: str
    label_field: str | None
    encoder: str | None


@dataclass(frozen=True)
class NamingRequest:
    """A naming job whose arguments are checked.

    Args:
        run: the run
        arguments: all arguments
        instructions: the instructions for the model
        words: the vocabulary, empty for any name
        choice: the server and model, None if names come from elsewhere
    """

    run: Run
    arguments: NamingArguments
    instructions: Instructions
    words: list[str]
    choice: ServerChoice | None


def make_naming_request(
    samples: fo.core.collections.SampleCollection, arguments: NamingArguments, secrets: dict[str, str | None]
) -> NamingRequest:
    """Check the arguments of a naming job.

    Args:
        samples: the dataset, or a view into it
        arguments: all arguments, of the right types
        secrets: from :func:`operators.naming.server.read_secrets`

    Raises:
        ValueError: if an argument is refused, or images would go to a host that the user has not agreed to
    """
    run = Run.open(samples, arguments.run_key)
    words = read_words(arguments.vocabulary)
    given = {name: getattr(arguments, name) for name in parameters(Instructions)}
    given["vocabulary"] = "\n".join(words) if arguments.source == LLM else ""
    instructions = Instructions(**validated(Instructions, given))
    if arguments.source == FIELD and not arguments.label_field:
        raise ValueError("source='field' needs a label field; name it with label_field=")
    if arguments.source == FIELD:
        truth_path(run.target, arguments.label_field or "")
    else:
        run.check_pictures()
    if arguments.source != LLM:
        return NamingRequest(run, arguments, instructions, words, None)
    choice = chosen_server(arguments, secrets)
    if not arguments.dry_run and not agreed(choice, arguments):
        sizes = [record["size"] for record in run.clusters if record["id"] != NOISE]
        refuse_without_consent(sum(min(size, instructions.n_exemplars) for size in sizes), choice, arguments)
    return NamingRequest(run, arguments, instructions, words, choice)


def chosen_server(arguments: LLMArguments, secrets: dict[str, str | None]) -> ServerChoice:
    """Return the server and model that are meant.

    Raises:
        ValueError: if they are not usable, or a cap on spending is given and the price is not known
    """
    choice = choose_server(arguments.base_url, arguments.model, arguments.api, arguments.price, secrets)
    if arguments.max_spend and choice.price is None:
        raise ValueError(
            f"max_spend={arguments.max_spend:g} cannot be kept, for the price of {choice.model!r} is not known; "
            "give price=[<input>, <output>] in US dollars per million tokens"
        )
    return choice


def agreed(choice: ServerChoice, arguments: LLMArguments) -> bool:
    """Return whether images may go to a server: it is this machine, or the user agreed and knows which one it is.

    An address that only the environment names is none that a Python caller has agreed to.
    """
    known = arguments.base_url or origin_of(choice.base_url) == origin_of(OPENAI)
    return choice.local or bool(arguments.consent and known)


def refuse_without_consent(n_images: int, choice: ServerChoice, arguments: LLMArguments) -> NoReturn:
    """Raise ValueError with what would be sent where, and how to agree."""
    how = "set consent=True (in the App: tick the box)"
    if arguments.consent:
        how = f"its address is from the secret {OPENAI_URL}, so add base_url={choice.base_url!r}"
    side = arguments.image_size
    raise ValueError(
        f"nothing was sent: up to {n_images:,} images of at most {side} x {side} pixels would go to {choice.host}; "
        f"{how} if you agree, or dry_run=True to see them first"
    )


def read_words(vocabulary: str | list | None) -> list[str]:
    """Read the words of a vocabulary: a list, a text, or the path of a text file.

    Raises:
        ValueError: if there are none or the file cannot be read
    """
    if vocabulary is None or vocabulary == "":
        return []
    if isinstance(vocabulary, list):
        words = [" ".join(str(word).split()) for word in vocabulary]
    elif vocabulary.strip().endswith(".txt") and "\n" not in vocabulary:
        words = split_words(_file(str(local_path(vocabulary.strip()))) + "\n")
    else:
        words = split_words(vocabulary)
    words = list(dict.fromkeys(word for word in words if word))
    if not words:
        raise ValueError(f"vocabulary={vocabulary!r} has no words; give a list, a text or the path of a .txt file")
    return words


def _file(path: str) -> str:
    try:
        if os.path.getsize(path) > LARGEST_VOCABULARY:
            raise ValueError(f"the vocabulary {path!r} has more than {LARGEST_VOCABULARY:,} bytes; give a shorter one")
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ValueError(f"the vocabulary {path!r} cannot be read: {reason}; give the path of a text file") from None
