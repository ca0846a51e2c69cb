"""Toolbars of the Clusters panel: the run and its actions, the search, what the grid shows."""

from functools import lru_cache

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE, UNASSIGNED
from ..dataset.ground_truth import truth_fields
from ..editing.actions.undo import Redo, Undo
from ..evaluation.views import ORDERS
from ..inputs.target import NONE
from ..runs.run import Run
from ..runs.store import list_clustering_runs, results_file, when
from .run import SORTS, PanelRun
from .verdict import verdict_on
from .widgets import QUIET, button, dotted, drop_down, menu, row, search_field, text

BORDERLINE = "borderline"
BORDERLINE_OF_ALL = "Borderline members of all clusters"


def add_header(panel: types.Object, run: PanelRun, run_menu: dict[str, str], events: foo.Panel) -> None:
    """Add the run picker, undo, redo, the menu of the run, and its summary."""
    bar = types.Object()
    keys = list(reversed(list_clustering_runs(run.dataset)))
    labels = {key: _run_label(Run.cached(run.dataset, key)) for key in keys}
    drop_down(bar, "run", labels, events.on_run, "Run", run.key, 300)
    steps = {} if run.gone else _next_steps(run.dataset.name, run.key, results_file(run.dataset, run.key))
    for action, event in ((Undo.name, events.on_undo), (Redo.name, events.on_redo)):
        known = action in steps
        said = f"{action.capitalize()}: {steps[action]}" if known else f"There is nothing to {action}"
        button(bar, action, event, said if known else None, action, said, not known, short=220)
    button(bar, "refresh", events.on_refresh, icon="refresh", help="Read the run again")
    menu(bar, "menu", run_menu, events.on_run_menu, "Actions of the run", turn=run.turn)
    panel.define_property("header", bar, view=row())
    verdict = verdict_on(run)
    text(panel, "about", " · ".join([*_facts(run), *verdict.words]), "0.8rem", QUIET, help=verdict.help or None)


@lru_cache(maxsize=16)
def _next_steps(dataset_name: str, run_key: str, file: str | None) -> dict[str, str]:
    """Return what undo and redo would take back or do again; ``file`` is another after every edit."""
    if file is None:
        return {}
    run, found = Run.cached(fo.load_dataset(dataset_name), run_key), {}
    for edit in (Undo, Redo):
        if edit.stack(run.log) and (next_one := edit.preview(run)):
            found[edit.name] = next_one[0]
    return found


def _run_label(run: Run) -> str:
    """Return a run in the list; without scores, for those of different vectors must not be compared."""
    config = run.config
    size = f"{config.n_clusters} clusters of {config.n_used:,}"
    return " · ".join([run.key, config.method, size, when(run.made_at)[:10]])


def _facts(run: PanelRun) -> list[str]:
    config = run.config
    size = f"{config.n_clusters} clusters of {config.n_used:,} {run.unit}"
    missing = None if run.gone else run.no_pictures
    return [size, when(run.run.made_at), *([missing] if missing else [])]


def inputs_of(run: PanelRun) -> dict:
    """Return the values of the inputs in the bars by path in the panel's state."""
    return {"search.search": run.ui.get("search") or "", "simple.mapbar.tag": ""}


def add_search(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the search and the order of the cards, and the choice of classes."""
    bar = types.Object()
    search_field(bar, "search", events.on_search, "Search names")
    sorts = {key: label for key, label in SORTS.items() if key != "purity" or run.truth}
    drop_down(bar, "sort", sorts, events.on_sort, "Order of the cards", run.ui.get("sort") or "size", 200)
    fields = truth_choices(run)
    if fields:
        choices = {NONE: "No ground truth", **{name: f"Ground truth: {name}" for name in fields}}
        truth = run.ui.get("truth") or NONE
        drop_down(bar, "truth", choices, events.on_truth, "Classes to compare with", truth, 220)
    panel.define_property("search", bar, view=row())


def truth_choices(run: PanelRun) -> list[str]:
    """List the fields that can hold classes for a run."""
    try:
        return truth_fields(run.run.target)
    except ValueError:  # its labels are gone
        return []


def _ordered(run: PanelRun) -> bool:
    """Return whether the grid shows a cluster whose members have an order."""
    return run.shown in run.cards and run.shown != NOISE


def add_shown(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the buttons that step through the clusters, and what the grid shows."""
    bar = types.Object()
    button(bar, "back", events.on_back, icon="chevron_left", help="Previous cluster")
    button(bar, "on", events.on_next, icon="chevron_right", help="Next cluster")
    if run.shown in run.cards:
        card = run.cards[run.shown]
        text(
            bar, "what", f"{card.name} · {run.ui.get('caption') or run.size_of(card)}", bold=True, **dotted(card.color)
        )
        if _ordered(run):
            choices = {key: label.capitalize() for key, label in ORDERS.items()}
            order = run.ui.get("order") or "confidence"
            drop_down(bar, "order", choices, events.on_order, "Order in the grid", order, 230)
    elif run.shown == UNASSIGNED:
        text(bar, "what", f"{run.unit} without a cluster", bold=True)
    elif run.ui.get("caption"):
        text(bar, "what", run.ui["caption"], bold=True)
    if run.statistics.get("similarity"):
        button(bar, BORDERLINE, events.on_borderline, "Borderline", help=BORDERLINE_OF_ALL)
    button(bar, "all", events.on_all, "All", help="Show everything in the grid")
    panel.define_property("shown", bar, view=row())


def add_caption(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add what the grid shows for a tab that has chosen it, and the button that shows everything again."""
    if caption := run.ui.get("caption"):
        bar = types.Object()
        text(bar, "what", caption, bold=True)
        button(bar, "all", events.on_all, "All", help="Show everything in the grid")
        panel.define_property("caption", bar, view=row())
