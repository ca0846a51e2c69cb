"""Form inputs for the vectors to cluster: a field, an encoder, a reduction."""

from typing import TYPE_CHECKING

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.paths import local_path
from ..dataset.targets import Target
from ..dataset.vector_fields import check_vector_field, field_encoder
from ..dataset.vector_names import is_outside
from ..dataset.vector_paths import count_values, declared_vector_fields, vector_fields
from ..dataset.vector_sources import open_outside, resolve_sources
from ..embedding.embeddings import field_name
from ..embedding.shards import check_folder
from .image_training import trains_on_images
from .parameters import add_parameters
from .target import NEW, has_pictures
from .widgets import FULL, HALF, add_choice, add_heading, add_problem, check

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from ...models.encoders.base import Encoder

_DOT = "/"  # stands for the dot of a path in the names of inputs, where the App takes a dot for a path of its own
FILES, FILES_PATH = "vectors from files", "vectors_path"  # a choice of vectors, and the text that it asks for
COUNTED = 200_000  # above this, counting missing vectors at every keystroke would make the form slow


def add_features(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add step 2: an existing vector field, or an encoder and the field to fill; nothing if they are to be learned."""
    if trains_on_images(ctx.params):
        add_heading(inputs, "step_2", "2 · Features", "Learned from the images, together with the clusters")
        return
    add_heading(inputs, "step_2", "2 · Features")
    source = chosen_source(ctx.params, target)
    labels = vector_options(target, source)
    add_choice(
        inputs,
        "source",
        {**labels, NEW: "Compute new vectors", FILES: "From files or a Brain run"},
        source,
        "Vectors",
        "Existing vectors are used as they are; no model is loaded for them",
    )
    if source == FILES:
        _add_path(ctx, inputs, target)
    elif source != NEW:
        _add_origin(inputs, target, source)
    else:
        add_encoder(ctx, inputs, target)


def vector_options(target: Target, chosen: str | None = None) -> dict[str, str]:
    """Return the vector fields to choose from, with their captions, and the Brain run or file that was filled in."""
    names = vector_fields(target.source, target.patches_field)
    names += [chosen] if chosen and is_outside(chosen) else []
    return {name: f"Vectors in {name}" for name in names}


def _add_path(ctx: foo.ExecutionContext, inputs: types.Object, target: Target) -> None:
    """Add the text that names a file or folder of vectors, checked while typing."""
    why = "A .npy or Parquet file with the ids of samples, or a folder of such; or a Brain key"
    prop = inputs.str(FILES_PATH, required=True, label="Path", description=why, view=types.View(space=FULL))
    if entered := ctx.params.get(FILES_PATH):
        check(prop, _check_path, target, entered)


def _check_path(target: Target, entered: str) -> None:
    (name,) = resolve_sources(target, [entered])
    if is_outside(name):
        open_outside(target.source, name, target.patches_field)
    elif name not in vector_fields(target.source, target.patches_field):
        raise ValueError(f"there is no file or Brain run {entered!r}; enter the path of a file or folder")


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


def add_folder(ctx: foo.ExecutionContext, inputs: types.Object) -> None:
    """Add the folder that files of vectors go to instead of a field, and the numbers in them."""
    why = "Write files there instead of the field, where vectors are more than the database should hold"
    prop = inputs.str("path", required=False, label="Folder", description=why, view=types.View(space=HALF))
    if path := ctx.params.get("path"):
        numbers = {"float32": "32 bits", "float16": "16 bits, half the disk"}
        add_choice(inputs, "dtype", numbers, None, "Numbers", "By default as the folder has them", space=HALF)
        check(prop, _check_folder, path, ctx.params.get("dtype") or None, ctx.params.get("embeddings"))


def _check_folder(path: str, dtype: str | None, field: str | None) -> None:
    if field:
        raise ValueError(f"the vector field {field!r} is named too; leave one of them empty")
    check_folder(str(local_path(path)), dtype)


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
    if source in (NEW, FILES) or not others or not cls.several_spaces:
        return
    box = types.Object()
    view = types.CheckboxView(space=HALF)
    for name in others:
        box.bool(name.replace(".", _DOT), default=False, required=False, label=f"Vectors in {name} too", view=view)
    inputs.define_property("spaces", box, view=types.View(space=FULL))


def further_fields(params: dict) -> list[str]:
    """Return the further vector fields that were chosen."""
    ticked = [name for name, chosen in (params.get("spaces") or {}).items() if chosen]
    return [name if is_outside(name) else name.replace(_DOT, ".") for name in ticked]


def spaces_form(fields: list[str]) -> dict:
    """Return the values that tick further vector fields in the form."""
    names = [name if is_outside(name) else name.replace(".", _DOT) for name in fields]
    return {"spaces": dict.fromkeys(names, True)} if fields else {}


def chosen_source(params: dict, target: Target) -> str:
    """Return the vectors that were chosen, by default the first declared field, or :data:`NEW` or :data:`FILES`."""
    chosen, source, patches_field = params.get("source"), target.source, target.patches_field
    if chosen is not None and (
        chosen in (NEW, FILES) or is_outside(chosen) or chosen in vector_fields(source, patches_field)
    ):
        return str(chosen)
    return next(iter(declared_vector_fields(source, patches_field)), NEW)


def _add_origin(inputs: types.Object, target: Target, field: str) -> None:
    """Add a note: the encoder of a field, and how many images have no vector yet."""
    if is_outside(field):
        try:
            n = open_outside(target.source, field, target.patches_field).count
            inputs.view("features_note", types.Notice(label=f"{n:,} vectors there, joined by id or file"))
        except ValueError as error:
            add_problem(inputs, str(error))
        return
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
