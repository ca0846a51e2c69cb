"""The short form of ``compute_clusters``: what, how many, against which classes; the rest is folded under "More"."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.parameters import SEED, parameters, validated
from ..clustering.sampling import AUTO
from ..dataset.targets import Target
from ..runs.lifecycle import propose_run_key
from .features import FILES, FILES_PATH, add_download, chosen_source
from .parameters import add_parameter, form_values
from .target import NEW, has_pictures
from .widgets import FULL, HALF, refuse

MORE = "more"
COUNT = "n_clusters"
SUGGEST = "@constellation/clusters/suggest_cluster_count"
# The inputs behind "More", which are empty until they are drawn, and what those are that others fill in
_FOLDED = {"run_key", "cluster_field", "encoder", "embeddings", "spaces", "constraints_from", "train", "name", "params"}
_FOLDED |= {FILES_PATH}
_FOLDED_OF_A_CHOICE = ("encoder_", "reduce_", "images_", "train_")
_USUAL = {"method": ("kmeans",), "reduce": ("auto", "none"), "visualize": (True,), "seed": (SEED,), "fit_on": (AUTO,)}


def is_unfolded(ctx: foo.ExecutionContext, target: Target) -> bool:
    """Return whether the whole form is shown: as the user ticked, else if anything in it was entered or filled in."""
    chosen = ctx.params.get(MORE)
    return bool(chosen) if chosen is not None else any(_differs(ctx, target, key) for key in ctx.params)


def _differs(ctx: foo.ExecutionContext, target: Target, key: str) -> bool:
    """Return whether an input behind "More" is not what it is without a word."""
    value = ctx.params[key]
    if value in (None, "", {}):
        return False
    if key in _USUAL:
        return value not in _USUAL[key]
    if key == "source":
        return bool(value != chosen_source({}, target))
    if key.startswith("method_"):
        return bool(set(value) - {COUNT})
    return key in _FOLDED or key.startswith(_FOLDED_OF_A_CHOICE)  # buttons of the App send keys of their own, too


def add_count(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add the number of clusters, if the method takes one, and beside it the way to a suggestion."""
    from ...models.clusterers import get_clusterer

    cls = get_clusterer(ctx.params.get("method") or "kmeans")
    entered = form_values(cls, ctx.params.get(f"method_{cls.name}"))
    if COUNT not in cls.relevant(entered):
        return
    box = types.Object()
    prop = add_parameter(box, COUNT, parameters(cls)[COUNT])
    try:
        cls.check(validated(cls, entered), target.count())
    except ValueError as error:
        refuse(prop, str(error))
    source = chosen_source(ctx.params, target)
    if source not in (NEW, FILES):
        unit = {"unit": target.patches_field} if target.patches_field else {}
        box.btn(
            "suggest",
            label="Suggest a number…",
            on_click=SUGGEST,
            prompt=True,
            params={"embeddings": source, **unit},
            variant="outlined",
            space=HALF,
        )
    inputs.define_property(f"method_{cls.name}", box, view=types.View(space=FULL))


def add_more(ctx: foo.ExecutionContext, inputs: types.Object, target: Target, unfolded: bool) -> None:
    """Add the check box that unfolds the rest, with what that is at present."""
    from ...models.clusterers import get_clusterer
    from ...models.encoders import default_encoder, encoder_class

    method = ctx.params.get("method") or "kmeans"
    text = "Method, vectors, names, seed and map"
    if not unfolded:
        source = chosen_source(ctx.params, target)
        if source == NEW:
            encoder = encoder_class(ctx.params.get("encoder") or default_encoder()[0])
            has_pictures(inputs, target)
            add_download(inputs, encoder, {})
            source = f"new vectors by {encoder.title}"
        else:
            source = f"the vectors in {source}"
        key = ctx.params.get("run_key") or propose_run_key(target.dataset, method)
        text = f"{text}: now {get_clusterer(method).title} on {source}, kept as {key}"
    view = types.CheckboxView(space=FULL)
    inputs.bool(MORE, default=unfolded, required=False, label="More", description=text, view=view)
