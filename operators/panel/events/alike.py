"""Events of the question whether two clusters that look alike are one."""

import fiftyone.operators as foo

from ...evaluation.alike import alike_clusters
from ..alike import next_pair
from ..edits import IN_ORDER, edit_quietly, run_now, show_edit
from ..run import PanelRun
from ..showing import change_state, keep_state, with_run


class AlikeEvents:
    """Ask about two clusters that look alike: merge them, keep them apart for good, or go on to the next two."""

    @with_run
    def on_alike(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Ask about two clusters, or ask no more."""
        change_state(ctx, alike=ctx.params["clusters"])

    @with_run
    def on_alike_next(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Leave two clusters as they are for now, and ask about the next two."""
        change_state(ctx, alike=next_pair(run))

    def on_alike_merge(self, ctx: foo.ExecutionContext) -> None:
        """Merge both clusters."""
        if answered := _answer(ctx, "merge"):
            done, after = answered
            show_edit(ctx, done)
            if done:
                _go_on(ctx, after)

    def on_alike_apart(self, ctx: foo.ExecutionContext) -> None:
        """Keep both clusters apart, so that they are not asked about again."""
        if answered := _answer(ctx, "keep_apart"):
            done, after = answered
            if done:
                ctx.ops.notify(done["text"], variant="success")
            _go_on(ctx, after if done else ctx.params["clusters"])


def _answer(ctx: foo.ExecutionContext, action: str) -> tuple[dict, list[int] | None] | None:
    """Edit both clusters; return the outcome and what is asked next, None if they were answered about before."""
    both = ctx.params["clusters"]
    with IN_ORDER:
        run = run_now(ctx)
        if run is None or run.ui.get("alike") != both:  # a second click: the first has answered
            return None
        after = next_pair(run)
        done = edit_quietly(ctx, action, {"clusters": both})
        if done:
            keep_state(ctx, alike=after)
    return done, after


def _go_on(ctx: foo.ExecutionContext, asked: list[int] | None) -> None:
    """Ask about two clusters, or the first two that are left; ask no more when none are."""
    run = PanelRun.of(ctx)
    change_state(ctx, alike=asked if run and alike_clusters(run.run) else None)
