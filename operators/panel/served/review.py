"""What the review in the browser asks for: the image that is asked about, and those around it, so that no key waits."""

import math

import fiftyone.operators as foo

from ...outputs.verdicts import sureness
from ..contact_sheets import draw_large, draw_sheets
from ..review import VERDICTS, Review, candidates_of
from ..run import PanelRun

AHEAD = 3  # images after the one that is asked about


def _review(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the review around the place ``at``, by default that of the question: the one before it to three after."""
    review = Review.of_run(run)
    if review is None:
        return {"n": 0, "at": 0, "items": {}, "clusters": {}}
    at = ctx.params.get("at")
    place = review.at if at is None else int(at)
    places = range(max(place - 1, 0), min(place + AHEAD + 1, len(review.items)))
    return {
        "n": len(review.items),
        "at": review.at,
        "of": run.names.get(review.of) if review.of is not None else None,
        "said": review.summary(),
        "changed": review.changed(run.names),
        "items": _items(run, review, places),
        "clusters": _clusters(run, review, places),
    }


def _items(run: PanelRun, review: Review, places: range) -> dict:
    ids = [review.items[place][0] for place in places]
    pictures = [None for _ in ids] if run.no_pictures else draw_large(run.run.target, ids, run.config.vector_fields)
    labels = run.run.labels(ids=ids)
    rows = {row_id: row for row, row_id in enumerate(labels.ids)}
    items = {}
    for place, picture in zip(places, pictures, strict=True):
        row_id, own, second = review.items[place]
        known = candidates_of(run, review.items[place])
        row = rows.get(row_id)
        items[str(place)] = {
            "id": row_id,
            "picture": picture,
            "own": own if own in known else None,
            "second": second if second in known else None,
            "now": None if row is None else run.names.get(int(labels.clusters[row])),
            "sure": None if row is None else _sure(float(labels.confidence[row])),
            "verdict": VERDICTS.get(review.verdicts.get(row_id, "")),
        }
    return items


def _sure(confidence: float) -> dict | None:
    if not math.isfinite(confidence):
        return None
    return {"figure": round(confidence, 2), "words": sureness(confidence)}


def _clusters(run: PanelRun, review: Review, places: range) -> dict:
    """Return what the candidates are called and look like, by id."""
    wanted = dict.fromkeys(cluster for place in places for cluster in candidates_of(run, review.items[place]))
    cards = [run.cards[cluster] for cluster in wanted]
    fields = run.config.vector_fields
    sheets = [] if run.no_pictures else draw_sheets(run.run.target, [card.prototypes for card in cards], fields=fields)
    pictures = dict(zip(wanted, sheets, strict=False))
    return {
        str(card.id): {
            "name": card.name,
            "color": card.color,
            "size": run.size_of(card),
            "sheet": pictures.get(card.id),
        }
        for card in cards
    }


QUESTIONS = {"review": _review}
