"""The bars of the Clusters panel: the run and what can be done with it, the tabs, the search, what the grid shows."""

import fiftyone.operators.types as types

from ...models.labels import NOISE, UNASSIGNED
from ..dataset.ground_truth import truth_fields
from ..dataset.targets import resolve_target
from ..evaluation.views import ORDERS
from ..inputs.target import NONE
from ..outputs.summary import MAIN_SCORES
from ..runs.run import Run
from ..runs.store import list_clustering_runs, when
from .run import SORTS, PanelRun
from .widgets import QUIET, button, drop_down, menu, row, search_field, text

TABS = {"clusters": "Clusters", "charts": "Charts", "details": "Run"}
BORDERLINE = "borderline"


def add_header(panel, run: PanelRun, run_menu: dict, events):
    """Adds the run picker, undo, redo, the menu of the run, and what the run is."""
    bar = types.Object()
    keys = list(reversed(list_clustering_runs(run.dataset)))
    drop_down(
        bar, "run", {key: _run_label(Run.cached(run.dataset, key)) for key in keys}, events.on_run, "Run", width=300
    )
    # the version that is drawn here, for nobody must undo what they have not seen
    seen = {"version": run.version}
    button(bar, "undo", events.on_undo, icon="undo", help="Undo the last edit", params=seen)
    button(bar, "redo", events.on_redo, icon="redo", help="Redo what was undone", params=seen)
    button(bar, "refresh", events.on_refresh, icon="refresh", help="Read the run again")
    menu(bar, "menu", run_menu, events.on_run_menu)
    panel.define_property("header", bar, view=row())
    text(panel, "about", _summary(run), "0.8rem", QUIET)


def _run_label(run: Run) -> str:
    config = run.config
    size = f"{config.n_clusters} clusters of {config.n_used:,}"
    return " · ".join([run.key, config.method, size, when(run.made_at)[:10], *_scores(config)[:1]])


def _scores(config) -> list[str]:
    known = config.scores or {}
    return [f"{name} {known[name]:.3f}" for name in MAIN_SCORES if known.get(name) is not None]


def _summary(run) -> str:
    config = run.config
    parts = [
        f"{config.n_clusters} clusters of {config.n_used:,} {run.unit}",
        when(run.run.made_at),
        ", ".join(_scores(config)[:4]),
    ]
    return " · ".join(part for part in parts if part)


def inputs_of(run: PanelRun) -> dict:
    """What the inputs in the bars show, by their paths in the panel's state; menus forget what was chosen."""
    return {
        "header.run": run.key,
        "header.menu": None,
        "search.search": run.ui.get("search") or "",
        "search.sort": run.ui.get("sort") or "size",
        "search.truth": run.ui.get("truth") or NONE,
        "shown.order": (run.ui.get("order") if _ordered(run) else None) or "confidence",
    }


def add_tabs(panel, tab: str, events):
    """Adds the three tabs."""
    bar = types.Object()
    for key, words in TABS.items():
        button(bar, key, events.on_tab, words, params={"tab": key}, strong=key == tab)
    panel.define_property("tabs", bar, view=row(0.5))


def add_search(panel, run: PanelRun, events):
    """Adds what finds and sorts the cards, and the choice of classes."""
    bar = types.Object()
    search_field(bar, "search", events.on_search, "Search names")
    sorts = {key: words for key, words in SORTS.items() if key != "purity" or run.truth}
    drop_down(bar, "sort", sorts, events.on_sort, "Order of the cards", width=200)
    fields = truth_choices(run)
    if fields:
        choices = {NONE: "No ground truth", **{name: f"Ground truth: {name}" for name in fields}}
        drop_down(bar, "truth", choices, events.on_truth, "Classes to compare with", width=220)
    panel.define_property("search", bar, view=row())


def truth_choices(run: PanelRun) -> list[str]:
    """The fields that can hold classes for a run."""
    try:
        return truth_fields(resolve_target(run.dataset, run.config.patches_field))
    except ValueError:  # videos and groups: their frames and slices are resolved by the run itself
        return []


def _ordered(run: PanelRun) -> bool:
    """Whether the grid shows a cluster whose members have an order."""
    return run.shown in run.cards and run.shown != NOISE


def add_shown(panel, run: PanelRun, events):
    """Adds what steps through the clusters and says what the grid shows."""
    bar = types.Object()
    button(bar, "back", events.on_back, icon="chevron_left", help="Previous cluster")
    button(bar, "on", events.on_next, icon="chevron_right", help="Next cluster")
    if run.shown in run.cards:
        card = run.cards[run.shown]
        text(bar, "what", f"{card.name} · {run.ui.get('part') or f'{card.size:,} {run.unit}'}", bold=True)
        if _ordered(run):
            choices = {key: words.capitalize() for key, words in ORDERS.items()}
            drop_down(bar, "order", choices, events.on_order, "Order in the grid", width=230)
    elif run.shown == UNASSIGNED:
        text(bar, "what", f"{run.unit} without a cluster", bold=True)
    elif run.ui.get("part"):
        text(bar, "what", run.ui["part"], bold=True)
    if run.statistics.get("similarity"):
        button(bar, BORDERLINE, events.on_borderline, "Borderline", help="The least certain of all clusters")
    button(bar, "all", events.on_all, "All", help="Show everything in the grid")
    panel.define_property("shown", bar, view=row())
