"""The steps of the ``compute_clusters`` form.

Nothing here touches the network or loads torch: forms are drawn at every keystroke.
"""

import fiftyone.operators.types as types

from ..models.parameters import validated
from .clustering.constraints import check_constraints, edited_runs
from .clustering.job import SEED
from .clustering.request import MAX_SEED
from .dataset.ground_truth import truth_fields
from .dataset.targets import patch_fields, resolve_target
from .dataset.vector_fields import check_vector_field, field_encoder
from .dataset.vectors import vector_fields
from .embedding.embeddings import field_name
from .form_arguments import NEW, NONE, WHOLE, chosen_patches_field, chosen_samples, estimate
from .forms import FULL, HALF, add_choice, add_heading, add_parameters, add_problem, check, form_values, refuse
from .image_form import add_image_training, add_train_choice, trains_on_images
from .runs import lifecycle as runs

COUNTED = 200_000  # above this, counting missing vectors at every keystroke would make the form slow


def add_target(ctx, inputs):
    """Step 1: what to cluster. Returns the target, or None if there is nothing to cluster."""
    if ctx.dataset is None:
        add_problem(inputs, "No dataset is open; open one first")
        return None
    add_heading(inputs, "step_1", "1 · What", _what(ctx))
    inputs.view_target(ctx, action_description="Use")
    samples = chosen_samples(ctx, inputs)
    patches_field = None
    if not getattr(samples, "_is_patches", False) and (fields := patch_fields(samples)):
        options = {WHOLE: "Whole images", **{name: f"Patches of {name}" for name in fields}}
        add_choice(inputs, "unit", options, WHOLE, "Unit", "Whole images, or each labelled patch in them")
        patches_field = chosen_patches_field(ctx.params)
    try:
        return resolve_target(samples, patches_field)
    except ValueError as error:
        add_problem(inputs, str(error))
        return None


def add_names(ctx, inputs, target):
    """Step 1, continued: the run key and the field, checked while typing."""
    method = ctx.params.get("method") or "kmeans"
    proposed = runs.propose_run_key(target.dataset, method)
    prop = inputs.str(
        "run_key",
        required=False,
        default=proposed,
        label="Run key",
        description="The name under which this run is kept",
        view=types.View(space=HALF),
    )
    run_key = ctx.params.get("run_key") or proposed
    check(prop, runs.check_run_key, target.dataset, run_key)
    prop = inputs.str(
        "cluster_field",
        required=False,
        label="Cluster field",
        description=f"Where the clusters go; empty: {run_key}",
        view=types.View(space=HALF),
    )
    check(prop, runs.check_cluster_field, target, _cluster_field(ctx) or run_key)


def add_features(ctx, inputs, target):
    """Step 2: an existing vector field, or an encoder and the field to fill; nothing if they are to be learned."""
    if trains_on_images(ctx.params):
        add_heading(inputs, "step_2", "2 · Features", "Learned from the images, together with the clusters")
        return
    add_heading(inputs, "step_2", "2 · Features")
    patches_field = target.patches_field
    fields = vector_fields(target.source, patches_field)
    labels = {name: f"Vectors in {name}" for name in fields}
    add_choice(
        inputs,
        "source",
        {**labels, NEW: "Compute new vectors"},
        _source(ctx.params, fields),
        "Vectors",
        "Existing vectors are used as they are; no model is loaded for them",
    )
    source = _source(ctx.params, fields)
    if source != NEW:
        _say_what_is_missing(inputs, target, source)
        return
    add_encoder(ctx, inputs, target)


def add_encoder(ctx, inputs, target) -> str:
    """An encoder, its parameters and the field it fills; returns the encoder's name."""
    from ..models.encoders import default_encoder, encoder_class, list_encoders

    name, reason = default_encoder()
    options = {key: encoder_class(key).title for key in list_encoders()}
    hints = {key: encoder_class(key).when for key in options}
    encoder = ctx.params.get("encoder") or name
    text = f"{name} is the default: {reason}" if encoder == name else hints.get(encoder)
    add_choice(inputs, "encoder", options, name, "Encoder", text, hints, space=HALF)
    prop = inputs.str(
        "embeddings",
        required=False,
        label="Vector field",
        description=f"Where the vectors go; empty: {field_name(encoder)}",
        view=types.View(space=HALF),
    )
    check(prop, check_vector_field, target.source, ctx.params.get("embeddings") or field_name(encoder), target.labels)
    cls = encoder_class(encoder)
    entered = add_parameters(inputs, f"encoder_{encoder}", cls, ctx.params.get(f"encoder_{encoder}"), shown=2)
    _say_if_download(inputs, cls, entered)
    return encoder


