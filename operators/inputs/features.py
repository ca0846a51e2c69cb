"""Form inputs for the vectors to cluster: a field, an encoder, a reduction."""

from typing import TYPE_CHECKING

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..dataset.targets import Target
from ..dataset.vector_fields import check_vector_field, field_encoder
from ..dataset.vector_paths import count_values, declared_vector_fields, vector_fields
from ..embedding.embeddings import field_name
from .image_training import trains_on_images
from .parameters import add_parameters
from .target import NEW, has_pictures
from .widgets import FULL, HALF, add_choice, add_heading, check

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from ...models.encoders.base import Encoder

_DOT = "/"  # stands for the dot of a path in the names of inputs, where the App takes a dot for a path of its own
COUNTED = 200_000  # above this, counting missing vectors at every keystroke would make the form slow


def add_features(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add step 2: an existing vector field, or an encoder and the field to fill; nothing if they are to be learned."""
    if trains_on_images(ctx.params):
        add_heading(inputs, "step_2", "2 · Features", "Learned from the images, together with the clusters")
        return
    add_heading(inputs, "step_2", "2 · Features")
    labels = {name: f"Vectors in {name}" for name in vector_fields(target.source, target.patches_field)}
    source = chosen_source(ctx.params, target)
    add_choice(
        inputs,
        "source",
        {**labels, NEW: "Compute new vectors"},
        source,
        "Vectors",
        "Existing vectors are used as they are; no model is loaded for them",
    )
    if source != NEW:
        _add_origin(inputs, target, source)
        return
    add_encoder(ctx, inputs, target)


def add_encoder(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> str:
    """Add an encoder, its parameters and the field it fills; return the encoder's name."""
    from ...models.encoders import default_encoder, encoder_class, list_encoders

    has_pictures(inputs, target)
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
    add_download(inputs, cls, entered)
    return encoder


def add_reduction(ctx: foo.ExecutionContext, inputs: types.Object) -> None:
    """Add to step 2: fewer dimensions before clustering."""
    if trains_on_images(ctx.params):
        return
    from ...models.vectors.reduction import REDUCTIONS

    options = {"auto": "Automatic", **{name: cls.title for name, cls in REDUCTIONS.items()}}
    hints = {"auto": "UMAP for density methods above 50 dimensions, otherwise none"}
    hints.update({name: cls.when for name, cls in REDUCTIONS.items()})
    reduce = ctx.params.get("reduce") or "auto"
    add_choice(inputs, "reduce", options, "auto", "Reduction", hints.get(reduce), hints)
    if reduce in REDUCTIONS:
        add_parameters(inputs, f"reduce_{reduce}", REDUCTIONS[reduce], ctx.params.get(f"reduce_{reduce}"))


def add_further_fields(inputs: types.Object, target: Target, cls: "type[Clusterer]", source: str) -> None:
    """Add a check box per further vector field, for a method that takes several."""
    others = [name for name in vector_fields(target.source, target.patches_field) if name != source]
    if source == NEW or not others or not cls.several_spaces:
        return
    box = types.Object()
    view = types.CheckboxView(space=HALF)
    for name in others:
        box.bool(name.replace(".", _DOT), default=False, required=False, label=f"Vectors in {name} too", view=view)
    inputs.define_property("spaces", box, view=types.View(space=FULL))


def further_fields(params: dict) -> list[str]:
    """Return the further vector fields that were chosen."""
    return [name.replace(_DOT, ".") for name, ticked in (params.get("spaces") or {}).items() if ticked]


def spaces_form(fields: list[str]) -> dict:
    """Return the values that tick further vector fields in the form."""
    return {"spaces": {name.replace(".", _DOT): True for name in fields}} if fields else {}


def chosen_source(params: dict, target: Target) -> str:
    """Return the vector field that was chosen, by default the first declared one, or :data:`NEW`."""
    chosen, source, patches_field = params.get("source"), target.source, target.patches_field
    if chosen is not None and (chosen == NEW or chosen in vector_fields(source, patches_field)):
        return str(chosen)
    return next(iter(declared_vector_fields(source, patches_field)), NEW)


def _add_origin(inputs: types.Object, target: Target, field: str) -> None:
    """Add a note: the encoder of a field, and how many images have no vector yet."""
    identity = field_encoder(target.source, target.local_path(field))
    made_by = f"made by {identity['name']} ({identity['weights']})" if identity else "of unrecorded origin"
    text = f"Vectors {made_by}"
    if not target.patches_field and (n := len(target.source)) <= COUNTED:
        missing = n - count_values(target.source, field)
        text += f"; {missing:,} of {n:,} images have none and are skipped" if missing else "; every image has one"
    inputs.view("features_note", types.Notice(label=text))


def add_download(inputs: types.Object, cls: "type[Encoder]", entered: dict) -> None:
    """Add a warning unless the encoder's weights are on this disk; looks at files only."""
    if cls(**entered).is_cached() is False:
        inputs.view("weights", types.Warning(label="The weights will be downloaded when the run starts"))
