"""The form of ``edit_clusters``: what each action asks for, and how what was entered becomes arguments."""

import fiftyone.operators.types as types

from ...models.parameters import validated
from ..dataset.private import is_patches
from ..editing.names import MAX_NAME, clean_name
from ..editing.transaction import check_seen
from ..runs import edit_log
from ..runs.store import check_labels, clusters_of, get_config, read_result, version_of
from .parameters import add_parameters, form_values
from .widgets import add_choice, add_problem, check, refuse

ACTIONS = {
    "rename": "Rename a cluster",
    "merge": "Merge clusters",
    "split": "Split a cluster",
    "move": "Move the selected samples",
    "dissolve": "Dissolve clusters into noise",
    "absorb_noise": "Put noise into the nearest cluster",
    "undo": "Undo the last edit",
    "redo": "Redo what was undone",
}
HINTS = {
    "merge": "The largest one's id and name stay",
    "split": "The largest part keeps the id and name, the others get new ones",
    "move": "Their confidence becomes 1, because you said so",
    "dissolve": "New samples that come to them are noise, too",
    "absorb_noise": "If the cosine to the cluster's center is at least the threshold",
}
NEW = "new"
THRESHOLD = 0.5


def add_edit(ctx, inputs, run_key: str):
    """Adds the choice of an action, and what that needs."""
    try:
        check_labels(ctx.dataset, run_key)
    except ValueError as error:
        add_problem(inputs, str(error))
        return
    version = version_of(ctx.dataset, run_key)
    inputs.int(seen_in(run_key), default=version, required=False, view=types.HiddenView())
    try:
        check_seen(run_key, version, ctx.params.get(seen_in(run_key)))
    except ValueError as error:
        add_problem(inputs, str(error))
        return
    action = _action(ctx.params)
    add_choice(inputs, "action", ACTIONS, "rename", "Edit", HINTS.get(action))
    entries = {str(entry["id"]): entry for entry in clusters_of(ctx.dataset, run_key, _level(ctx, run_key))}
    options = {key: f"{entry['label']} ({entry['size']:,})" for key, entry in entries.items() if key != "-1"}
    if not options and action not in ("move", "undo", "redo"):
        add_problem(inputs, "This run has no cluster; undo the edit that left none")
        return
    if action == "rename" and _has_coarse(ctx, run_key):
        levels = {"fine": "Clusters", "coarse": "Coarse clusters"}
        add_choice(inputs, "level", levels, "fine", "Level")
    if action in ("rename", "split"):
        add_choice(inputs, "cluster", options, next(iter(options)), "Cluster")
    if action in ("merge", "dissolve"):
        _add_clusters(ctx, inputs, options, 2 if action == "merge" else 1)
    if action == "move":
        _add_move(ctx, inputs, run_key, options)
    if action == "split":
        _add_method(ctx, inputs, entries.get(_cluster(ctx.params, options), {"size": 2}))
    if action in ("rename", "merge") or (action == "move" and ctx.params.get("cluster", NEW) == NEW):
        _add_name(ctx, inputs, required=action == "rename")
    if action == "absorb_noise":
        _add_threshold(inputs, entries)
    if action in ("undo", "redo"):
        _add_step(inputs, read_result(ctx.dataset, run_key, "edits") or [], action)


def edit_arguments(ctx, run_key: str) -> dict:
    """The arguments of ``edit_clusters`` from what was entered.

    Raises:
        ValueError: in one sentence, if nothing is selected that could be moved
    """
    params, action = ctx.params, _action(ctx.params)
    found = {"action": action}
    options = [str(entry["id"]) for entry in clusters_of(ctx.dataset, run_key, _level(ctx, run_key))]
    cluster, name = _cluster(params, [key for key in options if key != "-1"]), params.get("name") or None
    if action == "rename":
        found |= {"names": {cluster: name or ""}, "level": _level(ctx, run_key)}
    elif action in ("merge", "dissolve"):
        found |= {"clusters": params.get("clusters") or []} | ({"name": name} if action == "merge" else {})
    elif action == "split":
        method = params.get("method") or "kmeans"
        found |= {"cluster": cluster, "method": method, "params": _entered(params, method)}
    elif action == "move":
        goes = params.get("cluster") or NEW
        found |= {"ids": selected(ctx, run_key), **({"name": name} if goes == NEW else {"cluster": goes})}
    elif action == "absorb_noise":
        found["threshold"] = THRESHOLD if params.get("threshold") is None else params["threshold"]
    seen = params.get(seen_in(run_key))
    return found | ({"version": int(seen)} if seen is not None else {})


