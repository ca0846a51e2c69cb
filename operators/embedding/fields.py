"""Declaration of vector fields, with a record of the encoder that fills them."""

import fiftyone as fo

from ...models.encoders.base import Encoder
from ..dataset.owned_fields import MARK, add_field, remove_field
from ..dataset.rows import Rows, storage_of
from ..dataset.schema import describe_field
from ..dataset.vector_fields import any_vector, encoder_record
from ..execution.locks import schema_lock


def create_vector_field(
    rows: Rows, name: str, encoder: Encoder, rendering: dict | None = None, shared: bool = False
) -> bool:
    """Declare the field and record its encoder before the first vector, so that no vector is ever without.

    Args:
        rows: the images or patches
        name: the field
        encoder: the encoder that fills it
        rendering: what is decided of how its images become RGB; None if that is decided image by image
        shared (False): whether other processes fill the field too, whose record of the same encoder stays

    Returns:
        whether there was no such field
    """
    path = rows.path(name)
    dataset, storage_path = storage_of(rows.collection, path)
    with schema_lock(dataset):
        fresh = any_vector(rows, name) is None
        created = dataset.get_field(storage_path) is None
        add_field(rows.collection, path, fo.VectorField)
        known = encoder_record(rows.collection, path)
        begun = shared and known and known["encoder"] == encoder.identity and known.get("settings") == encoder.settings
        if not known or (fresh and not begun):
            record = {"encoder": encoder.identity, "settings": encoder.settings, "rendering": rendering}
            _record(dataset, storage_path, record)
    return created


def keep_rendering(rows: Rows, name: str, rendering: dict) -> None:
    """Record what was decided of how the images of a field become RGB, before vectors follow it."""
    dataset, storage_path = storage_of(rows.collection, rows.path(name))
    with schema_lock(dataset):
        known = encoder_record(rows.collection, rows.path(name)).get("rendering") or {}
        _record(dataset, storage_path, {"rendering": {**known, **rendering}})  # other processes decide other things


def drop_vector_field(rows: Rows, name: str) -> None:
    """Delete a field that was declared and holds nothing yet."""
    dataset, _ = storage_of(rows.collection, rows.path(name))
    with schema_lock(dataset):
        remove_field(rows.collection, rows.path(name))


def _record(dataset: fo.Dataset, storage_path: str, record: dict) -> None:
    info = dict(dataset.get_field(storage_path).info or {})
    describe_field(dataset, storage_path, {**info, MARK: {**(info.get(MARK) or {}), **record}})
