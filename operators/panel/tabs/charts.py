"""The tab with the charts."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..charts import TITLES, add_chart, available
from ..run import PanelRun
from ..toolbars import add_caption
from ..widgets import QUIET, button, row, text


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add a button for each chart, and the chosen chart."""
    charts = available(run)
    wanted = run.ui.get("chart")
    chosen = wanted if wanted in charts else charts[0]
    bar = types.Object()
    for name in charts:
        button(bar, name, events.on_chart, TITLES[name], params={"chart": name}, strong=name == chosen)
    panel.define_property("charts", bar, view=row(0.5))
    add_caption(panel, run, events)
    add_chart(panel, chosen, run, events)
    if "confusion" not in charts:
        text(panel, "hint", "Choose a ground truth on the first tab to compare with classes.", "0.8rem", QUIET)
