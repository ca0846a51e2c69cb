"""Costs of naming: a table of prices that users can change, tokens of an image, and a cap on spending.

Prices change more often than plugins. A file in JSON, ``{"<model>": [<input>, <output>]}`` in US dollars per million
tokens, adds to the table and wins over it; a price given with a call wins over both.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT = "CONSTELLATION_PRICES"
# US dollars per million tokens, input and output, as OpenAI's model pages stated them in November 2026
TABLE = {"gpt-6-luna": (0.10, 0.50), "gpt-5.6-luna": (0.20, 1.20)}
# An image counts as patches of 32 pixels, times a factor of the model: 1.62 and 2.46 are the known extremes
_PATCH, _FACTOR, _MOST = 32, 1.62, 2.46
_LETTERS_PER_TOKEN = 4
ANSWER_TOKENS = 150


class OverBudget(RuntimeError):
    """The next question might pass the cap on spending."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens.

    Args:
        input: of what is sent
        output: of what is answered
    """

    input: float
    output: float

    def of(self, input_tokens: float, output_tokens: float) -> float:
        """Return the price of so many tokens, in US dollars."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


def table_file() -> Path:
    """Return the path where a table of the user's own is looked for; it need not exist."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser()
    import fiftyone as fo

    return Path(fo.config.model_zoo_dir) / "constellation" / "prices.json"


def price_of(model: str, given: Any = None, local: bool = False) -> Price | None:
    """Return the price of a model.

    Args:
        model: its name at the server
        given (None): ``(input, output)`` in US dollars per million tokens
        local (False): whether it runs on this machine and costs nothing

    Returns:
        a :class:`Price`, or None where it is not known

    Raises:
        ValueError: if a price or the user's table is not usable
    """
    if given is not None:
        return _price(given, "price")
    own = _own_table()
    if model in own:
        return _price(own[model], f"the price of {model!r} in {table_file()}")
    if local:
        return Price(0.0, 0.0)
    return Price(*TABLE[model]) if model in TABLE else None


def _own_table() -> dict:
    path = table_file()
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"the price table {path} cannot be read ({error}); repair or delete it") from None
    if not isinstance(found, dict):
        raise ValueError(f'the price table {path} is no JSON object; write {{"<model>": [<input>, <output>]}}')
    return found


def _price(given: Any, what: str) -> Price:
    numbers = given if isinstance(given, list | tuple) else ()
    usable = [n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n < math.inf]
    if len(usable) != 2 or len(numbers) != 2:
        raise ValueError(
            f"{what} is {given!r}; give two numbers of at least 0, US dollars per million tokens in and out"
        )
    return Price(*map(float, usable))


def image_tokens(width: int, height: int) -> int:
    """Estimate how many tokens an image of this size counts as."""
    return math.ceil(_patches(width, height) * _FACTOR)


def most_image_tokens(width: int, height: int) -> int:
    """Return how many tokens an image of this size counts as with the hungriest model known."""
    return math.ceil(_patches(width, height) * _MOST)


def text_tokens(text: str) -> int:
    """Estimate how many tokens a text counts as."""
    return math.ceil(len(text.encode()) / _LETTERS_PER_TOKEN)


def expected(
    n_questions: int, n_images: int, side: int, text: str, sheet: bool = False
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Estimate the tokens that a job will take, to the order of magnitude.

    Args:
        n_questions: how many are asked
        n_images: how many images they show in all
        side: pixels of an image's longer side
        text: the text of one question
        sheet (False): whether each question has one sheet of tiles, which are smaller

    Returns:
        ``(low, high)`` pairs of input tokens and of output tokens
    """
    side = min(side, 256) if sheet else side
    words = n_questions * text_tokens(text)
    inputs = (
        words + n_images * image_tokens(side, round(0.67 * side)),
        words + n_images * most_image_tokens(side, side),
    )
    return inputs, (n_questions * ANSWER_TOKENS // 2, n_questions * ANSWER_TOKENS * 2)


def _patches(width: int, height: int) -> int:
    return math.ceil(width / _PATCH) * math.ceil(height / _PATCH)


class Budget:
    """Tokens used so far, and a cap that questions reserve their expected cost under.

    Args:
        price: the model's :class:`Price`, or None where it is not known
        max_spend (None): US dollars, or None for no cap
    """

    def __init__(self, price: Price | None, max_spend: float | None = None):
        self.price, self.max_spend = price, max_spend
        self.input_tokens = self.output_tokens = 0
        self._held: list[float] = []

    @property
    def spent(self) -> float | None:
        """US dollars so far, None where the price is not known."""
        return None if self.price is None else self.price.of(self.input_tokens, self.output_tokens)

    @property
    def reserved(self) -> float:
        """US dollars set aside for questions under way."""
        return sum(self._held)

    def reserve(self, input_tokens: int, output_tokens: int) -> float:
        """Set the cost of a question aside.

        Returns:
            the sum, to be handed to :meth:`settle`

        Raises:
            OverBudget: if spending might pass the cap
        """
        if self.max_spend is None or self.price is None:
            self._held.append(0.0)
            return 0.0
        cost = self.price.of(input_tokens, output_tokens)
        spent = self.price.of(self.input_tokens, self.output_tokens)
        if spent + self.reserved + cost > self.max_spend:
            raise OverBudget(f"the next question might pass the cap of ${self.max_spend:g}")
        self._held.append(cost)
        return cost

    def settle(self, reserved: float, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Book what a question really took."""
        self._held.remove(reserved)
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
