"""Steps of the ``compute_clusters`` form.

Nothing here touches the network or loads torch: forms are drawn at every keystroke.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.parameters import SEED, validated
from ..clustering.constraints import METHODS, check_constraints, edited_runs
from ..clustering.estimates import Estimate, estimate_run, image_estimate
from ..clustering.job import compute_clusters
from ..clustering.request import MAX_SEED
from ..clustering.sampling import AUTO, SampleError, entered_size
from ..dataset.ground_truth import truth_fields
from ..dataset.targets import Target
from ..dataset.vector_paths import resolve_vectors
from ..embedding.embeddings import choose_features, split_fields
from ..runs.lifecycle import check_cluster_field, check_run_key, propose_run_key
from .features import FILES, FILES_PATH, add_further_fields, chosen_source, further_fields
from .image_training import add_image_training, add_train_choice, image_arguments, trains_on_images
from .parameters import add_parameters, form_values
from .target import NEW, NONE, chosen_patches_field, chosen_samples
from .widgets import HALF, add_choice, add_heading, add_problem, check, refuse

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer


def add_names(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add to step 1: the run key and the field, checked while typing."""
    method = ctx.params.get("method") or "kmeans"
    proposed = propose_run_key(target.dataset, method)
    prop = inputs.str(
        "run_key",
        required=False,
        default=proposed,
        label="Run key",
        description="The name under which this run is kept",
        view=types.View(space=HALF),
    )
    run_key = ctx.params.get("run_key") or proposed
    check(prop, check_run_key, target.dataset, run_key)
    prop = inputs.str(
        "cluster_field",
        required=False,
        label="Cluster field",
        description=f"Where the clusters go; empty: {run_key}",
        view=types.View(space=HALF),
    )
    check(prop, check_cluster_field, target, _cluster_field(ctx) or run_key)


