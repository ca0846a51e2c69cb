"""Layout of the Clusters panel: its bars and the open tab, or what to do where there is nothing to show."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..runs.map_points import has_map
from .menus import RUN_ACTIONS
from .run import PanelRun
from .tabs import TABS
from .toolbars import add_header
from .widgets import MARKED, button, row, text


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
    tab = run.tab if run.tab in TABS else "clusters"
    _add_tabs(panel, run, tab, events)
    if gone := run.gone:
        text(panel, "gone", f"{gone[0].upper()}{gone[1:]}.", bold=True, **MARKED)
        tab = "details"
    TABS[tab].add(panel, run, events)


def _add_tabs(panel: types.Object, run: PanelRun, open_tab: str, events: foo.Panel) -> None:
    bar = types.Object()
    first = ["map"] if has_map(run.run) else []
    for key in dict.fromkeys([*first, *(key for key in TABS if key != "map"), "map"]):
        tab = TABS[key]
        button(bar, key, events.on_tab, tab.label, params={"tab": key}, strong=key == open_tab)
    panel.define_property("tabs", bar, view=row(0.5))
