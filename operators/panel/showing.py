"""Answers of the Clusters panel to what happens in it: another state, other cards, another view in the grid."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo

from ...models.labels import UNASSIGNED
from ..evaluation.scores import current_statistics, evaluate_truth
from ..evaluation.views import cluster_view, count_unassigned, part_view, unassigned_view
from ..execution.app import one_sentence
from ..execution.grid import reset_grid, saved_view, set_grid, users_view, view_name
from ..runs.labels import index_labels
from ..runs.map_points import has_map
from ..runs.run import Run
from ..runs.store import list_clustering_runs, run_ids
from .charts import TITLES, clicked
from .inside import count_inside
from .run import PanelRun
from .state import UI_STATE, noted_tab, read_ui_state, save_ui_state
from .tabs import TABS
from .toolbars import inputs_of, truth_choices

URI = "@constellation/clusters"
AT_ONCE = 20_000  # up to this many members, stale statistics are computed again at once


def existing_run(ctx: foo.ExecutionContext, key: str | None) -> str | None:
    """Return the run of this key, else the newest, None if there is none."""
    keys = list_clustering_runs(ctx.dataset) if ctx.dataset is not None else []
    return key if key in keys else (keys[-1] if keys else None)


def with_run(
    event: Callable[[Any, foo.ExecutionContext, PanelRun], dict | None],
) -> Callable[[Any, foo.ExecutionContext], dict | None]:
    """Pass the run that is shown on to an event of the panel; if it was deleted, show the newest one instead."""

    @wraps(event)
    def event_of_run(panel: foo.Panel, ctx: foo.ExecutionContext) -> dict | None:
        run = PanelRun.of(ctx)
        if run is not None:
            return event(panel, ctx, run)
        open_run(ctx, None)
        return None

    return event_of_run


def open_run(ctx: foo.ExecutionContext, wanted: str | None, keep: bool = False) -> None:
    """Show a run.

    Args:
        ctx: the execution context
        wanted: the run's key; if it is gone, the newest run is shown
        keep (False): whether the UI state stays, if it is of the same run
    """
    key = existing_run(ctx, wanted)
    another = key != ctx.panel.get_state("run")
    if another:
        reset_grid(ctx, read_ui_state(ctx).get("saved"))  # what it shows is of another run, or of none any more
        ctx.panel.set_state("run", key)
    if ctx.dataset is None:
        return
    run = Run.cached(ctx.dataset, key) if key is not None else None
    with UI_STATE:
        ui = _begun(read_ui_state(ctx), run, another, keep)
        if run is not None:
            ui = {"tab": noted_tab(ctx, run.config.uid or run.key) or ("map" if has_map(run) else "clusters"), **ui}
        save_ui_state(ctx, ui | {"runs": run_ids(ctx.dataset)})
    if run is None or not run.has_labels:
        return
    index_labels(run.dataset, run.config.label_path)  # of runs of earlier versions, and of clones
    guarded(ctx, _measure)
    shown = PanelRun.of(ctx)
    if shown and shown.ui.get("truth") and not shown.truth:
        guarded(ctx, measure_truth)
    change_state(ctx, unassigned=count_unassigned(run), **(count_inside(ctx, shown) if shown else {}))


def _begun(before: dict, run: Run | None, another: bool, keep: bool) -> dict:
    """Return the UI state in which a run is opened, given the one before it."""
    stays = ("jobs",) if another else ("jobs", "job")  # of the dataset, but a result makes room for another run
    of_the_dataset = {name: before[name] for name in stays if name in before}
    if run is None:
        return of_the_dataset
    made = run.made_at.isoformat()
    fresh = {"truth": run.config.ground_truth, "made": made}
    # a run may have been deleted, and another made under its key
    return {**fresh, **(before if keep and before.get("made") == made else of_the_dataset)}


def _measure(ctx: foo.ExecutionContext) -> None:
    run = PanelRun.of(ctx)
    if run and not run.current and run.config.n_used <= AT_ONCE:
        current_statistics(run.run)


def measure_truth(ctx: foo.ExecutionContext) -> None:
    """Score the run against the chosen classes, unless they cannot be classes of it."""
    run = PanelRun.of(ctx)
    field = run.ui.get("truth") if run else None
    if run and field and field in truth_choices(run):
        guarded(ctx, lambda ctx: evaluate_truth(Run.open(ctx.dataset, run.key), field))
        draw(ctx)


def change_state(ctx: foo.ExecutionContext, **changes: Any) -> None:
    """Change the UI state and draw what follows from it."""
    keep_state(ctx, **changes)
    draw(ctx)


def keep_state(ctx: foo.ExecutionContext, **changes: Any) -> None:
    """Change the UI state; the pictures of the cards stay. If the run was deleted, show the newest one instead."""
    with UI_STATE:
        shown = PanelRun.of(ctx)
        if shown is None:
            open_run(ctx, None)
            return
        drawn = [shown.key, shown.run.made_at.isoformat(), shown.version]
        if shown.ui.get("colored") != drawn and not shown.gone:
            ctx.trigger(f"{URI}/show_cluster_colors", {"run_key": shown.key})
            changes = {**changes, "colored": drawn}
        run = replace(shown, ui={**shown.ui, **changes})
        save_ui_state(ctx, run.ui)
    # one message for all, if any: the App draws the whole panel again after each, and loads the page again
    if other := {path: value for path, value in inputs_of(run).items() if ctx.panel.get_state(path) != value}:
        ctx.panel.set_state(other)


def draw(ctx: foo.ExecutionContext, cards: bool = True) -> None:
    """Send the pictures of the open tab to the panel, but for those of its cards if ``cards`` is false."""
    run = PanelRun.of(ctx)
    tab = TABS.get(run.tab) if run and not run.gone else None
    if run and tab and tab.draw:
        tab.draw(ctx, run, cards)


def show_cluster(ctx: foo.ExecutionContext, run: PanelRun, cluster: int | None, order: str = "confidence") -> None:
    """Show a cluster in the grid and turn to the page of its card; None shows nothing."""
    if cluster is None:
        return
    if cluster == UNASSIGNED:
        show_view(ctx, run, lambda shown: unassigned_view(run.run, shown), shown=UNASSIGNED)
        return
    page = run.page_of(cluster)
    ui = {"shown": cluster, "order": order, "page": page}
    show_view(ctx, run, lambda shown: cluster_view(run.run, shown, cluster, order), **ui)
    draw(ctx, cards=page != run.page)


def show_matches(ctx: foo.ExecutionContext, run: PanelRun, wanted: dict, **ui: Any) -> None:
    """Show members whose labels have certain values in the grid, see :func:`operators.evaluation.views.part_view`."""
    field = run.truth.get("field")
    show_view(ctx, run, lambda shown: part_view(run.run, shown, wanted, field), **ui)


def show_clicked(ctx: foo.ExecutionContext, run: PanelRun, chart: str) -> None:
    """Show the members that the clicked bar or square of a chart stands for."""
    wanted = clicked(chart, run, ctx.params.get("x"), ctx.params.get("y"))
    if isinstance(wanted.get("cluster"), int) and len(wanted) == 1:
        show_cluster(ctx, run, wanted["cluster"])
    elif wanted:
        # the chart goes on to be that of the cluster whose bar was clicked
        stays = run.shown if wanted.get("cluster") == run.shown else None
        show_matches(ctx, run, wanted, caption=f"A part of the chart “{TITLES[chart]}”", shown=stays)


def show_view(
    ctx: foo.ExecutionContext,
    run: PanelRun,
    view: Callable[[fo.core.collections.SampleCollection], fo.DatasetView],
    **ui: Any,
) -> None:
    """Show ``view(user's view)`` of a run in the grid, with the UI state that says so; or why it cannot be shown."""

    def show(ctx: foo.ExecutionContext) -> None:
        set_grid(ctx, view(_seen(ctx, run)))
        kept = {"saved": saved_view(ctx)} if saved_view(ctx) else {}
        if run.ui.get("within", "") != view_name(ctx):
            kept |= count_inside(ctx, run)
        keep_state(ctx, **{"shown": None, "caption": None, "order": None, **kept, **ui})

    guarded(ctx, show)


def _seen(ctx: foo.ExecutionContext, run: PanelRun) -> fo.core.collections.SampleCollection:
    """Return the user's view, or the dataset if the run's images or patches cannot be shown in that."""
    users = users_view(ctx)
    try:
        run.run.as_seen(users)
    except ValueError:  # patches of another field
        return run.dataset
    return users


def show_all(ctx: foo.ExecutionContext) -> None:
    """Show the user's own view in the grid again."""
    reset_grid(ctx, read_ui_state(ctx).get("saved"))
    change_state(ctx, shown=None, caption=None, order=None, saved=None)


def follow_edit(ctx: foo.ExecutionContext, done: dict) -> None:
    """If the cluster in the grid is gone, show the one that it became, or the user's own view.

    Args:
        ctx: the execution context
        done: the result of the edit
    """
    run = PanelRun.of(ctx)
    if run is None or run.shown is None or run.shown == UNASSIGNED or run.shown in run.cards:
        return
    became = [record["id"] for record in done.get("clusters") or [] if record["id"] in run.cards]
    if len(became) == 1:
        show_cluster(ctx, run, became[0])
    else:
        show_all(ctx)


def prompt(ctx: foo.ExecutionContext, operator: str, params: dict, on_success: Callable) -> None:
    """Open the form of an operator, filled in."""
    ctx.prompt(f"{URI}/{operator}", params=params, on_success=on_success)


def guarded(ctx: foo.ExecutionContext, work: Callable[[foo.ExecutionContext], object]) -> str | None:
    """Call ``work(ctx)``, and say in one sentence why if it is refused.

    Returns:
        the sentence, which the App does not show where a widget of our own has asked, ``quiet``, and shows it itself
    """
    try:
        work(ctx)
    except ValueError as error:
        why = one_sentence(error)
        if not ctx.params.get("quiet"):
            ctx.ops.notify(why, variant="error")
        return why
    return None
