"""Private attributes of FiftyOne that the plugin needs, in the one file that a release of FiftyOne may break."""

from copy import copy
from datetime import datetime, timedelta

import fiftyone as fo
import fiftyone.operators as foo
from bson import DBRef, json_util


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


def save_info(dataset: fo.Dataset, path: str, info: dict, description: str | None = None) -> None:
    """Replace the info of a field, and its description if one is given.

    Args:
        dataset: the dataset
        path: the field's path, ``"frames.things.detections.emb"`` for an attribute of labels on frames
        info: the new info
        description (None): the new description
    """
    field = dataset.get_field(path)
    field._set_dataset(dataset, path)  # FiftyOne forgets "frames." below the root, and would save to a sample's field
    field.info = info
    field.description = field.description if description is None else description
    field.save()


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


def run_documents(dataset: fo.Dataset) -> dict:
    """Return the documents of a dataset's runs by key, those of other plugins included."""
    return {key: document for key, document in dataset._doc.runs.items() if not isinstance(document, DBRef)}


def stored_config(document: object) -> dict:
    """Return the configuration in a run's document as it is stored; not to be changed."""
    return document._data["config"]  # type: ignore[attr-defined]  # the attribute would look for references in all of it first


def frames_options(document: object) -> dict:
    """Return the options of ``to_frames()`` in the view that a run was made on; none if it has no frames."""
    for text in document.view_stages or []:  # type: ignore[attr-defined]  # a field of FiftyOne's document
        stage = json_util.loads(text)
        if stage["_cls"].endswith(".ToFrames"):
            return dict(stage["kwargs"]).get("config") or {}
    return {}


def is_stored(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether the copy that a frames view reads from is still in the database."""
    return fo.dataset_exists(samples._dataset.name)


def touch_brain_run(dataset: fo.Dataset, brain_key: str) -> None:
    """Renew the timestamp of a Brain run by at least a millisecond, which is as fine as the database keeps it."""
    run = dataset._doc.brain_methods[brain_key]
    run.timestamp = max(datetime.utcnow(), run.timestamp + timedelta(milliseconds=1))
    run.save()
