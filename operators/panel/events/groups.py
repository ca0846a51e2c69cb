"""Events of the tab with the groups of clusters."""

import fiftyone.operators as foo

from ...editing.hierarchy import build_cluster_hierarchy, check_n_coarse
from ...inputs.editing import seen_in
from ..edits import apply_here, in_turn, show_edit
from ..menus import run_form
from ..run import PanelRun
from ..showing import AT_ONCE, draw, guarded, prompt, with_run
from ..tree import count_of_cut, tree_of
from ..windows import seen_version, take_stamp
from .edits import EditEvents


class GroupEvents(EditEvents):
    """Group the clusters, cut the tree elsewhere, and merge or rename a group."""

    @with_run
    def on_group(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Group the clusters; a large run without a tree opens the form, for that takes its time."""
        if run.config.n_used > AT_ONCE and not tree_of(run):
            prompt(ctx, "build_cluster_hierarchy", run_form("build_cluster_hierarchy", run), self.on_done)
            return
        _group(ctx, ctx.params["n_coarse"])

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
            take_stamp(ctx, ctx.params["relative_path"])
            _group(ctx, n_coarse)

    @with_run
    def on_group_rename(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Open the form that renames a group."""
        group = next((one for one in run.run.coarse_clusters if one["id"] == ctx.params["group"]), None)
        if group is not None:
            named = {"cluster": str(group["id"]), "name": group["label"], seen_in(run.key): seen_version(ctx, run)}
            params = {"run_key": run.key, "action": "rename", "level": "coarse", **named}
            prompt(ctx, "edit_clusters", params, self.on_done)

    @with_run
    def on_group_merge(self, ctx: foo.ExecutionContext, run: PanelRun) -> None:
        """Make one cluster of a group."""
        apply_here(ctx, "merge", {"clusters": ctx.params["clusters"]})


def _group(ctx: foo.ExecutionContext, n_coarse: int | None) -> None:
    def group(key: str, version: int) -> dict:
        return build_cluster_hierarchy(ctx.dataset, key, n_coarse, version=version)

    show_edit(ctx, in_turn(ctx, group))
    draw(ctx)
