"""Ticked cards of the Clusters panel, and the bar that edits them together."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE
from .entries import text_field
from .run import PanelRun
from .widgets import button, row, text
from .windows import stamp_of


def ticked(run: PanelRun) -> list[int]:
    """Return the ids of the ticked clusters that there are, in the order in which they were ticked."""
    return [cluster for cluster in run.ui.get("ticked") or [] if cluster in run.cards and cluster != NOISE]


def add_ticks(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the bar with what can be done with the ticked clusters; nothing if none is ticked."""
    clusters = ticked(run)
    if not clusters:
        return
    bar = types.Object()
    names = ", ".join(run.names[cluster] for cluster in clusters)
    text(bar, "count", f"{len(clusters)} ticked", bold=True, help=names)
    seen = {"clusters": clusters}
    few = len(clusters) < 2
    help = "Tick two or more to merge them" if few else f"Make one cluster of {names}; the largest one's name stays"
    button(bar, "merge", events.on_merge, "Merge", help=help, disabled=few, params=seen)
    # other fields for other ticks: what is typed is meant for those that are ticked
    which = f"{'_'.join(map(str, clusters))}_{run.turn}_{stamp_of(run)}"
    what = "Name it" if few else "Name them"
    text_field(bar, f"name_{which}", "", events.on_name_ticked, "Name of the ticked clusters", what, 130)
    button(bar, "dissolve", events.on_dissolve, "Dissolve", help=f"Make noise of {names}", params=seen)
    text_field(bar, f"tag_{which}", "", events.on_tag_ticked, "Tag for the ticked clusters", "Tag", 110)
    button(bar, "export", events.on_export_ticked, "Export…", help=f"Export {names}", params=seen)
    button(bar, "clear", events.on_clear_ticks, "Clear", help="Take all ticks away")
    panel.define_property("ticks", bar, view=row())
