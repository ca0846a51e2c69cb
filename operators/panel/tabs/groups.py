"""The tab with the coarse level: the tree of the clusters, where it is cut, and a card per group."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ....models.labels import NOISE
from ...runs.maps import PANEL_COLORS
from ..cards import add_grid
from ..contact_sheets import draw_sheets
from ..pictures import picture_button
from ..run import PanelRun
from ..toolbars import add_caption
from ..tree import tree_of, tree_plot
from ..widgets import QUIET, button, column, row, text
from ..windows import stamp_of

_SHOWN = 60  # cards of groups
_LISTED = 12  # names on a card
_SHEET = {
    "width": "100%",
    "aspectRatio": "1",
    "objectFit": "contain",
    "display": "block",
    "borderRadius": "4px",
}


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the number of groups, the tree, and the groups."""
    groups = run.run.coarse_clusters
    n_clusters = sum(cluster != NOISE for cluster in run.cards)
    most = min(PANEL_COLORS, n_clusters - 1)
    if n_clusters < 3:
        text(panel, "few", f"{n_clusters} clusters are too few for groups; at least 3 are needed.")
        return
    if not groups:
        text(panel, "none", "The clusters are not in groups yet. A coarse level puts similar ones together.")
        button(panel, "group", events.on_group, "Group the clusters", params=_cut(None, run), strong=True)
        return
    bar = types.Object()
    n = len(groups)
    button(bar, "fewer", events.on_group, icon="remove", help="Fewer groups", disabled=n <= 2, params=_cut(n - 1, run))
    text(bar, "count", f"{n} groups of {n_clusters} clusters", bold=True)
    button(bar, "more", events.on_group, icon="add", help="More groups", disabled=n >= most, params=_cut(n + 1, run))
    panel.define_property("cut", bar, view=row(0.5))
    if tree := tree_of(run):
        text(
            panel,
            "explained",
            "The higher two branches meet, the less alike they are. Click to cut there.",
            "0.8rem",
            QUIET,
        )
        data, layout = tree_plot(tree, run, n)
        options = {"config": {"displayModeBar": False, "scrollZoom": False}, "height": "260px"}
        panel.plot(f"tree_{stamp_of(run)}", data=data, layout=layout, on_click=events.on_tree_click, **options)
    else:
        text(panel, "old", "The clusters were edited since the tree was made; the groups followed.", "0.8rem", QUIET)
        button(panel, "again", events.on_group, "Group them anew", params=_cut(min(n, most), run))
    add_caption(panel, run, events)
    cards = types.Object()
    for place, group in enumerate(groups[:_SHOWN]):
        _add_group(cards, f"group_{place}", group, run, events)
    add_grid(panel, "groups", cards)
    if len(groups) > _SHOWN:
        text(panel, "rest", f"and {len(groups) - _SHOWN:,} smaller groups", color=QUIET)


def draw(ctx: foo.ExecutionContext, run: PanelRun, cards: bool) -> None:
    """Send the contact sheets of the groups."""
    groups = run.run.coarse_clusters[:_SHOWN]
    if not cards or not groups:
        return
    fields = run.run.config.vector_fields
    sheets = draw_sheets(run.run.target, [group["prototypes"] for group in groups], fields=fields)
    ctx.panel.set_data({f"groups.group_{place}.sheet": sheet for place, sheet in enumerate(sheets)})


def _cut(n: int | None, run: PanelRun) -> dict:
    return {"n_coarse": n}


def _add_group(cards: types.Object, name: str, group: dict, run: PanelRun, events: foo.Panel) -> None:
    box, clusters = types.Object(), group["clusters"]
    params, name_of = {"clusters": clusters, "name": group["label"]}, group["label"]
    picture_button(box, "sheet", events.on_pair, f"Show {name_of}", f"Typical of {name_of}", params, _SHEET)
    text(box, "name", group["label"], "0.95rem", bold=True)
    text(box, "size", f"{group['size']:,} {run.unit} · {len(clusters)} cluster{'s' * (len(clusters) != 1)}")
    names = [run.names[cluster] for cluster in clusters if cluster in run.names]
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")
    text(box, "names", listed, "0.8rem", QUIET)
    bar = types.Object()
    button(bar, "rename", events.on_group_rename, "Rename…", params={"group": group["id"]})
    if len(clusters) > 1:
        merged = {"clusters": clusters}
        button(bar, "merge", events.on_group_merge, "Merge", help="Make one cluster of the group", params=merged)
    box.define_property("bar", bar, view=row(0.5))
    cards.define_property(
        name, box, view=column(0.25, types.OutlinedContainer(sx={"p": 1, "m": 0}), position="relative")
    )
