"""The tab with the record of the run, and what can be done with the run as a whole."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...outputs.run_info import edits_text, info_text
from ...runs.info import run_info
from ..menus import PLACES
from ..run import PanelRun
from ..verdict import verdict_on
from ..widgets import button, markdown, row, text


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add what was run, on what, and the edits since; and the forms that repeat, rename, score or delete the run."""
    bar = types.Object()
    for name, label in PLACES.items():
        button(bar, name, events.on_run_form, label, params={"form": name})
    panel.define_property("places", bar, view=row(0.5))
    verdict = verdict_on(run)
    if verdict.words:
        said = "; ".join(verdict.words)
        text(panel, "verdict", f"{said[0].upper()}{said[1:]}", bold=True, help=verdict.help or None)
    info = run_info(run.run)
    markdown(panel, "details", "\n".join([info_text(info, with_scores=False), *edits_text(info["edits"])]))
