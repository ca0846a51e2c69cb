"""Form of ``compute_clusters`` for a training on images; nothing here loads torch."""

from typing import TYPE_CHECKING

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.parameters import validated
from ..clustering.image_training import check_name
from ..clustering.request import EMBEDDINGS, IMAGES
from ..dataset.targets import Target
from ..embedding.training import propose_name
from .parameters import add_parameters, form_values
from .target import has_pictures
from .widgets import HALF, add_choice, add_problem, check

if TYPE_CHECKING:
    from ...models.training.clustering.base import ClusteringRecipe

NOTHING = "nothing"
_PREFIX = "trained:"
_WHAT = {
    EMBEDDINGS: "Vectors, in seconds to minutes",
    IMAGES: "Images: features and clusters learn together",
}
_WHEN = {
    EMBEDDINGS: "The vectors of step 2 stay as they are",
    IMAGES: "For images that known encoders do not tell apart; takes minutes to hours, and is kept as an encoder",
}


def trains_on_images(params: dict) -> bool:
    """Return whether the form, or a caller, asks a method that can train on images to do so."""
    from ...models.training import list_clusterings

    return params.get("train") == IMAGES and params.get("method") in list_clusterings()


def add_train_choice(ctx: foo.ExecutionContext, inputs: types.Object, method: str) -> None:
    """Add the choice between vectors and images, if the method has it."""
    from ...models.training import clustering_class, list_clusterings

    if method in list_clusterings():
        chosen = ctx.params.get("train") or EMBEDDINGS
        hints = {**_WHEN, IMAGES: f"{clustering_class(method).when}. {_WHEN[IMAGES]}"}
        add_choice(inputs, "train", _WHAT, EMBEDDINGS, "Train on", hints.get(chosen), hints)


def add_image_training(ctx: foo.ExecutionContext, inputs: types.Object, target: Target, method: str) -> None:
    """Add the start of a training on images, the name it is kept under, and its parameters."""
    from ...models.training import clustering_class, store
    from ...models.training.clustering.base import Start

    has_pictures(inputs, target)
    cls = clustering_class(method)
    options = {NOTHING: "Nothing: random weights, features first", **_starts(cls)}
    start = _start(ctx.params, cls)
    why = "A trained encoder saves the epochs that make features"
    add_choice(inputs, "start", options, start, "Start from", why, space=HALF)
    proposed = propose_name(method)
    prop = inputs.str(
        "name",
        required=False,
        default=proposed,
        label="Name",
        description="What it learns is kept as trained:<name>, epoch by epoch; the same name and settings continue it",
        view=types.View(space=HALF),
    )
    check(prop, check_name, ctx.params.get("name") or proposed)
    # a Python caller that delegates sends arguments, not entries of the form
    entered = ctx.params.get(f"images_{method}") or ctx.params.get("params")
    shown = cls.relevant({"started": start != NOTHING})
    valid = add_parameters(inputs, f"images_{method}", cls, entered, shown, shown=8)
    recipe = cls(**validated(cls, valid))
    if start != NOTHING:
        recipe.start = Start(name := start.removeprefix(_PREFIX), store.record_of(name), {})
    try:
        recipe.check(target.count())
    except ValueError as error:  # of several parameters together, or of one and the number of images
        add_problem(inputs, str(error), name="method_problem")


def image_arguments(params: dict, kwargs: dict) -> dict:
    """Return ``kwargs`` as a training on images takes them: without what only vectors need.

    Args:
        params: what was entered, or what a Python caller that delegates sent
        kwargs: the arguments as they would be otherwise
    """
    from ...models.training import clustering_class

    entered = f"images_{params['method']}"
    if not {"start", "source", entered} & set(params):
        return kwargs
    cls = clustering_class(params["method"])
    unused = ("embeddings", "encoder", "encoder_params", "reduce", "reduce_params", "params")
    kwargs = {key: value for key, value in kwargs.items() if key not in unused}
    start = _start(params, cls)
    if start != NOTHING:
        kwargs["encoder"] = start
    shown = cls.relevant({"started": start != NOTHING})
    values = form_values(cls, params.get(entered))
    return kwargs | {"params": {key: value for key, value in values.items() if key in shown}}


def _starts(cls: "type[ClusteringRecipe]") -> dict[str, str]:
    """Return the trained encoders that a method can start from, with their titles."""
    from ...models.encoders import encoder_class
    from ...models.encoders.trained import trained_encoders
    from ...models.training import store

    found = {}
    for name in trained_encoders():
        try:
            cls.check_start(name, store.record_of(name.removeprefix(_PREFIX))["kind"])
        except ValueError:
            continue
        found[name] = encoder_class(name).title
    return found


def _start(params: dict, cls: "type[ClusteringRecipe]") -> str:
    """Return the chosen start; by default the trained encoder of step 2, if it is one."""
    chosen = params.get("start") or params.get("encoder")
    return chosen if chosen is not None and chosen in _starts(cls) else NOTHING
