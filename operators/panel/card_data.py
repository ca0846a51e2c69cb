"""Cards of the Clusters panel as plain data, which the widget in the browser asks for."""

import hashlib
import json
from collections import Counter

from ...models.labels import NOISE, UNASSIGNED
from .cards import MIXED, NAMESAKE, NAMESAKE_HELP, statistics_lines, why_unassigned
from .fields import field_of
from .menus import card_actions
from .run import Card, PanelRun

_PRINT = 16  # letters


def cards_data(run: PanelRun) -> dict:
    """Return all cards that were searched for, in the chosen order, without their contact sheets.

    Returns:
        the ``cards``; those of what is in no cluster, ``noise`` and ``unassigned``, None where there is nothing or
        names are searched for; and the ``menus``, whose actions are the same on all cards
    """
    names = Counter(run.names.values())
    noise = run.cards.get(NOISE)
    searched = bool(run.ui.get("search"))
    return {
        "cards": [_card(card, run, names) for card in run.listed],
        "noise": None if searched or noise is None else _card(noise, run, names),
        "unassigned": None if searched else _unassigned(run),
        "menus": {"cluster": list(card_actions(0).items()), "noise": list(card_actions(NOISE).items())},
    }


def print_of(data: object) -> str:
    """Return a short text that other data has another one of."""
    return hashlib.sha256(json.dumps(data, default=str).encode()).hexdigest()[:_PRINT]


def _card(card: Card, run: PanelRun, names: Counter) -> dict:
    return {
        "cluster": card.id,
        "name": card.name,
        "field": None if card.id == NOISE else field_of(run, card),
        "color": card.color,
        "size": f"{run.size_of(card)} · {100 * card.share:.1f} %",
        "lines": statistics_lines(card),
        "marks": [
            *([[MIXED, ""]] if card.mixed else []),
            *([[NAMESAKE, NAMESAKE_HELP]] if names[card.name] > 1 else []),
        ],
        "description": card.description,
        "sheet": print_of(card.prototypes) if card.prototypes and not run.no_pictures else None,
    }


def _unassigned(run: PanelRun) -> dict | None:
    count = run.ui.get("unassigned")
    if not count:
        return None
    return {
        "cluster": UNASSIGNED,
        "name": "Without a cluster",
        "size": f"{count:,} {run.unit}",
        "why": why_unassigned(run),
    }
