"""The tab that compares the run with another run, or with a field of classes."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...inputs.comparison import comparable
from ...outputs.comparison import agreement_text, comparison_lines, comparison_plot
from ...outputs.verdicts import AGREEMENT_HELP
from ..comparing import read_comparison
from ..run import PanelRun
from ..toolbars import add_caption
from ..widgets import MARKED, QUIET, button, drop_down, row, text

_HELP = (
    "Adjusted Rand index (ARI) {:.3f} and adjusted mutual information (AMI) {:.3f}: 1 if both are the same, 0 as by "
    f"chance; {AGREEMENT_HELP}"
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
        text(panel, "old", "This is from before the last edit, or of another view.", "0.8rem", **MARKED)
        button(panel, "again", events.on_compare_again, "Compare again")
    text(panel, "agreement", agreement_text(found), bold=True, help=_HELP.format(found["ari"], found["ami"]))
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