def add_reduction(ctx, inputs):
    """Step 2, continued: fewer dimensions before clustering."""
    if trains_on_images(ctx.params):
        return
    from ..models.vectors.reduction import REDUCTIONS

    options = {"auto": "Automatic", **{name: cls.title for name, cls in REDUCTIONS.items()}}
    hints = {"auto": "UMAP for density methods above 50 dimensions, otherwise none"}
    hints.update({name: cls.when for name, cls in REDUCTIONS.items()})
    reduce = ctx.params.get("reduce") or "auto"
    add_choice(inputs, "reduce", options, "auto", "Reduction", hints.get(reduce), hints)
    if reduce in REDUCTIONS:
        add_parameters(inputs, f"reduce_{reduce}", REDUCTIONS[reduce], ctx.params.get(f"reduce_{reduce}"))


def add_method(ctx, inputs, target):
    """Step 3: the method and its own parameters."""
    from ..models.clusterers import get_clusterer, list_clusterers

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
    _add_spaces(inputs, target, cls, _source(ctx.params, vector_fields(target.source, target.patches_field)))
    _add_constraints(ctx, inputs, target, method)
    if all(key in valid for key in values if key in shown):
        try:
            cls.check(validated(cls, {key: value for key, value in valid.items() if key in shown}), target.count())
        except ValueError as error:  # of several parameters together, or of one and the number of images
            add_problem(inputs, str(error), name="method_problem")


def _group(cls) -> str:
    from ..models.training import list_clusterings

    return cls.group.capitalize() + (" or from images" if cls.name in list_clusterings() else "")


def _add_spaces(inputs, target, cls, source):
    """A check box per further vector field, for a method that takes several."""
    others = [name for name in vector_fields(target.source, target.patches_field) if name != source]
    if source == NEW or not others or not cls.several_spaces:
        return
    box = types.Object()
    view = types.CheckboxView(space=HALF)
    for name in others:
        box.bool(name, default=False, required=False, label=f"Vectors in {name} too", view=view)
    inputs.define_property("spaces", box, view=types.View(space=FULL))


def _add_constraints(ctx, inputs, target, method):
    """A drop-down of edited runs, for a method that can keep what was put together in them."""
    if keys := edited_runs(target, method):
        options = {NONE: "None", **{key: f"Those of {key}" for key in keys}}
        why = "What was put together in an edited run stays together in this one"
        prop = add_choice(inputs, "constraints_from", options, NONE, "Keep merges and moves", why)
        if (chosen := ctx.params.get("constraints_from")) in keys:
            check(prop, check_constraints, target, chosen, method)


def add_options(ctx, inputs, target):
    """Step 4: ground truth, seed, map."""
    add_heading(inputs, "step_4", "4 · Result")
    classes = truth_fields(target)
    if classes:
        options = {NONE: "None", **{name: name for name in classes}}
        why = "Classes to score against, nothing else"
        add_choice(inputs, "ground_truth", options, NONE, "Ground truth", why, space=HALF)
    view = types.View(space=HALF)
    why = "Same seed, same clusters"
    prop = inputs.int("seed", min=0, required=False, default=SEED, label="Seed", description=why, view=view)
    seed = ctx.params.get("seed", SEED)
    if seed is not None and (not isinstance(seed, int) or not 0 <= seed <= MAX_SEED):
        refuse(prop, f"seed {seed!r} is not valid; use an integer from 0 to {MAX_SEED}")
    inputs.bool(
        "visualize",
        required=False,
        default=True,
        label="2-D map",
        description="Draw the vectors in the Embeddings panel; made once for the same vectors",
    )


def add_estimate(ctx, inputs, target):
    """Last: what the run will cost, with a warning when that is a lot."""
    try:
        cost = estimate(ctx, target)
    except ValueError:
        return  # an input above is invalid and says so
    view = types.Warning if cost.warning else types.Notice
    inputs.view("estimate", view(label=cost.text, description=cost.warning))


def _what(ctx) -> str:
    samples = ctx.target_view()
    if samples.media_type == "group":
        return f"{len(samples):,} groups of dataset {ctx.dataset.name}"
    unit = "patches" if getattr(samples, "_is_patches", False) else "images"
    unit = unit if len(samples) != 1 else "patch" if unit == "patches" else "image"
    return f"{len(samples):,} {unit} of dataset {ctx.dataset.name}"


def _cluster_field(ctx) -> str | None:
    return ctx.params.get("cluster_field") or None


def _source(params, fields) -> str:
    chosen = params.get("source")
    if chosen in fields or chosen == NEW:
        return chosen
    return fields[0] if fields else NEW


def _say_what_is_missing(inputs, target, field):
    """How many images of the target have no vector yet."""
    identity = field_encoder(target.source, target.local_path(field))
    made_by = f"made by {identity['name']} ({identity['weights']})" if identity else "of unrecorded origin"
    text = f"Vectors {made_by}"
    if not target.patches_field and (n := len(target.source)) <= COUNTED:
        missing = len(target.source.exists(field, False))
        text += f"; {missing:,} of {n:,} images have none and are skipped" if missing else "; every image has one"
    inputs.view("features_note", types.Notice(label=text))


def _say_if_download(inputs, cls, entered):
    """A warning unless the encoder's weights are on this disk; looks at files only."""
    if cls(**entered).is_cached() is False:
        inputs.view("weights", types.Warning(label="The weights will be downloaded when the run starts"))
