"""Origin of vector fields: the encoder that filled one, and whether another may go on."""

import fiftyone as fo
import numpy as np

from ...models.encoders import encoder_class, get_encoder
from ...models.encoders.base import Encoder, same_encoder
from ...models.parameters import parameters
from .private import schema_dataset
from .rows import Rows, own_fields, require_shown, storage_of
from .vector_names import is_outside
from .vector_paths import first_vector, holds_vectors
from .vector_sources import outside_record

_LOOKED_AT = 100  # samples whose labels are looked at for other data of a name; forms ask at every keystroke


def field_encoder(samples: fo.core.collections.SampleCollection, path: str) -> dict | None:
    """Return the identity of the encoder that filled the field at ``path``, or None if it is not on record.

    Args:
        samples: a dataset or view
        path: a full path, ``"emb"`` or ``"ground_truth.detections.emb"``; or that of a folder of vectors
    """
    return encoder_record(samples, path).get("encoder")


def recorded_encoder(samples: fo.core.collections.SampleCollection, path: str) -> Encoder | None:
    """Return the encoder on record that filled the field at ``path``, not loaded; None if there is no record."""
    record = encoder_record(samples, path)
    if not record:
        return None
    name = record["encoder"]["name"]
    known = parameters(encoder_class(name))
    return get_encoder(name, {key: value for key, value in record.get("settings", {}).items() if key in known})


def check_vector_field(collection: fo.core.collections.SampleCollection, name: str, labels: str | None = None) -> None:
    """Check that vectors may be written to a field.

    Args:
        collection: a dataset or view
        name: the field's name
        labels (None): the path of the labels that carry it, or None for samples

    Raises:
        ValueError: if the name is none or the field holds other data
    """
    path = f"{labels}.{name}" if labels else name
    require_shown(collection, path)
    found = schema_dataset(collection).get_field(path)
    if "." in path and (found is None or "." in name):
        _check_undeclared(collection, name, path)
        return
    if not name.isidentifier():
        raise ValueError(f"embeddings={name!r} is not a field name; use letters, digits and _")
    own = own_fields(collection, labels) if labels else ()
    if found is not None and (not holds_vectors(found) or name in own):
        raise ValueError(
            f"embeddings={name!r} is a field of type {type(found).__name__} and holds other data; choose a new name"
        )


def _check_undeclared(collection: fo.core.collections.SampleCollection, name: str, path: str) -> None:
    """Refuse names under which documents and labels have other data, and new ones inside of documents."""
    some = collection.limit(_LOOKED_AT) if name.isidentifier() else collection
    try:
        stored = first_vector(some, path) if collection.get_field(path.split(".")[0]) is not None else None
    except ValueError as error:
        raise ValueError(f"embeddings={name!r} holds {error}; choose a new name") from None
    if stored is None and not name.isidentifier():
        raise ValueError(f"embeddings={name!r} is not a field name; use letters, digits and _")


def same_settings(rows: Rows, name: str, encoder: Encoder) -> bool:
    """Return whether the origin of a field is unrecorded, or recorded with these settings."""
    record = encoder_record(rows.collection, rows.path(name))
    return not record or (record["encoder"]["name"] == encoder.name and record.get("settings") == encoder.settings)


def check_origin(rows: Rows, name: str, recorded: dict | None, identity: dict) -> None:
    """Check that an encoder may fill the gaps of a field: vectors of two encoders in one field mean nothing.

    Raises:
        ValueError: if the field holds vectors of another encoder, or of an unrecorded one
    """
    found = rows.collection.get_field(rows.path(name))
    if isinstance(found, fo.ListField):
        raise ValueError(f"{name} is a list field and some vectors are missing in it; choose a new field name")
    stored = any_vector(rows, name)
    if stored is None:
        return
    if recorded is None:
        raise ValueError(
            f"{name} has vectors of unrecorded origin and some are missing, so vectors of {identity['name']} "
            "would be mixed with them; choose a new field name"
        )
    if not same_encoder(recorded, identity):
        raise ValueError(
            f"{name} holds vectors of {recorded['name']} ({recorded['weights']}, {recorded['dimension']} dimensions), "
            f"not of {identity['name']} ({identity['weights']}, {identity['dimension']} dimensions) with these "
            "settings; choose a new field name"
        )
    if len(stored) != identity["dimension"]:
        raise ValueError(
            f"{name} holds vectors of {len(stored)} dimensions and {identity['name']} makes {identity['dimension']}; "
            "choose a new field name"
        )


def any_vector(rows: Rows, name: str) -> np.ndarray | None:
    """Return one stored vector, of the whole dataset and not only of the view."""
    collection, path = schema_dataset(rows.collection), rows.path(name)
    if collection.get_field(path.split(".")[0]) is None:
        return None
    if collection.media_type == "group":
        collection = collection.select_group_slices(_allow_mixed=True)
    return first_vector(collection, path)


def encoder_record(samples: fo.core.collections.SampleCollection, path: str) -> dict:
    """Return encoder and settings that made the vectors at ``path``, empty if they are not on record."""
    if is_outside(path):
        return outside_record(path)
    dataset, path = storage_of(samples, path)
    found = dataset.get_field(path)
    record = ((found.info or {}) if found is not None else {}).get("constellation") or {}
    return record if record.get("encoder") else {}
