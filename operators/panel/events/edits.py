"""Events that change a run: undo, redo, and the forms that were opened here."""

import fiftyone.operators as foo

from ..edits import apply_here
from ..menus import renamed_to, run_form
from ..names import name_here
from ..run import PanelRun
from ..showing import follow_edit, keep_state, open_run, prompt, with_run
from .review import review_after_undo


class EditEvents:
    """Undo and redo, and show what a form has done."""

    def on_refresh(self, ctx: foo.ExecutionContext) -> None:
        """Read the run again; another process may have changed it."""
        open_run(ctx, ctx.panel.get_state("run"), keep=True)

    def on_undo(self, ctx: foo.ExecutionContext) -> dict:
        """Undo the last edit; a review goes back to what that was about."""
        apply_here(ctx, "undo")
        return review_after_undo(ctx)

    def on_redo(self, ctx: foo.ExecutionContext) -> None:
        """Redo what was undone."""
        apply_here(ctx, "redo")

    def on_name(self, ctx: foo.ExecutionContext) -> dict:
        """Give a cluster the name that was typed on its card."""
        return name_here(ctx)

    @with_run
    def on_run_menu(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form that was chosen from the menu of the run."""
        keep_state(ctx, turn=run.turn + 1)
        prompt(ctx, ctx.params["value"], run_form(ctx.params["value"], run), self.on_done)

    @with_run
    def on_run_form(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open a form of the tab with the run's record."""
        prompt(ctx, ctx.params["form"], run_form(ctx.params["form"], run), self.on_done)

    def on_done(self, ctx: foo.ExecutionContext) -> None:
        """Show what a form that was opened here has done."""
        ctx.ops.reload_dataset()
        if renamed := renamed_to(ctx):
            ctx.panel.set_state("run", renamed)
        self.on_refresh(ctx)
        follow_edit(ctx, ctx.params.get("result") or {})

    def on_start(self, ctx: foo.ExecutionContext) -> None:
        """Open the form of a new run."""
        prompt(ctx, "compute_clusters", {}, self.on_done)
