"""Events of a review of borderline images or patches."""

import fiftyone.operators as foo

from ...editing.base import apply_edit
from ..edits import GONE, IN_ORDER, attempt, run_now
from ..review import Review, begin_review, follow_undo
from ..run import PanelRun
from ..showing import change_state, with_run


class ReviewEvents:
    """Begin a review, and carry out what is said about each image; every verdict is a step that can be undone.

    Each answers with the place that is asked about then, ``{"at"}``, and if it was refused, with the ``error``.
    """

    @with_run
    def on_review(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Begin a review of a cluster, or of all."""
        change_state(ctx, tab="review", review=begin_review(run, ctx.params.get("cluster")).as_dict())

    @with_run
    def on_review_keep(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Confirm the image where it is; if it was moved before, move it back."""
        where = run.run.labels(ids=[ctx.params["id"]])
        stays = len(where.ids) and int(where.clusters[0]) == ctx.params["cluster"]
        return self._judge(ctx, "kept", "confirm" if stays else "move", {} if stays else _goes(ctx))

    @with_run
    def on_review_move(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Move the image to the other candidate, or to a new cluster."""
        return self._judge(ctx, "new" if ctx.params["cluster"] is None else "moved", "move", _goes(ctx))

    @with_run
    def on_review_skip(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Leave the image as it is and go on."""
        with IN_ORDER:
            review = _review_now(ctx)
            if review and review.asked == ctx.params["id"]:
                review = review.said("skipped")
                change_state(ctx, review=review.as_dict())
            return place_of(review)

    @with_run
    def on_review_back(self, ctx: foo.ExecutionContext, run: PanelRun) -> dict:
        """Ask about the one before again."""
        with IN_ORDER:
            if review := _review_now(ctx):
                review = review.back()
                change_state(ctx, review=review.as_dict())
            return place_of(review)

    def _judge(self, ctx: foo.ExecutionContext, verdict: str, action: str, params: dict) -> dict:
        with IN_ORDER:
            review = _review_now(ctx)
            if review is None or review.asked != ctx.params["id"]:  # a second click, or another window has answered
                return place_of(review)
            edit = {"ids": [review.asked], **params}
            done, why = attempt(ctx, lambda key, version: apply_edit(ctx.dataset, key, action, edit, version=version))
            if done:
                review = review.said(verdict)
            change_state(ctx, review=review.as_dict())
            return {**place_of(review), **({"error": why} if why else {})}


def place_of(review: Review | None) -> dict:
    """Return the place of what a review asks about, as an event answers; why there is none if its run was deleted."""
    return {"error": GONE} if review is None else {"at": review.at}


def _review_now(ctx: foo.ExecutionContext) -> Review | None:
    run = run_now(ctx)
    return Review.of_run(run) if run else None


def _goes(ctx: foo.ExecutionContext) -> dict:
    return {} if ctx.params["cluster"] is None else {"cluster": ctx.params["cluster"]}


def review_after_undo(ctx: foo.ExecutionContext) -> dict:
    """Ask again about what an undo has taken back; returns the place that is asked about then, if there is one."""
    run = PanelRun.of(ctx)
    review = follow_undo(run) if run else None
    if review is None:
        return {}
    change_state(ctx, review=review.as_dict())
    return place_of(review)
