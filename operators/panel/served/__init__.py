"""Answers to the widgets in the browser, one file per widget."""

from collections.abc import Callable
from uuid import uuid4

import fiftyone.operators as foo

from ..components import is_simple
from ..map_colors import CLUSTER
from ..run import PanelRun
from . import cards, map, review

QUESTIONS: dict[str, Callable[[foo.ExecutionContext, PanelRun], dict]] = {
    **map.QUESTIONS,
    **cards.QUESTIONS,
    **review.QUESTIONS,
}
# What the widget of a tab asks as soon as it is there, with the parameters
_FIRST: dict[str, dict[str, dict]] = {"map": {"positions": {}, "colors": {"color": CLUSTER}}, "clusters": {"cards": {}}}


def first_answers(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Answer what the widget of the open tab will ask first, so that it is drawn without asking.

    Args:
        ctx: the execution context of the event that opened the panel
        run: the run that is shown

    Returns:
        ``{"of": a name, "answers": {question: {"params": ..., "answer": ...}}}``, empty if it asks nothing
    """
    first = {} if is_simple(run) or run.gone else _FIRST.get(run.tab, {})
    answers = {what: {"params": params, "answer": QUESTIONS[what](ctx, run)} for what, params in first.items()}
    return {"of": uuid4().hex, "answers": answers} if answers else {}


def answer(ctx: foo.ExecutionContext) -> dict:
    """Answer the question ``what`` of a widget; ``{"gone": True}`` if its run was deleted or made again meanwhile."""
    if ctx.dataset is None:
        return {"gone": True}
    ctx.dataset.reload()  # another process may have edited the run
    run = PanelRun.of(ctx)
    if run is None or ctx.params["uid"] != run.uid:
        return {"gone": True}
    return QUESTIONS[ctx.params["what"]](ctx, run)
