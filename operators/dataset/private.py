"""Private attributes of FiftyOne that the plugin needs; only this file and schema.py can break with a release of it."""

import json
from collections.abc import Iterator
from copy import copy
from datetime import datetime, timedelta
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.server.view as server_view
from bson import DBRef, ObjectId, json_util
from mongoengine.base import BaseDict

from .selections import in_slices

_MODIFIED = {"last_modified_at": 1}
_SAMPLING = {"sample_frames", "force_sample", "size", "min_size", "max_size"}
# what a frames view has besides the fields of frames
_OF_FRAMES = {"id", "filepath", "tags", "metadata", "created_at", "last_modified_at", "sample_id", "frame_number"}


def root_dataset(samples: fo.core.collections.SampleCollection) -> fo.Dataset:
    """Return the dataset that a dataset or view, of frames or patches too, was made from."""
    return samples._root_dataset


def is_patches(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether this is a ``to_patches()`` view."""
    return bool(getattr(samples, "_is_patches", False))


def is_frames(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether this is a ``to_frames()`` view."""
    return bool(samples._is_frames)


def is_clips(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether this is a ``to_clips()`` view."""
    return bool(samples._is_clips)


def clips_field(samples: fo.core.collections.SampleCollection) -> str | None:
    """Return the field of temporal detections that are the samples of a ``to_clips()`` view; None of other views."""
    return getattr(samples, "_classification_field", None) if is_clips(samples) else None


def slices_in(samples: fo.core.collections.SampleCollection) -> list[str]:
    """Return the group slices that a flat view of a grouped dataset selects."""
    media_types = root_dataset(samples).group_media_types
    for stage in reversed(samples.view()._all_stages):
        if isinstance(stage, fo.SelectGroupSlices) and stage.flat:
            named = [stage.slices] if isinstance(stage.slices, str) else stage.slices
            return list(named or [name for name, media in media_types.items() if stage.media_type in (None, media)])
    return list(media_types)


def may_repeat(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether a view may have a sample several times."""
    return any(isinstance(stage, fo.Concat | fo.Mongo) for stage in samples.view()._all_stages)


def without_stages(samples: fo.core.collections.SampleCollection) -> fo.DatasetView:
    """Return all that a view chooses from: its dataset, or all frames, patches or clips of what it was made of."""
    return samples.view()._base_view


def with_media_type(samples: fo.DatasetView, media_type: str) -> fo.DatasetView:
    """Return the same view, of samples of this media type."""
    view = copy(samples)
    view._set_media_type(media_type)
    return view


def is_dynamic_groups(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether this is a ``group_by()`` view, whose samples are groups."""
    return bool(samples._is_dynamic_groups)


def schema_dataset(samples: fo.core.collections.SampleCollection) -> fo.Dataset:
    """Return the dataset with the schema of ``samples``; of a frames or patches view a copy that FiftyOne keeps."""
    return samples._dataset


def view_origin(samples: fo.core.collections.SampleCollection) -> fo.core.collections.SampleCollection:
    """Return the collection that a view of patches, frames or clips was made from."""
    return samples._source_collection


def has_frame_fields(dataset: fo.Dataset) -> bool:
    """Return whether samples of ``dataset`` may have frames."""
    return bool(dataset._has_frame_fields())


def document_fields(document_type: type) -> set[str]:
    """Return the names of the fields that every document of a type has."""
    return set(document_type._fields)  # type: ignore[attr-defined]  # MongoEngine's metaclass adds it


def open_store(dataset: fo.Dataset, name: str) -> foo.ExecutionStore:
    """Open the execution store ``name`` of ``dataset``."""
    from fiftyone.operators.store import ExecutionStore

    return ExecutionStore.create(name, dataset._doc.id)


def index_positions(dataset: fo.Dataset, path: str, side: float) -> None:
    """Make MongoDB's index of positions in ``[0, side]``, unless it is there, at a path that no field declares."""
    margin = side / 100
    dataset._sample_collection.create_index([(path, "2d")], min=-margin, max=side + margin)


def run_references(dataset: fo.Dataset) -> dict[str, ObjectId]:
    """Return the ids of the documents of a dataset's runs by key, without reading any of them.

    The attribute of FiftyOne's document, and so all that FiftyOne does with runs, reads those of all runs.
    """
    found = dataset._doc._data.get("runs") or {}
    return {key: getattr(value, "id", value) for key, value in found.items()}


def set_run_references(dataset: fo.Dataset, ids: dict[str, ObjectId]) -> None:
    """Take over in memory which runs a dataset has in the database, all read anew when FiftyOne is asked for them."""
    references = {key: DBRef("runs", run_id) for key, run_id in ids.items()}
    dataset._doc._data["runs"] = BaseDict(references, dataset._doc, "runs")
    for key in set(dataset._run_cache) - set(ids):
        del dataset._run_cache[key]


def forget_run(dataset: fo.Dataset, run_key: str) -> None:
    """Let FiftyOne read the document and the results of a run anew when it is asked for them."""
    dataset._run_cache.pop(run_key, None)
    set_run_references(dataset, run_references(dataset))


def dataset_id(dataset: fo.Dataset) -> ObjectId:
    """Return the id of the document of a dataset."""
    return dataset._doc.id


def view_stages(samples: fo.core.collections.SampleCollection) -> list[str] | None:
    """Return the stages of a view as FiftyOne keeps them with a run; None of a dataset."""
    if not isinstance(samples, fo.DatasetView):
        return None
    return [json_util.dumps(stage) for stage in samples._serialize(include_uuids=False)]


def copies(
    samples: fo.core.collections.SampleCollection,
) -> list[tuple[fo.Dataset, fo.core.collections.SampleCollection]]:
    """Return the copies that a view of frames, patches or clips reads from, and what each was made of, last first."""
    found = []
    while samples._is_generated:
        found.append((samples._dataset, samples._source_collection))
        samples = samples._source_collection
    return found


def state_of(dataset: fo.Dataset) -> tuple:
    """Return what is another after any change of the samples, frames or fields of a dataset."""
    collections = [dataset._sample_collection]
    collections += [dataset._frame_collection] if dataset._frame_collection is not None else []
    counts = [collection.estimated_document_count() for collection in collections]
    latest = [dataset._max(f"{prefix}last_modified_at") for prefix in ("", "frames.")]
    return *counts, *latest, tuple(dataset.get_frame_field_schema(flat=True) or ())


def is_behind(copy: fo.Dataset, origin: fo.core.collections.SampleCollection) -> bool:
    """Return whether samples, frames or values are others than when the copy that a view reads from was made.

    What was written through a view of frames is in its copy too.

    Args:
        copy: the copy
        origin: what it was made of
    """
    if copy._is_frames and not copy._is_patches:
        return _frames_behind(copy, origin)
    dataset = origin._dataset
    if _changed_since(copy, dataset, "last_modified_at", "frames.last_modified_at"):
        return True
    if origin._is_frames:
        return False  # what is gone there leaves the copy of frames behind
    sample_ids = [doc["_id"] for doc in copy._sample_collection.aggregate([{"$group": {"_id": "$_sample_id"}}])]
    return sum(1 for _ in _documents(dataset._sample_collection, sample_ids)) < len(sample_ids)


def _frames_behind(copy: fo.Dataset, origin: fo.core.collections.SampleCollection) -> bool:
    dataset = origin._root_dataset
    there, here, shown = (
        {name for name in schema if name not in _OF_FRAMES}
        for schema in (dataset.get_frame_field_schema(), copy.get_field_schema(), origin.get_frame_field_schema())
    )
    if not shown <= here <= there or _changed_since(copy, dataset, "last_modified_at", "frames.created_at"):
        return True
    copied = {doc["_id"]: doc.get("last_modified_at") for doc in copy._sample_collection.find({}, _MODIFIED)}
    found = {doc["_id"]: doc.get("last_modified_at") for doc in _documents(dataset._frame_collection, list(copied))}
    return any(found.get(frame_id) != time for frame_id, time in copied.items())


def _changed_since(copy: fo.Dataset, dataset: fo.Dataset, *paths: str) -> bool:
    times = [dataset._max(path) for path in paths]
    return any(time and time > copy.created_at for time in times)


def _documents(collection: Any, ids: list) -> Iterator[dict]:
    for some in in_slices(ids):
        yield from collection.find({"_id": {"$in": some}}, _MODIFIED)


def fingerprint(view: fo.DatasetView) -> str:
    """Return the dataset of a view and its stages as text."""
    return f"{view._root_dataset._doc.id} {json_util.dumps(view._serialize(include_uuids=False))}"


def made_anew(view: fo.DatasetView) -> fo.DatasetView:
    """Return the same view of frames, patches or clips with new copies; no video is decoded for that."""
    stages = view._serialize()
    start = len(stages) - len(view._stages)
    for stage in stages[:start]:
        kwargs = {key: value for key, value in stage["kwargs"] if key != "_state"}
        config = kwargs.get("config") or {}
        if config.get("sample_frames") is True:  # their files are known by now
            kwargs["config"] = {key: value for key, value in config.items() if key not in _SAMPLING}
        stage["kwargs"] = [[key, value] for key, value in kwargs.items()]
    anew = fo.DatasetView._build(view._root_dataset, stages[:start])
    text = json_util.dumps(stages[start:])
    for (old, _), (new, _) in zip(copies(view), copies(anew), strict=True):
        text = text.replace(old.name, new.name)  # views that are appended to this one read from the same copies
    for stage in json_util.loads(text):
        anew = anew._add_view_stage(fo.core.stages.ViewStage._from_dict(stage))
    return anew


def filters_frames(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether a view of videos shows only some of their frames."""
    return is_clips(samples) or (isinstance(samples, fo.DatasetView) and samples._needs_frames())


def touch_brain_run(dataset: fo.Dataset, brain_key: str) -> None:
    """Renew the timestamp of a Brain run by at least a millisecond, which is as fine as the database keeps it."""
    run = dataset._doc.brain_methods[brain_key]
    run.timestamp = max(datetime.utcnow(), run.timestamp + timedelta(milliseconds=1))
    run.save()


def stages_of(samples: fo.core.collections.SampleCollection) -> list[dict]:
    """Return the stages of a view as the App and saved views hold them, none of a dataset."""
    return [] if isinstance(samples, fo.Dataset) else json.loads(json_util.dumps(samples._serialize()))


def view_of_app(dataset: fo.Dataset, stages: list[dict], filters: dict | None) -> fo.core.collections.SampleCollection:
    """Return the view of stages as the App holds them, then of its sidebar's filters; the dataset without any."""
    if not stages and not filters:
        return dataset
    return server_view.get_view(dataset, stages=stages, filters=filters or {})
