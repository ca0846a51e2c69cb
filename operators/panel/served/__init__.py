"""Answers to the widgets in the browser, one file per widget."""

from collections.abc import Callable

import fiftyone.operators as foo

from ..run import PanelRun
from . import cards, map, review

QUESTIONS: dict[str, Callable[[foo.ExecutionContext, PanelRun], dict]] = {
    **map.QUESTIONS,
    **cards.QUESTIONS,
    **review.QUESTIONS,
}


def answer(ctx: foo.ExecutionContext) -> dict:
    """Answer the question ``what`` of a widget; ``{"gone": True}`` if its run was deleted or made again meanwhile."""
    if ctx.dataset is None:
        return {"gone": True}
    ctx.dataset.reload()  # another process may have edited the run
    run = PanelRun.of(ctx)
    if run is None or ctx.params["uid"] != run.uid:
        return {"gone": True}
    return QUESTIONS[ctx.params["what"]](ctx, run)
