"""Events of a review of borderline images or patches."""

import fiftyone.operators as foo

from ..edits import IN_ORDER, edit_quietly, run_now
from ..review import Review, begin_review, follow_undo
from ..run import PanelRun
from ..showing import change_state, with_run


class ReviewEvents:
    """Begin a review, and carry out what is said about each image; every verdict is a step that can be undone."""

    @with_run
    def on_review(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Begin a review of a cluster, or of all."""
        change_state(ctx, tab="review", review=begin_review(run, ctx.params.get("cluster")).as_dict())

    @with_run
    def on_review_keep(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Confirm the image where it is; if it was moved before, move it back."""
        where = run.run.labels(ids=[ctx.params["id"]])
        stays = len(where.ids) and int(where.clusters[0]) == ctx.params["cluster"]
        self._judge(ctx, "kept", "confirm" if stays else "move", {} if stays else _goes(ctx))

    @with_run
    def on_review_move(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Move the image to the other candidate, or to a new cluster."""
        self._judge(ctx, "new" if ctx.params["cluster"] is None else "moved", "move", _goes(ctx))

    @with_run
    def on_review_skip(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Leave the image as it is and go on."""
        review = Review.of_run(run)
        if review and review.asked == ctx.params["id"]:
            change_state(ctx, review=review.said("skipped").as_dict())

    @with_run
    def on_review_back(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Ask about the one before again."""
        if review := Review.of_run(run):
            change_state(ctx, review=review.back().as_dict())

    def _judge(self, ctx: foo.ExecutionContext, verdict: str, action: str, params: dict) -> None:
        with IN_ORDER:
            now = run_now(ctx)
            review = Review.of_run(now) if now else None
            if review is None or review.asked != ctx.params["id"]:  # a second click, or another window has answered
                return
            if edit_quietly(ctx, action, {"ids": [review.asked], **params}):
                review = review.said(verdict)
            change_state(ctx, review=review.as_dict())


def _goes(ctx: foo.ExecutionContext) -> dict:
    return {} if ctx.params["cluster"] is None else {"cluster": ctx.params["cluster"]}


def review_after_undo(ctx: foo.ExecutionContext) -> None:
    """Ask again about what an undo has taken back."""
    run = PanelRun.of(ctx)
    review = follow_undo(run) if run else None
    if review:
        change_state(ctx, review=review.as_dict())
