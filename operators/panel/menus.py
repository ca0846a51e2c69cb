"""Menus of the Clusters panel, and the forms behind them, filled in."""

from typing import Any

import fiftyone.operators as foo

from ...models.labels import NOISE
from ..clustering.request import IMAGES
from ..editing.base import get_edit, list_edits
from ..inputs.editing import seen_in
from ..inputs.features import spaces_form
from ..inputs.short_form import MORE
from ..runs.config import RunConfig
from .run import PanelRun

RUN_ACTIONS = {
    "label_clusters": "Name the clusters…",
    "evaluate_clusters": "Evaluate…",
    "suggest_cluster_count": "Suggest a number of clusters…",
    "assign_clusters": "Assign new samples…",
    "load_clustering_view": "Show in the grid…",
    "load_odd_images": "Show outliers…",
    "sample_clusters": "Sample from every cluster…",
    "find_cluster_duplicates": "Find near-duplicates…",
    "propagate_labels": "Propose labels…",
    "tabulate_clusters": "Tabulate by split or class…",
    "export_clusters": "Export…",
    "rename_clustering_run": "Rename this run…",
    "delete_clustering_run": "Delete this run…",
}
AGAIN = "compute_clusters"
PLACES = {
    AGAIN: "Run again with…",
    "evaluate_clusters": "Evaluate…",
    "export_clusters": "Export…",
    "get_clustering_run_info": "As JSON…",
    "rename_clustering_run": "Rename…",
    "delete_clustering_run": "Delete…",
}  # of the tab with the run's record
_VIEWS = {
    "typical": "Show most typical first",
    "atypical": "Show least typical first",
    "borderline": "Show borderline members",
    "review": "Review borderline members",
}


def card_actions(cluster: int) -> dict[str, str]:
    """Return the labels of what can be done with a cluster, or with noise, by name of the edit or order of members."""
    if cluster == NOISE:
        return {name: edit.noise_menu for name, edit in list_edits().items() if edit.noise_menu}
    return {name: edit.card_menu for name, edit in list_edits().items() if edit.card_menu} | _VIEWS


def run_form(name: str, run: PanelRun) -> dict:
    """Return the values that the form of an operator is filled with.

    Args:
        name: the operator
        run: the run that is shown
    """
    if name == AGAIN:
        return again_form(run.config)
    if name == "suggest_cluster_count":
        unit = {"unit": run.config.patches_field} if run.config.patches_field else {}
        return {"embeddings": run.config.embeddings, **unit}
    truth = {"ground_truth": run.ui["truth"]} if run.ui.get("truth") else {}
    return {"run_key": run.key, **(truth if name in ("evaluate_clusters", "propagate_labels") else {})}


def again_form(config: RunConfig) -> dict:
    """Return the values that the form of a new run is filled with to repeat a run."""
    form: dict[str, Any] = {MORE: True, "method": config.method, "seed": config.seed}
    form["visualize"] = config.visualization is not None
    if config.patches_field:
        form["unit"] = config.patches_field
    if config.ground_truth:
        form["ground_truth"] = config.ground_truth
    if config.constraints_from:
        form["constraints_from"] = config.constraints_from
    params = {key: value for key, value in config.params.items() if value is not None}
    if config.training:
        return form | {"train": IMAGES, f"images_{config.method}": params}
    form |= {"source": config.embeddings, "reduce": config.reduce, f"method_{config.method}": params}
    if config.reduce_params:
        form[f"reduce_{config.reduce}"] = config.reduce_params
    return form | spaces_form([space["embeddings"] for space in config.spaces[1:]])


def renamed_to(ctx: foo.ExecutionContext) -> str | None:
    """Return the new key of the run that the panel shows, if the form that was opened here has renamed it."""
    asked, done = (ctx.params.get(name) or {} for name in ("original_params", "result"))
    renamed = "new_run_key" in asked and asked.get("run_key") == ctx.panel.get_state("run")
    return done.get("run_key") if renamed else None


def edit_form(action: str, run: PanelRun, cluster: int, version: int) -> dict:
    """Return the values of the ``edit_clusters`` form for a cluster; a merger starts with the nearest one.

    Args:
        action: the name of an edit
        run: the run that is shown
        cluster: the cluster's id
        version: the version of the run that was drawn, for editors must not change what they have not seen
    """
    edit, filled = get_edit(action), {"run_key": run.key, "action": action, seen_in(run.key): version}
    takes = edit.takes()
    if "names" in takes:
        filled |= {"cluster": str(cluster), "name": run.names[cluster]}
    if "cluster" in takes:
        filled["cluster"] = str(cluster)
    if "clusters" in takes:
        nearest = run.statistics.get("clusters", {}).get(str(cluster), {}).get("nearest")
        more = [str(nearest)] if edit.fewest > 1 and nearest in run.cards else []
        filled["clusters"] = [str(cluster), *more]
    return filled
