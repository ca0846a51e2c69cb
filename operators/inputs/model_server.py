"""Form inputs for a model server: the server, its expected cost, and the user's consent.

Nothing here contacts a server before the user has agreed to its host, and nothing asks for a key.
"""

import hashlib
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.naming.prices import expected
from ..naming.server import DEFAULT_MODEL, ServerChoice, choose_server, key_for, list_models, read_secrets
from .widgets import HALF, add_choice, add_heading, add_problem, refuse

SUGGESTED = 20  # models of the server's own list that are named
_BYTES_PER_PIXEL = 0.1  # of a JPEG of quality 85, to the order of magnitude
_ASPECT = 0.67


def add_server(ctx: foo.ExecutionContext, inputs: types.Object) -> tuple[ServerChoice | None, bool]:
    """Add the server, its model, prices and caps.

    Returns:
        a tuple of the server, None where its address is refused, and whether the user has agreed to contact it
    """
    secrets = read_secrets(ctx)
    add_heading(inputs, "step_server", "Server")
    why = "Any server that speaks OpenAI's API, such as http://localhost:11434/v1 (Ollama); empty: OpenAI"
    prop = inputs.str("base_url", required=False, label="Address", description=why, view=types.View(space=HALF))
    try:
        choice, named = _choice(ctx.params, ctx.params, secrets)
    except ValueError as error:
        refuse(prop, str(error))
        return None, False
    agreed = choice.local or bool(ctx.params.get(_box(choice.host)) or ctx.params.get("consent"))
    _add_model(inputs, choice, named, secrets, agreed)
    options = {"auto": "Automatic", "responses": "Responses", "chat": "Chat Completions"}
    why = "Automatic: Responses at OpenAI, else Chat Completions"
    add_choice(inputs, "api", options, "auto", "API", why, space=HALF)
    _add_limits(inputs, choice)
    return choice, agreed


def consented(ctx: foo.ExecutionContext, given: dict) -> dict:
    """Return arguments with the price entered for this model and the tick given for this host.

    Args:
        ctx: the execution context
        given: arguments by name, among them base_url, model, api, price and consent
    """
    choice, _ = _choice(given, ctx.params, read_secrets(ctx))
    given = {**given, "price": given["price"] or _price(ctx.params, choice)}
    # who ticks a box has read the host, wherever its address is from
    return {**given, "consent": True, "base_url": choice.base_url} if ctx.params.get(_box(choice.host)) else given


def sent(
    choice: ServerChoice, n_questions: int, n_images: int, side: int, text: str, sheet: bool = False
) -> tuple[str, str]:
    """Return a sentence on what would be sent where, and one on its cost.

    Args:
        choice: the server
        n_questions: how many questions
        n_images: how many images in all of them
        side: pixels of an image's longer side
        text: a text as long as that of a question
        sheet (False): whether images are sent as one sheet
    """
    pixels = min(side, 256) ** 2 if sheet else side**2
    size = n_images * pixels * _ASPECT * _BYTES_PER_PIXEL / 1e6
    where = f"{choice.host}, which is this machine" if choice.local else choice.host
    images = (
        f"Up to {n_images:,} images of at most {side} x {side} pixels, about {size:.{0 if size >= 10 else 1}f} MB, "
    )
    images += f"in {n_questions:,} question{'s' if n_questions != 1 else ''} to {where}"
    inputs, outputs = expected(n_questions, n_images, side, text, sheet)
    tokens = f"About {inputs[0] + outputs[0]:,} to {inputs[1] + outputs[1]:,} tokens"
    if choice.price is None:
        return images, f"{tokens}; the price of {choice.model} is not known, enter it above to see the cost"
    low, high = choice.price.of(inputs[0], outputs[0]), choice.price.of(inputs[1], outputs[1])
    return images, f"{tokens}, " + ("free of charge" if high == 0 else f"${low:.2g} to ${high:.2g}")


