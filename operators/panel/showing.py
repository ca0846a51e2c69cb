"""Answers of the Clusters panel to what happens in it: another state, other cards, another view in the grid."""

from collections.abc import Callable

from ..evaluation.scores import current_statistics, evaluate_truth
from ..evaluation.views import cluster_view, count_unassigned, index_labels, part_view
from ..execution.app import one_sentence
from ..runs.store import has_labels, list_clustering_runs, look_at, made_at
from .borderline import draw_border
from .cards import draw_cards
from .run import PanelRun
from .state import read_ui_state, save_ui_state
from .toolbars import BORDERLINE, inputs_of, truth_choices

URI = "@constellation/clusters"
AT_ONCE = 20_000  # up to this many members, old statistics are computed again without being asked


def existing_run(ctx, key: str | None) -> str | None:
    """The run of this key, else the newest, None if there is none."""
    keys = list_clustering_runs(ctx.dataset) if ctx.dataset is not None else []
    return key if key in keys else (keys[-1] if keys else None)


def open_run(ctx, wanted: str | None, keep: bool = False):
    """Show a run.

    Args:
        ctx: the execution context
        wanted: the run's key; if it is gone, the newest run is shown
        keep (False): whether the UI state stays, if it is of the same run
    """
    key = existing_run(ctx, wanted)
    if key != ctx.panel.get_state("run"):
        ctx.panel.set_state("run", key)
    if key is None:
        return
    config = look_at(ctx.dataset, key)
    made = made_at(ctx.dataset, key).isoformat()
    fresh = {"tab": "clusters", "truth": config.ground_truth, "made": made}
    kept = read_ui_state(ctx) if keep else {}
    # a run may have been deleted, and another made under its key
    save_ui_state(ctx, {**fresh, **kept} if kept.get("made") == made else fresh)
    if not has_labels(ctx.dataset, key):
        return
    index_labels(ctx.dataset, config)
    guarded(ctx, _measure)
    run = PanelRun.of(ctx)
    if run.ui.get("truth") and not run.truth:
        guarded(ctx, measure_truth)
    change_state(ctx, unassigned=count_unassigned(ctx.dataset, key))


def _measure(ctx):
    run = PanelRun.of(ctx)
    if not run.current and run.config.n_used <= AT_ONCE:
        current_statistics(ctx.dataset, run.key)


def measure_truth(ctx):
    """Score the run against the chosen classes, unless they cannot be classes of it."""
    run = PanelRun.of(ctx)
    field = run.ui.get("truth")
    if field and field in truth_choices(run):
        guarded(ctx, lambda ctx: evaluate_truth(ctx.dataset, run.key, field))
        draw(ctx)


def change_state(ctx, **changes):
    """Change the UI state and draw what follows from it."""
    keep_state(ctx, **changes)
    draw(ctx)


def keep_state(ctx, **changes):
    """Change the UI state; the pictures of the cards stay."""
    ui = {**read_ui_state(ctx), **changes}
    run = PanelRun(ctx.dataset, ctx.panel.get_state("run"), ui)
    save_ui_state(ctx, ui)
    # one message for all, if any: the App draws the whole panel anew after each, and loads the page again
    if other := {path: shown for path, shown in inputs_of(run).items() if ctx.panel.get_state(path) != shown}:
        ctx.panel.set_state(other)


def draw(ctx, cards: bool = True):
    """Send the pictures of the open page to the panel."""
    run = PanelRun.of(ctx)
    if run is None or run.tab != "clusters" or run.gone:
        return
    if cards:
        draw_cards(ctx, run)
    if run.ui.get("order") == BORDERLINE:
        draw_border(ctx, run)


def show_cluster(ctx, cluster: int | None, order: str | None = None):
    """Show a cluster in the grid and turn to the page of its card."""
    if cluster is None:
        return
    run, order = PanelRun.of(ctx), order or "confidence"
    page = run.page_of(cluster)
    ui = {"shown": cluster, "order": order, "page": page}
    show_view(ctx, lambda dataset, key: cluster_view(dataset, key, cluster, order), **ui)
    draw(ctx, cards=page != run.page)


def show_matches(ctx, run: PanelRun, wanted: dict, **ui):
    """Show those in the grid whose labels have certain values, see :func:`operators.evaluation.views.part_view`."""
    field = run.truth.get("field")
    show_view(ctx, lambda dataset, key: part_view(dataset, key, wanted, field), **ui)


def show_view(ctx, view: Callable, **ui):
    """Show ``view(dataset, run_key)`` in the grid, with the UI state that says so; or why it cannot be shown."""

    def show(ctx):
        ctx.ops.set_view(view=view(ctx.dataset, ctx.panel.get_state("run")))
        keep_state(ctx, **{"shown": None, "part": None, "order": None, **ui})

    guarded(ctx, show)


def prompt(ctx, operator: str, params: dict, on_success: Callable):
    """Open the form of an operator, filled in."""
    if ctx.panel.get_state("run"):
        keep_state(ctx)  # its menus forget what was chosen
    ctx.prompt(f"{URI}/{operator}", params=params, on_success=on_success)


def guarded(ctx, work: Callable):
    """Call ``work(ctx)``, and say in one sentence why if it is refused."""
    try:
        work(ctx)
    except ValueError as error:
        ctx.ops.notify(one_sentence(error), variant="error")
