"""Events of the question whether two clusters that look alike are one."""

import fiftyone.operators as foo

from ...evaluation.alike import alike_clusters
from ..alike import next_pair
from ..edits import apply_here, edit_quietly
from ..run import PanelRun
from ..showing import change_state, with_run


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

    @with_run
    def on_alike_merge(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Merge both clusters."""
        after = next_pair(run)
        if apply_here(ctx, "merge", {"clusters": ctx.params["clusters"]}):
            _go_on(ctx, after)

    @with_run
    def on_alike_apart(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Keep both clusters apart, so that they are not asked about again."""
        after = next_pair(run)
        done = edit_quietly(ctx, "keep_apart", {"clusters": ctx.params["clusters"]})
        if done:
            ctx.ops.notify(done["text"], variant="success")
        _go_on(ctx, after if done else ctx.params["clusters"])


def _go_on(ctx: foo.ExecutionContext, asked: list[int] | None) -> None:
    """Ask about two clusters, or the first two that are left; ask no more when none are."""
    run = PanelRun.of(ctx)
    change_state(ctx, alike=asked if run and alike_clusters(run.run) else None)
