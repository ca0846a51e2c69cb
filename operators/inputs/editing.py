"""Form of ``edit_clusters``: inputs for what the chosen edit takes, and the entered values as arguments."""

from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.labels import NOISE
from ...models.parameters import parameters, validated
from ..dataset.shapes import has_labels_as_samples
from ..editing.base import Edit, get_edit, list_edits
from ..editing.names import MAX_NAME, clean_name
from ..runs.run import Run
from ..runs.transaction import check_seen
from .parameters import add_parameter, add_parameters, form_values
from .widgets import add_choice, add_problem, check, refuse

NEW = "new"  # the choice of a cluster that does not exist yet
_OWN = ("cluster", "clusters", "ids", "name", "names", "level", "method", "params", "about")


def add_edit(ctx: foo.ExecutionContext, inputs: types.Object, run: Run) -> None:
    """Add the choice of an edit, and inputs for what it takes."""
    version = seen_in(run.key)
    inputs.int(version, default=run.version, required=False, view=types.HiddenView())
    try:
        run.check_labels()
        check_seen(run.key, run.version, ctx.params.get(version))
    except ValueError as error:
        add_problem(inputs, str(error))
        return
    edit, edits = _chosen(ctx.params), list_edits()
    titles = {name: known.title for name, known in edits.items()}
    add_choice(inputs, "action", titles, next(iter(edits)), "Edit", edit.hint or None)
    try:
        edit.check(run)
    except ValueError as error:
        add_problem(inputs, f"{str(error)[0].upper()}{str(error)[1:]}")
        return
    if found := edit.preview(run):
        inputs.view("step", types.Notice(label=found[0], description=found[1]))
    takes = edit.takes()
    if "level" in takes and run.coarse_clusters:
        add_choice(inputs, "level", {"fine": "Clusters", "coarse": "Coarse clusters"}, "fine", "Level")
    options = _options(ctx, run, edit)
    if "ids" in takes and _required(edit, "ids"):
        _add_selection(ctx, inputs, run)
    if "names" in takes or "cluster" in takes:
        optional = "cluster" in takes and not _required(edit, "cluster")
        offered = {NEW: "A new cluster", **options, str(NOISE): "Noise"} if optional else options
        add_choice(inputs, "cluster", offered, next(iter(offered)), "To" if optional else "Cluster")
    if "clusters" in takes:
        _add_clusters(ctx, inputs, options, edit.fewest)
    if "method" in takes:
        sizes = {str(record["id"]): record["size"] for record in run.clusters}
        _add_method(ctx, inputs, sizes.get(_cluster(ctx.params, options) or "", 2))
    if "names" in takes or ("name" in takes and _makes_name(ctx, edit)):
        _add_name(ctx, inputs, required="names" in takes)
    for key in takes:
        if key not in _OWN:
            add_parameter(inputs, key, parameters(edit.apply)[key])


def edit_arguments(ctx: foo.ExecutionContext, run: Run) -> dict:
    """Return the entered values as arguments of :func:`operators.editing.edit.edit_clusters`.

    Python callers that delegate send those arguments themselves; they pass through.
    """
    params, edit = ctx.params, _chosen(ctx.params)
    takes = edit.takes()
    found: dict[str, Any] = {"action": edit.name}
    options, name = _options(ctx, run, edit), params.get("name") or None
    if "level" in takes:
        found["level"] = _level(ctx, run, edit)
    if "names" in takes:
        found["names"] = params.get("names") or {_cluster(params, options): name or ""}
    if "ids" in takes and _required(edit, "ids"):
        found["ids"] = params.get("ids") or selected(ctx, run)
    if "cluster" in takes:
        goes = params.get("cluster") or NEW
        found["cluster"] = _cluster(params, options) if _required(edit, "cluster") else goes if goes != NEW else None
    if "clusters" in takes:
        found["clusters"] = params.get("clusters") or []
    if "method" in takes:
        method = params.get("method") or "kmeans"
        found |= {"method": method, "params": params.get("params") or _entered(params, method)}
    if "name" in takes and _makes_name(ctx, edit):
        found["name"] = name
    found |= {key: params[key] for key in takes if key not in _OWN and params.get(key) is not None}
    seen = params.get(seen_in(run.key))
    return found | ({"version": int(seen)} if seen is not None else {})


