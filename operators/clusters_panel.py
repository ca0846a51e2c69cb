"""The Clusters panel: the clusters of a run as cards and charts beside the grid, to look at, doubt and change."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.actions.undo import redo_edit, undo_edit
from .evaluation.scores import current_figures, evaluate_truth
from .evaluation.views import cluster_view, count_unassigned, doubtful_view, index_labels, part_view, unassigned_view
from .execution.app import one_sentence
from .inputs.target import NONE
from .panel.borderline import draw_border
from .panel.cards import draw_cards
from .panel.charts import TITLES, clicked
from .panel.layout import add_panel
from .panel.menus import EDITS, edit_form, renamed_to, run_form
from .panel.opening import PANEL
from .panel.run import UNASSIGNED, PanelRun
from .panel.state import begin_look, keep_look, read_look
from .panel.toolbars import BORDERLINE, inputs_of, truth_choices
from .panel.widgets import column
from .runs.store import has_labels, list_clustering_runs, look_at, made_at

URI = "@constellation/clusters"
AT_ONCE = 20_000  # up to this many members, old figures are computed again without being asked


class ClustersPanel(foo.Panel):
    """Shows the clusters of a run, one card each, and their charts; clicks change the grid."""

    @property
    def config(self):
        """How the App offers this panel."""
        return foo.PanelConfig(
            name=PANEL,
            label="Clusters",
            icon="/assets/panel.svg",
            help_markdown="See, judge and edit the clusters of a run",
            category=foo.Categories.ANALYZE,
            surfaces="grid",
        )

    # what the App tells

    def on_load(self, ctx):
        """Shows the run it was opened with, as it was before the page was loaded again, or the newest."""
        begin_look(ctx, self._existing(ctx, ctx.panel.get_state("run")))
        self.on_refresh(ctx)

    def on_run(self, ctx):
        """Another run was picked."""
        self._open(ctx, ctx.params["value"])

    def on_refresh(self, ctx):
        """Reads the run again; somebody else may have changed it."""
        self._open(ctx, ctx.panel.get_state("run"), keep=True)

    def on_tab(self, ctx):
        """Another tab."""
        self._look(ctx, tab=ctx.params["tab"])

    def on_search(self, ctx):
        """Words to find names by."""
        self._look(ctx, search=ctx.params["value"], page=0)

    def on_sort(self, ctx):
        """Another order of the cards."""
        self._look(ctx, sort=ctx.params["value"], page=0)

    def on_page_back(self, ctx):
        """One page back."""
        self._look(ctx, page=PanelRun.of(ctx).page - 1)

    def on_page_on(self, ctx):
        """One page on."""
        self._look(ctx, page=PanelRun.of(ctx).page + 1)

    def on_truth(self, ctx):
        """Another field of classes to compare with."""
        field = ctx.params["value"]
        if field == (PanelRun.of(ctx).look.get("truth") or NONE):
            return
        self._look(ctx, truth=None if field == NONE else field)
        self._measure_truth(ctx)

    def on_card(self, ctx):
        """A card was clicked: the grid shows its members."""
        cluster = ctx.params["cluster"]
        if cluster == UNASSIGNED:
            self._show(ctx, unassigned_view, shown=UNASSIGNED)
        else:
            self._show_cluster(ctx, cluster)

    def on_back(self, ctx):
        """The cluster before the one that is shown."""
        self._show_cluster(ctx, PanelRun.of(ctx).beside(-1))

    def on_next(self, ctx):
        """The cluster after the one that is shown."""
        self._show_cluster(ctx, PanelRun.of(ctx).beside(1))

    def on_order(self, ctx):
        """Another order in the grid."""
        run = PanelRun.of(ctx)
        if run.shown in run.cards and ctx.params["value"] != (run.look.get("order") or "confidence"):
            self._show_cluster(ctx, run.shown, ctx.params["value"])

    def on_borderline(self, ctx):
        """The least certain of all clusters."""
        self._show(ctx, doubtful_view, part="The least certain of all clusters", order=BORDERLINE)
        self._draw(ctx, cards=False)

    def on_pair(self, ctx):
        """Two clusters, to see whether somebody belongs to the one or the other."""
        run = PanelRun.of(ctx)
        names = " and ".join(run.names[cluster] for cluster in ctx.params["clusters"])
        self._match(ctx, run, {"cluster": {"$in": ctx.params["clusters"]}}, part=names)

    def on_all(self, ctx):
        """The grid shows everything again."""
        ctx.ops.clear_view()
        self._look(ctx, shown=None, part=None, order=None)

    def on_chart(self, ctx):
        """Another chart."""
        self._look(ctx, chart=ctx.params["chart"])

    def on_chart_click(self, ctx):
        """A bar or square was clicked: the grid shows whom it stands for."""
        run, params = PanelRun.of(ctx), ctx.params
        name = params["relative_path"].removeprefix("chart_")
        wanted = clicked(name, run, params.get("x"), params.get("y"))
        if isinstance(wanted.get("cluster"), int) and len(wanted) == 1:
            self._show_cluster(ctx, wanted["cluster"])
        elif wanted:
            # the chart goes on to be that of the cluster whose bar was clicked
            stays = run.shown if wanted.get("cluster") == run.shown else None
            self._match(ctx, run, wanted, part=f"A part of the chart “{TITLES[name]}”", shown=stays)

    def on_menu(self, ctx):
        """Something to do with a cluster."""
        action, cluster, version = ctx.params["value"].split(":")
        run, cluster = PanelRun.of(ctx), int(cluster)
        if cluster not in run.cards:
            return
        if action in EDITS:
            self._prompt(ctx, "edit_clusters", edit_form(action, run, cluster, int(version)))
        else:
            self._show_cluster(ctx, cluster, action)

    def on_run_menu(self, ctx):
        """Something to do with the run."""
        name = ctx.params["value"]
        self._prompt(ctx, name, run_form(name, PanelRun.of(ctx)))

    def on_undo(self, ctx):
        """Takes the last edit back."""
        self._edit(ctx, undo_edit)

    def on_redo(self, ctx):
        """Does again what was taken back."""
        self._edit(ctx, redo_edit)

    def on_done(self, ctx):
        """A form that was opened here has done its work."""
        ctx.ops.reload_dataset()
        if renamed := renamed_to(ctx):
            ctx.panel.set_state("run", renamed)
        self.on_refresh(ctx)

    def on_measure(self, ctx):
        """Figures of a large run: the form says what is going on and can be scheduled."""
        self._prompt(ctx, "evaluate_clusters", run_form("evaluate_clusters", PanelRun.of(ctx)))

    def on_start(self, ctx):
        """Opens the form of a new run."""
        self._prompt(ctx, "compute_clusters", {})

    # how it answers

    def _existing(self, ctx, key) -> str | None:
        """The run of this key, else the newest, None if there is none."""
        keys = list_clustering_runs(ctx.dataset) if ctx.dataset is not None else []
        return key if key in keys else (keys[-1] if keys else None)

    def _open(self, ctx, wanted, keep=False):
        key = self._existing(ctx, wanted)
        if key != ctx.panel.get_state("run"):
            ctx.panel.set_state("run", key)
        if key is None:
            return
        config = look_at(ctx.dataset, key)
        made = made_at(ctx.dataset, key).isoformat()
        fresh = {"tab": "clusters", "truth": config.ground_truth, "made": made}
        look = read_look(ctx) if keep else {}
        # a run may have been deleted, and another made under its key
        keep_look(ctx, {**fresh, **look} if look.get("made") == made else fresh)
        if not has_labels(ctx.dataset, key):
            return
        index_labels(ctx.dataset, config)
        self._guarded(ctx, self._measure)
        run = PanelRun.of(ctx)
        if run.look.get("truth") and not run.truth:
            self._guarded(ctx, self._measure_truth)
        self._look(ctx, unassigned=count_unassigned(ctx.dataset, key))

    def _measure(self, ctx):
        run = PanelRun.of(ctx)
        if not run.current and run.config.n_used <= AT_ONCE:
            current_figures(ctx.dataset, run.key)

    def _measure_truth(self, ctx):
        run = PanelRun.of(ctx)
        field = run.look.get("truth")
        if field and field in truth_choices(run):
            self._guarded(ctx, lambda ctx: evaluate_truth(ctx.dataset, run.key, field))
            self._draw(ctx)

    def _look(self, ctx, **changes):
        self._set_look(ctx, **changes)
        self._draw(ctx)

    def _set_look(self, ctx, **changes):
        look = {**read_look(ctx), **changes}
        run = PanelRun(ctx.dataset, ctx.panel.get_state("run"), look)
        keep_look(ctx, look)
        # one message for all, if any: the App draws the whole panel anew after each, and loads the page again
        if other := {path: shown for path, shown in inputs_of(run).items() if ctx.panel.get_state(path) != shown}:
            ctx.panel.set_state(other)

    def _draw(self, ctx, cards=True):
        run = PanelRun.of(ctx)
        if run is None or run.tab != "clusters" or run.gone:
            return
        if cards:
            draw_cards(ctx, run)
        if run.look.get("order") == BORDERLINE:
            draw_border(ctx, run)

    def _show_cluster(self, ctx, cluster, order=None):
        if cluster is None:
            return
        run, order = PanelRun.of(ctx), order or "confidence"
        page = run.page_of(cluster)
        look = {"shown": cluster, "order": order, "page": page}
        self._show(ctx, lambda dataset, key: cluster_view(dataset, key, cluster, order), **look)
        self._draw(ctx, cards=page != run.page)

    def _match(self, ctx, run, wanted, **look):
        field = run.truth.get("field")
        self._show(ctx, lambda dataset, key: part_view(dataset, key, wanted, field), **look)

    def _show(self, ctx, view, **look):
        def show(ctx):
            ctx.ops.set_view(view=view(ctx.dataset, ctx.panel.get_state("run")))
            self._set_look(ctx, **{"shown": None, "part": None, "order": None, **look})

        self._guarded(ctx, show)

    def _edit(self, ctx, step):
        def edit(ctx):
            run = PanelRun.of(ctx)
            done = step(ctx.dataset, run.key, version=ctx.params["version"])
            ctx.ops.notify(done["text"], variant="success")
            ctx.ops.reload_dataset()

        self._guarded(ctx, edit)
        self.on_refresh(ctx)  # also if it was refused, for somebody else has edited the run then

    def _prompt(self, ctx, operator, params):
        if ctx.panel.get_state("run"):
            self._set_look(ctx)  # its menus forget what was chosen
        ctx.prompt(f"{URI}/{operator}", params=params, on_success=self.on_done)

    def _guarded(self, ctx, work):
        """Does something and says in one sentence why, if it fails."""
        try:
            work(ctx)
        except ValueError as error:
            ctx.ops.notify(one_sentence(error), variant="error")

    def render(self, ctx):
        """The bars, then the open tab."""
        panel = types.Object()
        add_panel(panel, PanelRun.of(ctx), self)
        # A layer of its own: else the browser sorts its parts among the grid's whenever an image appears there
        layer = {"willChange": "transform"}
        return types.Property(panel, view=column(1.25, p=1.5, boxSizing="border-box", **layer))
