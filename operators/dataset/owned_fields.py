"""Fields that the plugin created: marked in their ``info``, moved and dropped; no others are touched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fiftyone as fo

from .private import has_frame_fields, is_frames, schema_dataset
from .rows import storage_of
from .schema import declare_field, describe_field

MARK = "constellation"


def add_field(
    samples: fo.core.collections.SampleCollection, path: str, field_type: type[fo.Field], **options: Any
) -> None:
    """Declare a field where it is stored, unless it is declared; a view of frames keeps a copy of the declaration.

    Args:
        samples: a dataset or view
        path: the field's path in ``samples``
        field_type: its type
        **options: as of ``add_sample_field``
    """
    dataset, storage_path = storage_of(samples, path)
    places = [(dataset, storage_path)]
    places += [(schema_dataset(samples), path)] if is_frames(samples) else []
    for place, name in places:
        if place.get_field(name) is None:
            declare_field(place, name, field_type, **options)


def remove_field(samples: fo.core.collections.SampleCollection, path: str) -> None:
    """Take back what :func:`add_field` declared."""
    dataset, storage_path = storage_of(samples, path)
    drop_field(dataset, storage_path)
    if is_frames(samples):
        drop_field(schema_dataset(samples), path)


def drop_field(dataset: fo.Dataset, path: str) -> None:
    """Delete a label field, of samples, labels or frames, if it exists."""
    if dataset.get_field(path) is None:
        return
    with _completed(dataset, lambda: dataset.get_field(path) is None):
        if path.startswith("frames.") and has_frame_fields(dataset):
            dataset.delete_frame_field(path.removeprefix("frames."))
        else:
            dataset.delete_sample_field(path)


@contextmanager
def _completed(dataset: fo.Dataset, is_done: Callable[[], bool]) -> Iterator[None]:
    """Let fields be changed where a document has vectors, at which FiftyOne's last step, for annotation, fails."""
    try:
        yield
    except AttributeError:
        dataset.reload()
        if not is_done():
            raise


def is_ours(dataset: fo.Dataset, path: str, run_key: str) -> bool:
    """Return whether there is a field at ``path`` that this run made."""
    return (mark_of(dataset.get_field(path)) or {}).get("run_key") == run_key


def is_leftover(field: fo.Field | None, run_key: str) -> bool:
    """Return whether a writer of this run, which the caller knows to be dead, left a field behind."""
    mark = mark_of(field) or {}
    return (mark.get("run_key"), mark.get("status")) == (run_key, "writing")


def move_field(dataset: fo.Dataset, path: str, new_path: str) -> None:
    """Rename a label field, of samples, labels or frames."""
    with _completed(dataset, lambda: dataset.get_field(new_path) is not None):
        if path.startswith("frames.") and has_frame_fields(dataset):
            dataset.rename_frame_field(path.removeprefix("frames."), new_path.removeprefix("frames."))
        else:
            dataset.rename_sample_field(path, new_path)


def all_paths(dataset: fo.Dataset) -> list[str]:
    """List the paths of all fields, those of frames included."""
    schema = list(dataset.get_field_schema(flat=True))
    if has_frame_fields(dataset):
        schema += [f"frames.{path}" for path in dataset.get_frame_field_schema(flat=True)]
    return schema


def mark_of(field: fo.Field | None) -> dict | None:
    """Return the mark of a run's cluster field, with run key and status "writing" or "done"; None of other fields."""
    mark = (getattr(field, "info", None) or {}).get(MARK) or {}
    return mark if mark.get("role") == "clusters" else None


def set_mark(dataset: fo.Dataset, path: str, run_key: str, status: str) -> None:
    """Mark a field as "writing" or "done"."""
    info = dataset.get_field(path).info or {}
    describe_field(dataset, path, {**info, MARK: {"role": "clusters", "run_key": run_key, "status": status}})
