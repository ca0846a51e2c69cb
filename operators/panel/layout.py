"""Layout of the Clusters panel: its bars and the open tab, or what to do where there is nothing to show."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..outputs.run_info import edits_text, info_text
from ..runs.info import run_info
from .borderline import add_borderline
from .cards import add_cards, add_pages
from .charts import TITLES, add_chart, available
from .menus import RUN_ACTIONS
from .run import PanelRun
from .toolbars import BORDERLINE, add_header, add_search, add_shown, add_tabs
from .widgets import QUIET, button, row, text


def add_panel(panel: types.Object, run: PanelRun | None, events: foo.Panel) -> None:
    """Add everything.

    Args:
        panel: the object to add to
        run: the run that is shown, None if there is none
        events: the panel, whose methods are called
    """
    if run is None:
        text(panel, "none", "This dataset has no clustering run yet.", bold=True)
        button(panel, "start", events.on_start, "Compute clusters", strong=True)
        return
    add_header(panel, run, RUN_ACTIONS, events)
    tab = run.tab
    add_tabs(panel, tab, events)
    if gone := run.gone:
        text(panel, "gone", f"{gone[0].upper()}{gone[1:]}.", color="warning.main", bold=True)
        tab = "details"
    {"clusters": _add_clusters, "charts": _add_charts, "details": _add_details}[tab](panel, run, events)


def _add_clusters(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    add_search(panel, run, events)
    add_shown(panel, run, events)
    if not run.current:
        stale = "The statistics are from before the last edit or deletion."
        text(panel, "old", stale if run.statistics else "There are no statistics yet.", "0.8rem", "warning.main")
        button(panel, "measure", events.on_measure, "Compute statistics")
    if run.ui.get("order") == BORDERLINE:
        add_borderline(panel, run, events)
    if not run.listed:
        text(panel, "nothing", "No cluster has such a name." if run.ui.get("search") else "There is no cluster.")
    add_cards(panel, run, events)
    add_pages(panel, run, events)


def _add_charts(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    charts = available(run)
    wanted = run.ui.get("chart")
    chosen = wanted if wanted in charts else charts[0]
    bar = types.Object()
    for name in charts:
        button(bar, name, events.on_chart, TITLES[name], params={"chart": name}, strong=name == chosen)
    panel.define_property("charts", bar, view=row(0.5))
    add_chart(panel, chosen, run, events)
    if "confusion" not in charts:
        text(panel, "hint", "Choose a ground truth on the first tab to compare with classes.", "0.8rem", QUIET)


def _add_details(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    info = run_info(run.run)
    panel.md("\n".join([info_text(info), *edits_text(info["edits"])]), name="details")