def selected(ctx: foo.ExecutionContext, run: Run) -> list[str]:
    """Return the ids of the selected images, or of the selected patches, as the run counts them."""
    if run.config.patches_field and not has_labels_as_samples(ctx.view):
        return [label["label_id"] for label in ctx.selected_labels or []]
    return list(ctx.selected or [])


def seen_in(run_key: str) -> str:
    """Return the name of the hidden input for the version that the form was opened on; each run has its own."""
    return f"version_{run_key}"


def _chosen(params: dict) -> type[Edit]:
    known = list_edits()
    return get_edit(params["action"] if params.get("action") in known else next(iter(known)))


def _required(edit: type[Edit], key: str) -> bool:
    parameter = edit.takes()[key]
    return parameter.default is parameter.empty


def _level(ctx: foo.ExecutionContext, run: Run, edit: type[Edit]) -> str:
    wanted = ctx.params.get("level") == "coarse" and "level" in edit.takes()
    return "coarse" if wanted and run.coarse_clusters else "fine"


def _options(ctx: foo.ExecutionContext, run: Run, edit: type[Edit]) -> dict[str, str]:
    """Return the labels of the clusters to choose from by id; noise is not among them."""
    records = run.level(_level(ctx, run, edit))
    return {str(r["id"]): f"{r['label']} ({r['size']:,})" for r in records if r["id"] != NOISE}


def _cluster(params: dict, options: dict[str, str]) -> str | None:
    chosen = params.get("cluster")
    return chosen if chosen in options else next(iter(options), None)


def _makes_name(ctx: foo.ExecutionContext, edit: type[Edit]) -> bool:
    """Return whether there is anything to name: always, unless an existing cluster was chosen."""
    return "cluster" not in edit.takes() or (ctx.params.get("cluster") or NEW) == NEW


def _add_clusters(ctx: foo.ExecutionContext, inputs: types.Object, options: dict[str, str], fewest: int) -> None:
    view = types.DropdownView(multiple=True)
    for key, label in options.items():
        view.add_choice(key, label=label)
    prop = inputs.list("clusters", types.Enum(list(options)), required=False, label="Clusters", view=view)
    chosen = [key for key in ctx.params.get("clusters") or [] if key in options]
    if len(chosen) < fewest:
        refuse(prop, "Choose at least two clusters" if fewest > 1 else "Choose a cluster")


def _add_name(ctx: foo.ExecutionContext, inputs: types.Object, required: bool) -> None:
    text = f"Up to {MAX_NAME} characters" if required else f"Up to {MAX_NAME} characters; the usual one if left empty"
    prop = inputs.str("name", required=required, label="Name", description=text)
    if ctx.params.get("name"):
        check(prop, clean_name, ctx.params["name"])


def _add_selection(ctx: foo.ExecutionContext, inputs: types.Object, run: Run) -> None:
    if ids := selected(ctx, run):
        inputs.view("selected", types.Notice(label=f"{len(ids):,} {run.unit} are selected"))
    else:
        add_problem(inputs, f"No {run.unit} are selected; close this form and select some in the grid")


def _add_method(ctx: foo.ExecutionContext, inputs: types.Object, size: int) -> None:
    from ...models.clusterers import get_clusterer, list_clusterers

    classes = {name: get_clusterer(name) for name in list_clusterers()}
    method = ctx.params.get("method") if ctx.params.get("method") in classes else "kmeans"
    add_choice(inputs, "method", {name: cls.title for name, cls in classes.items()}, "kmeans", "By")
    cls, entered, given = classes[method], _entered(ctx.params, method), ctx.params.get(f"method_{method}")
    shown, offered = cls.relevant(entered), cls.offered(entered)
    add_parameters(inputs, f"method_{method}", cls, given, shown, offered, defaults=_usual(cls))
    try:
        cls.check(validated(cls, entered), size)
    except ValueError as error:
        add_problem(inputs, str(error), name="method_problem")


def _entered(params: dict, method: str) -> dict[str, Any]:
    """Return the values entered for a method, by default two clusters."""
    from ...models.clusterers import get_clusterer

    cls = get_clusterer(method)
    return {**_usual(cls), **form_values(cls, params.get(f"method_{method}"))}


def _usual(cls: type) -> dict[str, Any]:
    """Return the defaults of a split; the form draws them, for the App sends what it draws."""
    return {"n_clusters": 2} if "n_clusters" in parameters(cls) else {}
