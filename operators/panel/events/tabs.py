"""Events of the tabs' buttons."""

import fiftyone.operators as foo

from ..review import Review, begin_review
from ..run import PanelRun
from ..showing import change_state, open_run, with_run
from ..state import note_tab


class TabEvents:
    """Open a tab, and draw it without widgets of our own in the browser."""

    def on_simple(self, ctx: foo.ExecutionContext) -> None:
        """Draw the simple view of all tabs from now on, seen where a browser does not show a widget."""
        change_state(ctx, simple=True)

    @with_run
    def on_tab(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open a tab; that of the review begins one, and what was reviewed is seen in the others."""
        tab = ctx.params["tab"]
        review = Review.of_run(run)
        if tab == "review" and (review is None or not review.items):
            change_state(ctx, tab=tab, review=begin_review(run).as_dict())
            return
        note_tab(ctx, run.uid, tab)
        change_state(ctx, tab=tab)
        if run.tab == "review" and tab != "review" and not run.current:
            ctx.ops.reload_dataset()
            open_run(ctx, run.key, keep=True)