def add_method(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add step 3: the method and its own parameters."""
    from ...models.clusterers import get_clusterer, list_clusterers

    add_heading(inputs, "step_3", "3 · Clusters")
    classes = {name: get_clusterer(name) for name in list_clusterers()}
    method = ctx.params.get("method") or "kmeans"
    options = {name: cls.title for name, cls in classes.items()}
    hints = {name: cls.when for name, cls in classes.items()}
    groups = {name: _group(cls) for name, cls in classes.items()}
    prop = add_choice(inputs, "method", options, "kmeans", "Method", hints.get(method), hints, groups=groups)
    if method not in classes:
        refuse(prop, f"{method.removeprefix('group ')!r} is the caption of a group; choose a method below it")
        return
    add_train_choice(ctx, inputs, method)
    if trains_on_images(ctx.params):
        add_image_training(ctx, inputs, target, method)
        return
    cls = classes[method]
    entered = ctx.params.get(f"method_{method}")
    values = form_values(cls, entered)
    shown = cls.relevant(values)
    valid = add_parameters(inputs, f"method_{method}", cls, entered, shown, cls.offered(values))
    add_further_fields(inputs, target, cls, chosen_source(ctx.params, target))
    _add_constraints(ctx, inputs, target, method)
    if all(key in valid for key in values if key in shown):
        try:
            cls.check(validated(cls, {key: value for key, value in valid.items() if key in shown}), target.count())
        except ValueError as error:  # of several parameters together, or of one and the number of images
            add_problem(inputs, str(error), name="method_problem")


def _group(cls: "type[Clusterer]") -> str:
    from ...models.training import list_clusterings

    return cls.group.capitalize() + (" or from images" if cls.name in list_clusterings() else "")


def _add_constraints(ctx: foo.ExecutionContext, inputs: types.Object, target: Target, method: str) -> None:
    """Add a drop-down of edited runs, for a method that can keep what was put together in them."""
    if keys := edited_runs(target, method):
        options = {NONE: "None", **{key: f"Those of {key}" for key in keys}}
        why = "What was put together in an edited run stays together in this one"
        prop = add_choice(inputs, "constraints_from", options, NONE, "Keep merges and moves", why)
        if (chosen := ctx.params.get("constraints_from")) in keys:
            check(prop, check_constraints, target, chosen, method)


def add_truth(inputs: types.Object, target: Target) -> None:
    """Add the choice of classes to score against."""
    if classes := truth_fields(target):
        options = {NONE: "None", **{name: name for name in classes}}
        why = "Classes to score against, nothing else"
        add_choice(inputs, "ground_truth", options, NONE, "Ground truth", why, space=HALF)


def add_options(ctx: foo.ExecutionContext, inputs: types.Object) -> None:
    """Add step 4: seed, map."""
    add_heading(inputs, "step_4", "4 · Result")
    view = types.View(space=HALF)
    why = "Same seed, same clusters"
    prop = inputs.int("seed", min=0, required=False, default=SEED, label="Seed", description=why, view=view)
    seed = ctx.params.get("seed", SEED)
    if seed is not None and (not isinstance(seed, int) or not 0 <= seed <= MAX_SEED):
        refuse(prop, f"seed {seed!r} is not valid; use an integer from 0 to {MAX_SEED}")
    why = "How many images the method learns from; the others are placed in its clusters: auto, all, or a number"
    prop = inputs.str("fit_on", required=False, default=AUTO, label="Fit on", description=why, view=view)
    check(prop, entered_size, ctx.params.get("fit_on") or AUTO)
    inputs.bool(
        "visualize",
        required=False,
        default=True,
        label="2-D map",
        description="Draw the vectors in the Embeddings panel; made once for the same vectors",
    )


def add_estimate(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add the expected cost of the run, with a warning if it is high."""
    try:
        cost = estimate(ctx, target)
    except SampleError as error:
        add_problem(inputs, str(error), name="sample_problem")
        return
    except ValueError:
        return  # an input above is invalid and says so
    view = types.Warning if cost.warning else types.Notice
    inputs.view("estimate", view(label=cost.text, description=cost.warning))


def _cluster_field(ctx: foo.ExecutionContext) -> str | None:
    return ctx.params.get("cluster_field") or None


def estimate(ctx: foo.ExecutionContext, target: Target | None = None) -> Estimate:
    """Estimate a run of the form as it stands."""
    if target is None and ctx.dataset is None:
        raise ValueError("no dataset is open; open one first")
    samples, kwargs = arguments(ctx)
    names = kwargs.get("embeddings")
    if target is None:
        target, names = resolve_vectors(samples, kwargs.get("patches_field"), names)
    if trains_on_images(kwargs):
        return image_estimate(target, kwargs)
    first, more = split_fields(names)
    field, encoder = choose_features(target, first, kwargs.get("encoder"))
    return estimate_run(target, field, encoder, kwargs, more)


def arguments(
    ctx: foo.ExecutionContext, work: Callable[..., dict] = compute_clusters
) -> tuple[fo.core.collections.SampleCollection, dict]:
    """Return the samples and the other arguments of the plain function ``work`` as they were entered.

    Python callers that delegate send those arguments themselves; they pass through.
    """
    from ...models.clusterers import get_clusterer
    from ...models.encoders import default_encoder, encoder_class
    from ...models.vectors.reduction import get_reduction

    params = ctx.params
    known = set(inspect.signature(work).parameters) - {"samples", "progress"}
    kwargs = {key: value for key, value in params.items() if key in known and value not in (None, "", NONE)}
    if params.get("reduce") == NONE:
        kwargs["reduce"] = NONE
    if field := chosen_patches_field(params):
        kwargs["patches_field"] = field
    if trains_on_images(params):
        return chosen_samples(ctx), image_arguments(params, kwargs)
    for key in ("train", "name"):  # left behind in the form by another method
        kwargs.pop(key, None)
    if kwargs.get("method", "kmeans") not in METHODS:
        kwargs.pop("constraints_from", None)
    if params.get("source") == FILES:
        if not params.get(FILES_PATH):
            raise ValueError("no file of vectors is named; enter the path of a file or folder")
        kwargs["embeddings"] = params[FILES_PATH]
        kwargs.pop("encoder", None)
    elif params.get("source") not in (None, NEW):
        kwargs["embeddings"] = _fields(params)
        kwargs.pop("encoder", None)
    elif params.get("source") == NEW:
        kwargs.setdefault("encoder", default_encoder()[0])
    for kind, argument, get_class, default in (
        ("method", "params", get_clusterer, "kmeans"),
        ("reduce", "reduce_params", get_reduction, None),
        ("encoder", "encoder_params", encoder_class, None),
    ):
        chosen = kwargs.get(kind, default) or ""
        if argument in known and (entered := params.get(f"{kind}_{chosen}")) is not None:
            cls = get_class(chosen)
            values = form_values(cls, entered)
            shown = cls.relevant(values) if hasattr(cls, "relevant") else values
            kwargs[argument] = {key: value for key, value in values.items() if key in shown}
    return chosen_samples(ctx), kwargs


def _fields(params: dict) -> str | list[str]:
    """Return the chosen vector field, or those chosen if the method takes several."""
    from ...models.clusterers import get_clusterer

    chosen = [name for name in further_fields(params) if name != params["source"]]
    several = chosen and get_clusterer(params.get("method") or "kmeans").several_spaces
    return [params["source"], *chosen] if several else params["source"]
