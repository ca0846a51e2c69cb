"""Form of ``train_encoder``, and its values as arguments."""

from pathlib import Path
from typing import TYPE_CHECKING

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.costs import duration, expected_device
from ..clustering.estimates import IMMEDIATE_SECONDS
from ..dataset.ground_truth import truth_fields
from ..dataset.targets import Target
from ..embedding.plan import EPOCHS, KIND
from ..embedding.training import propose_name, proposed_side
from .parameters import add_parameters, form_values
from .target import NONE, chosen_patches_field, chosen_samples
from .widgets import HALF, add_choice, add_heading, add_problem, refuse

if TYPE_CHECKING:
    from ...models.training.recipe import Recipe

NEW = "a new encoder"
SHOWN = 9  # parameters: size, batch and all that says which changes of an image do not matter
SCHEDULE = (
    "Execute trains in the background as long as the App's server runs, and every epoch is kept. Schedule runs it in a "
    "worker of its own (fiftyone delegated launch); the App offers that only if it was started with "
    "FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS=true"
)


def training_arguments(ctx: foo.ExecutionContext) -> tuple[fo.core.collections.SampleCollection, dict]:
    """Return the samples and the other arguments of ``train_encoder`` as they were entered.

    Python callers that delegate send those arguments themselves; they pass through.
    """
    from ...models.training import recipe_class

    params = ctx.params
    known = ("name", "kind", "epochs", "params", "resume", "patches_field", "ground_truth", "seed", "num_workers")
    kwargs = {key: params[key] for key in known if params.get(key) not in (None, "", NONE)}
    if patches_field := chosen_patches_field(params):
        kwargs["patches_field"] = patches_field
    if params.get("continue") not in (None, NEW):
        kwargs = {key: kwargs[key] for key in ("epochs", "patches_field", "ground_truth") if key in kwargs}
        kwargs |= {"name": params["continue"], "resume": True}
    elif (entered := params.get(f"train_{kwargs.get('kind', KIND)}")) is not None:
        kwargs["params"] = form_values(recipe_class(kwargs.get("kind", KIND)), entered)
    return chosen_samples(ctx), kwargs


def trained_clusters(path: Path) -> bool:
    """Return whether only ``compute_clusters`` continues a checkpoint; a damaged one is reported once it is chosen."""
    from ...models.training import list_clusterings
    from ...models.training.checkpoint import read_record

    try:
        return read_record(path)["kind"] in list_clusterings()
    except ValueError:
        return False


def add_new(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add the inputs of a new training: name, epochs, kind and its parameters, cost."""
    from ...models.training import list_recipes, recipe_class, store

    kind = ctx.params.get("kind") or KIND
    half = types.View(space=HALF)
    prop = inputs.str(
        "name",
        required=False,
        default=propose_name(kind),
        label="Name",
        description="It appears as trained:<name> wherever encoders are offered",
        view=half,
    )
    try:
        store.check_free(ctx.params.get("name") or propose_name(kind))
    except ValueError as error:
        refuse(prop, str(error))
    inputs.int(
        "epochs", min=1, required=False, default=EPOCHS, label="Epochs", description="Passes over the images", view=half
    )
    classes = {key: recipe_class(key) for key in list_recipes()}
    hints = {key: cls.when for key, cls in classes.items()}
    add_choice(inputs, "kind", {k: c.title for k, c in classes.items()}, KIND, "Kind", hints.get(kind), hints)
    add_heading(inputs, "step_training", "3 · Training")
    cls = classes.get(kind, classes[KIND])
    entered = ctx.params.get(f"train_{kind}") or ctx.params.get("params")
    valid = add_parameters(inputs, f"train_{kind}", cls, entered, shown=SHOWN)
    _add_truth(inputs, target)
    _add_estimate(inputs, target, cls(**valid), ctx.params.get("epochs") or EPOCHS)


def add_continued(inputs: types.Object, path: Path) -> None:
    """Add the inputs of a training that goes on, or the reason why its checkpoint cannot be read."""
    from ...models.training.checkpoint import read_record

    try:
        record = read_record(path)
    except ValueError as error:
        add_problem(inputs, str(error))
        return
    text = f"{record['kind']}, {record['epoch']} of {record['planned']} epochs done on {record['data']['n']:,} images"
    inputs.view("state", types.Notice(label=text, description="It continues only on the images it was trained on"))
    inputs.int("epochs", min=record["epochs"], required=False, default=record["epochs"], label="Epochs in all")
    inputs.view("delegation", types.Notice(label="Longer than a few minutes", description=SCHEDULE))


def _add_truth(inputs: types.Object, target: Target) -> None:
    classes = truth_fields(target)
    if classes:
        options = {NONE: "None", **{name: name for name in classes}}
        why = "Classes for a reported k-NN accuracy; never used to train or choose"
        add_choice(inputs, "ground_truth", options, NONE, "Ground truth", why)


def _add_estimate(inputs: types.Object, target: Target, recipe: "Recipe", epochs: int) -> None:
    """Add the expected time, to the order of magnitude."""
    n = target.count()
    side = proposed_side(target, recipe)
    device = expected_device()
    seconds = n * epochs * recipe.seconds_per_image(side) / device.speedup
    text = f"About {duration(max(1, seconds))} for {n:,} {target.unit} at {side} pixels on {device.name}"
    if recipe.batch_size > n:
        text = f"batch_size={recipe.batch_size} exceeds the {n} {target.unit}; choose at most {n}"
        add_problem(inputs, text, name="too_few")
        return
    long = seconds > IMMEDIATE_SECONDS
    inputs.view("estimate", (types.Warning if long else types.Notice)(label=text, description=SCHEDULE))