def add_consent_box(ctx: foo.ExecutionContext, inputs: types.Object, choice: ServerChoice, agreed: bool) -> None:
    """Add the box without which nothing leaves, the dry run, and the reason why Execute is disabled.

    Args:
        ctx: the execution context
        inputs: the object to add to
        choice: the server
        agreed: whether the box is ticked, or the server is this machine
    """
    dry_run, box = bool(ctx.params.get("dry_run")), types.CheckboxView()
    if not choice.local:
        label = f"Send these images to {choice.host}"
        why = "It keeps them as its terms say; OpenAI is asked not to store them and keeps abuse logs for 30 days"
        prop = inputs.bool(_box(choice.host), required=False, default=False, label=label, description=why, view=box)
        if not agreed and not dry_run:
            refuse(prop, f"tick this box to agree that images go to {choice.host}, or choose a dry run")
    why = "Shows what would be sent, and sends nothing"
    inputs.bool("dry_run", required=False, default=False, label="Dry run", description=why, view=box)
    try:
        key_for(choice, read_secrets(ctx))
    except ValueError as error:
        if not dry_run:
            add_problem(inputs, str(error), name="key_problem")


def _choice(given: dict, params: dict, secrets: dict) -> tuple[ServerChoice, bool]:
    """Return the server that is meant with the price entered for its model, and whether a model is named.

    Raises:
        ValueError: if the address is refused
    """
    server: dict[str, Any] = {"base_url": given.get("base_url"), "api": given.get("api") or "auto", "secrets": secrets}
    model = given.get("model") or None
    try:
        choice = choose_server(model=model, price=None, **server)
    except ValueError:
        return choose_server(model="model", price=None, **server), False
    return choose_server(model=model, price=_price(params, choice), **server), True


def _add_model(inputs: types.Object, choice: ServerChoice, named: bool, secrets: dict, agreed: bool) -> None:
    listed = list_models(choice, secrets) if agreed else []
    more = f" and {len(listed) - SUGGESTED} more" if len(listed) > SUGGESTED else ""
    why = f"{choice.host} has {', '.join(listed[:SUGGESTED])}{more}" if listed else f"Empty: {DEFAULT_MODEL} at OpenAI"
    prop = inputs.str("model", required=False, label="Model", description=why, view=types.View(space=HALF))
    if not named:
        refuse(prop, f"name a model of {choice.host}")


def _add_limits(inputs: types.Object, choice: ServerChoice) -> None:
    """Add prices and caps; the price shown is the table's until the user changes it."""
    price = choice.price
    for name, label, value in (
        (_price_name("input", choice), "$ per million tokens in", price.input if price else None),
        (_price_name("output", choice), "$ per million tokens out", price.output if price else None),
    ):
        inputs.float(name, min=0, required=False, default=value, label=label, view=types.View(space=HALF))
    cap = types.View(space=HALF)
    inputs.float("max_spend", min=0, required=False, label="Budget (USD)", view=cap)
    inputs.int("max_concurrency", min=1, max=64, required=False, default=4, label="Max concurrency", view=cap)
    inputs.float("timeout", min=1, max=3600, required=False, default=60, label="Seconds per question", view=cap)


def _box(host: str) -> str:
    """Return the name of a host's check box: agreeing to one host is not agreeing to the next."""
    return f"consent_{hashlib.sha256(host.encode()).hexdigest()[:12]}"


def _price(params: dict, choice: ServerChoice) -> list | None:
    """Return the price entered for a model, if there is one."""
    prices = [params.get(_price_name(side, choice)) for side in ("input", "output")]
    return None if None in prices else prices


def _price_name(side: str, choice: ServerChoice) -> str:
    """Return the name of a price's input: what was entered for one model is not the price of the next."""
    return f"price_{side}_{hashlib.sha256(f'{choice.base_url} {choice.model}'.encode()).hexdigest()[:12]}"
