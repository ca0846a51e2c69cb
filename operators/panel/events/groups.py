"""Events of the tab with the groups of clusters."""

import fiftyone.operators as foo

from ...editing.hierarchy import build_cluster_hierarchy, check_n_coarse
from ...inputs.editing import seen_in
from ..edits import apply_here
from ..menus import run_form
from ..run import PanelRun
from ..showing import AT_ONCE, draw, guarded, open_run, prompt, with_run
from ..tree import count_of_cut, tree_of
from .edits import EditEvents


class GroupEvents(EditEvents):
    """Group the clusters, cut the tree elsewhere, and merge or rename a group."""

    @with_run
    def on_group(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Group the clusters; a large run without a tree opens the form, for that takes its time."""
        if run.config.n_used > AT_ONCE and not tree_of(run):
            prompt(ctx, "build_cluster_hierarchy", run_form("build_cluster_hierarchy", run), self.on_done)
            return
        _group(ctx, run, ctx.params["n_coarse"], ctx.params["version"])

    @with_run
    def on_tree_click(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Cut the tree at the height that was clicked."""
        tree, height = tree_of(run), ctx.params.get("y")
        if tree is None or not isinstance(height, int | float):
            return
        most = len(tree.clusters) - 1
        n_coarse = min(max(count_of_cut(tree, height * (1 - 1e-9)), 2), most)
        if n_coarse != len(run.run.coarse_clusters):
            guarded(ctx, lambda _: check_n_coarse(len(tree.clusters), n_coarse))
            _group(ctx, run, n_coarse, run.version)

    @with_run
    def on_group_rename(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form that renames a group."""
        group = next((one for one in run.run.coarse_clusters if one["id"] == ctx.params["group"]), None)
        if group is not None:
            named = {"cluster": str(group["id"]), "name": group["label"], seen_in(run.key): run.version}
            params = {"run_key": run.key, "action": "rename", "level": "coarse", **named}
            prompt(ctx, "edit_clusters", params, self.on_done)

    @with_run
    def on_group_merge(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Make one cluster of a group."""
        apply_here(ctx, "merge", {"clusters": ctx.params["clusters"]})


def _group(ctx: foo.ExecutionContext, run: PanelRun, n_coarse: int | None, version: int) -> None:
    def group(ctx: foo.ExecutionContext) -> None:
        done = build_cluster_hierarchy(ctx.dataset, run.key, n_coarse, version=version)
        ctx.ops.notify(done["text"], variant="success")
        ctx.ops.reload_dataset()

    guarded(ctx, group)
    open_run(ctx, run.key, keep=True)
    draw(ctx)
