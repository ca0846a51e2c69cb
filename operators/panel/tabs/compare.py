"""The tab that compares the run with another run, or with a field of classes."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...inputs.comparison import comparable
from ...outputs.comparison import agreement, comparison_lines, comparison_plot
from ..comparing import read_comparison
from ..run import PanelRun
from ..toolbars import add_caption
from ..widgets import QUIET, button, drop_down, row, text

AGREEMENT_HELP = (
    "Adjusted Rand index (ARI) and adjusted mutual information (AMI): 1 if both are the same, 0 as by chance; "
    "an ARI above 0.9 is excellent, above 0.8 good, above 0.65 moderate (Steinley 2004)"
)


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the choice of what to compare with, how far both agree, and the table of both."""
    choices = comparable(run.run)
    if not choices:
        text(panel, "nothing", "There is no other run and no field of classes to compare with.")
        button(panel, "start", events.on_start, "Compute another run", strong=True)
        return
    bar = types.Object()
    drop_down(bar, "other", choices, events.on_compare, "Compare with", run.ui.get("compare"), 260)
    panel.define_property("compare", bar, view=row())
    found = read_comparison(run)
    if not found:
        text(panel, "hint", "Choose another run, or a field of classes, to see which clusters match.", color=QUIET)
        return
    if found["old"]:
        text(panel, "old", "This is from before the last edit, or of another view.", "0.8rem", "warning.main")
        button(panel, "again", events.on_compare_again, "Compare again")
    figures = f"ARI {found['ari']:.3f}, AMI {found['ami']:.3f}. {AGREEMENT_HELP}"
    text(panel, "agreement", agreement(found), bold=True, help=figures)
    text(panel, "fates", "\n".join(comparison_lines(found)), "0.8rem", QUIET, whiteSpace="pre-line")
    if found["n_moved"]:
        label = f"Show the {found['n_moved']:,} {found['unit']} that moved"
        button(panel, "moved", events.on_compare_moved, label)
    add_caption(panel, run, events)
    text(panel, "explained", "Rows: clusters of this run. Click a square to see its images.", "0.8rem", QUIET)
    traces, layout = comparison_plot(found)
    panel.plot(
        "matrix",
        data=traces,
        layout={"margin": {"l": 50, "b": 40, "t": 30, "r": 12}, **layout},
        config={"displayModeBar": False, "scrollZoom": False},
        height=f"{layout['height']}px",
        on_click=events.on_compare_click,
    )