def selected(ctx, run_key: str) -> list[str]:
    """The ids of the selected images, or of the selected patches, as the run counts them."""
    patches = get_config(ctx.dataset, run_key).patches_field
    if patches and not is_patches(ctx.view):
        return [label["label_id"] for label in ctx.selected_labels or []]
    return list(ctx.selected or [])


def seen_in(run_key: str) -> str:
    """The hidden input that keeps the version which the form was opened on; each run has its own."""
    return f"version_{run_key}"


def _action(params) -> str:
    return params.get("action") if params.get("action") in ACTIONS else "rename"


def _level(ctx, run_key) -> str:
    coarse = ctx.params.get("level") == "coarse" and _action(ctx.params) == "rename" and _has_coarse(ctx, run_key)
    return "coarse" if coarse else "fine"


def _has_coarse(ctx, run_key) -> bool:
    return bool((read_result(ctx.dataset, run_key, "coarse") or {}).get("clusters"))


def _cluster(params, options) -> str | None:
    chosen = params.get("cluster")
    return chosen if chosen in options else next(iter(options), None)


def _add_clusters(ctx, inputs, options, fewest):
    view = types.DropdownView(multiple=True)
    for key, label in options.items():
        view.add_choice(key, label=label)
    prop = inputs.list("clusters", types.Enum(list(options)), required=False, label="Clusters", view=view)
    chosen = [key for key in ctx.params.get("clusters") or [] if key in options]
    if len(chosen) < fewest:
        refuse(prop, "Choose at least two clusters" if fewest > 1 else "Choose a cluster")


def _add_name(ctx, inputs, required):
    text = f"Up to {MAX_NAME} characters" if required else f"Up to {MAX_NAME} characters; the usual one if left empty"
    prop = inputs.str("name", required=required, label="Name", description=text)
    if ctx.params.get("name"):
        check(prop, clean_name, ctx.params["name"])


def _add_move(ctx, inputs, run_key, options):
    unit = "patches" if get_config(ctx.dataset, run_key).patches_field else "images"
    if not (ids := selected(ctx, run_key)):
        add_problem(inputs, f"No {unit} are selected; close this form and select some in the grid")
        return
    inputs.view("selected", types.Notice(label=f"{len(ids):,} {unit} are selected"))
    add_choice(inputs, "cluster", {NEW: "A new cluster", **options, "-1": "Noise"}, NEW, "To")


def _add_method(ctx, inputs, entry):
    from ...models.clusterers import get_clusterer, list_clusterers

    classes = {name: get_clusterer(name) for name in list_clusterers()}
    method = ctx.params.get("method") if ctx.params.get("method") in classes else "kmeans"
    add_choice(inputs, "method", {name: cls.title for name, cls in classes.items()}, "kmeans", "By")
    cls, entered = classes[method], _entered(ctx.params, method)
    add_parameters(inputs, f"method_{method}", cls, {**entered}, cls.relevant(entered), cls.offered(entered))
    try:
        cls.check(validated(cls, entered), entry["size"])
    except ValueError as error:
        add_problem(inputs, str(error), name="method_problem")


def _entered(params, method) -> dict:
    """What was entered for a method; two clusters unless something was."""
    from ...models.clusterers import get_clusterer
    from ...models.parameters import parameters

    cls = get_clusterer(method)
    usual = {"n_clusters": 2} if "n_clusters" in parameters(cls) else {}
    return {**usual, **form_values(cls, params.get(f"method_{method}"))}


def _add_threshold(inputs, entries):
    noise = entries.get("-1", {"size": 0})["size"]
    if not noise:
        add_problem(inputs, "This run has no noise")
        return
    text = f"{noise:,} are noise; those below the threshold stay so"
    inputs.float("threshold", default=THRESHOLD, required=False, min=-1, max=1, label="Least cosine", description=text)


def _add_step(inputs, log, action):
    stack = edit_log.undoable(log) if action == "undo" else edit_log.redoable(log)
    if not stack:
        add_problem(inputs, f"There is no edit to {action}")
        return
    edit = log[stack[-1]]
    inputs.view("step", types.Notice(label=edit["text"], description=f"By {edit['by']}, {edit['at']}"))
