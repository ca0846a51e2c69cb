"""Declaration of vector fields, with a record of the encoder that fills them."""

import fiftyone as fo

from ...models.encoders.base import Encoder
from ..dataset.private import schema_dataset
from ..dataset.rows import Rows, storage_of
from ..dataset.vector_fields import any_vector, encoder_record
from ..execution.locks import schema_lock


def create_vector_field(rows: Rows, name: str, encoder: Encoder) -> None:
    """Declare the field and record its encoder before the first vector, so that no vector is ever without."""
    path = rows.path(name)
    dataset, storage_path = storage_of(rows.collection, path)
    identity, settings = encoder.identity, encoder.settings
    with schema_lock(dataset):
        _declare(rows, name, dataset, storage_path, {"encoder": identity, "settings": settings})


def _declare(rows: Rows, name: str, dataset: fo.Dataset, storage_path: str, record: dict) -> None:
    path = rows.path(name)
    fresh = any_vector(rows, name) is None
    if schema_dataset(rows.collection).get_field(path) is None:
        schema_dataset(rows.collection).add_sample_field(path, fo.VectorField)
    if dataset.get_field(storage_path) is None:
        dataset.add_frame_field(path, fo.VectorField)
    found = dataset.get_field(storage_path)
    if fresh or not encoder_record(rows.collection, path):
        info = dict(found.info or {})
        info["constellation"] = {**(info.get("constellation") or {}), **record}
        found.info = info
        found.save()
