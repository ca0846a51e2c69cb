"""What the menus of the Clusters panel offer, and the forms behind it, filled in."""

from ..inputs.editing import seen_in

RUN_ACTIONS = {
    "label_clusters": "Name the clusters…",
    "evaluate_clusters": "Evaluate…",
    "compare_clusterings": "Compare with another run…",
    "suggest_cluster_count": "Suggest a number of clusters…",
    "build_cluster_hierarchy": "Group the clusters…",
    "assign_clusters": "Assign new samples…",
    "sample_clusters": "Sample from every cluster…",
    "find_cluster_duplicates": "Find near-duplicates…",
    "propagate_labels": "Propose labels…",
    "export_clusters": "Export…",
    "rename_clustering_run": "Rename this run…",
    "delete_clustering_run": "Delete this run…",
}
CARD_ACTIONS = {
    "rename": "Rename…",
    "merge": "Merge with…",
    "move": "Move the selected ones here…",
    "split": "Split…",
    "dissolve": "Dissolve into noise…",
    "typical": "Show most typical first",
    "atypical": "Show least typical first",
    "borderline": "Show borderline members",
}
NOISE_ACTIONS = {"absorb_noise": "Put into the nearest clusters…", "move": "Move the selected ones here…"}
EDITS = ("rename", "merge", "move", "split", "dissolve", "absorb_noise")


def run_form(name: str, run) -> dict:
    """What the form of an operator is filled with.

    Args:
        name: the operator
        run: the :class:`operators.clusters_panel_run.PanelRun` that is shown
    """
    if name == "suggest_cluster_count":
        unit = {"unit": run.config.patches_field} if run.config.patches_field else {}
        return {"embeddings": run.config.embeddings, **unit}
    truth = {"ground_truth": run.ui["truth"]} if run.ui.get("truth") else {}
    return {"run_key": run.key, **(truth if name in ("evaluate_clusters", "propagate_labels") else {})}


def renamed_to(ctx) -> str | None:
    """The new key of the run that the panel shows, if the form that was opened here has renamed it."""
    asked, done = (ctx.params.get(name) or {} for name in ("original_params", "result"))
    renamed = "new_run_key" in asked and asked.get("run_key") == ctx.panel.get_state("run")
    return done.get("run_key") if renamed else None


def edit_form(action: str, run, cluster: int, version: int) -> dict:
    """What the form of ``edit_clusters`` is filled with for a cluster; a merger starts with the nearest one.

    Args:
        action: what is to be done
        run: the :class:`operators.clusters_panel_run.PanelRun` that is shown
        cluster: the cluster's id
        version: the version of the run that was drawn, for editors must not change what they have not seen
    """
    filled = {"run_key": run.key, "action": action, seen_in(run.key): version}
    if action == "rename":
        filled |= {"cluster": str(cluster), "name": run.names[cluster]}
    elif action in ("split", "move"):
        filled |= {"cluster": str(cluster)}
    elif action == "merge":
        nearest = run.statistics.get("clusters", {}).get(str(cluster), {}).get("nearest")
        filled["clusters"] = [str(cluster), *([str(nearest)] if nearest in run.cards else [])]
    elif action == "dissolve":
        filled["clusters"] = [str(cluster)]
    return filled
