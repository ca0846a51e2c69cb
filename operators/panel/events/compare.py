"""Events of the tab that compares the run with another one."""

import fiftyone.operators as foo

from ...evaluation.comparison import compare_clusterings, pair_view
from ...outputs.comparison import axis_names
from ..comparing import compare_with, read_comparison
from ..run import PanelRun
from ..showing import change_state, guarded, show_view, with_run


class CompareEvents:
    """Choose what to compare with, and show what a square of the table stands for."""

    @with_run
    def on_compare(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Compare with what was chosen."""
        other = ctx.params["value"]
        if other and other != run.ui.get("compare"):
            _compare(ctx, run, other)

    @with_run
    def on_compare_again(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Compare again, for one of both was edited, or the user has another view."""
        if other := run.ui.get("compare"):
            _compare(ctx, run, other)

    @with_run
    def on_compare_click(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show the images of a square."""
        found = read_comparison(run)
        if found is None:
            return
        table, other = found["table"], run.ui["compare"]
        rows, columns = axis_names(table)
        x, y = ctx.params.get("x"), ctx.params.get("y")
        if x not in columns or y not in rows:  # it was drawn before the last comparison
            return
        row, column = rows.index(y), columns.index(x)
        if not table["counts"][row][column]:
            ctx.ops.notify(f"No {found['unit']} are in both", variant="info")
            return
        cluster, value = table["row_ids"][row], table["column_values"][column]
        caption = f"{table['rows'][row]} and {table['columns'][column]} of {other}"
        show_view(ctx, run, lambda shown: pair_view(run.run, shown, other, cluster, value), caption=caption)

    @with_run
    def on_compare_moved(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Show what is in another cluster than the one that its own became."""
        if other := run.ui.get("compare"):
            caption = f"In another cluster than in {other}"
            show_view(ctx, run, lambda shown: compare_clusterings(shown, run.key, other)["view"], caption=caption)


def _compare(ctx: foo.ExecutionContext, run: PanelRun, other: str) -> None:
    guarded(ctx, lambda ctx: compare_with(ctx, run, other))
    change_state(ctx, compare=other)
