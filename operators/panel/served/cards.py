"""Answers to the cards in the browser: all that is written on them, and the contact sheets of those in sight."""

import fiftyone.operators as foo

from ..card_data import cards_data, print_of
from ..contact_sheets import draw_sheets
from ..run import PanelRun

MOST = 60  # sheets in one answer


def _cards(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return all cards that were searched for, and their ``print``, which is another one as soon as one has changed."""
    data = cards_data(run)
    return {**data, "print": print_of(data)}


def _sheets(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the addresses of contact sheets by cluster, None where nothing is left to show."""
    wanted = [int(cluster) for cluster in ctx.params["clusters"][:MOST]]
    cards = [run.cards[cluster] for cluster in wanted if cluster in run.cards]
    if run.no_pictures:
        return {"sheets": {str(card.id): None for card in cards}}
    sheets = draw_sheets(run.run.target, [card.prototypes for card in cards], fields=run.config.vector_fields)
    return {"sheets": {str(card.id): sheet for card, sheet in zip(cards, sheets, strict=True)}}


QUESTIONS = {"cards": _cards, "sheets": _sheets}
