"""The tab with the record of the run."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...outputs.run_info import edits_text, info_text
from ...runs.info import run_info
from ..run import PanelRun


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add what was run, on what, and the edits since."""
    info = run_info(run.run)
    panel.md("\n".join([info_text(info), *edits_text(info["edits"])]), name="details")
