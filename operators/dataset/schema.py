"""Fields of a dataset, added and described at the price of one field.

FiftyOne keeps all fields and runs of a dataset in one document. It parses, checks and writes all of it for each field
that is added and parses it at each reload, so that of two equal runs the second would cost more. Here single values of
the document are written, and it is loaded again only if it is another than in memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bson
import fiftyone as fo
import fiftyone.core.odm as foo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from fiftyone.core.odm.utils import validate_field_name
from pymongo import ReturnDocument

# what changes without any change of what is in memory
_PASSED_OVER = {"last_loaded_at": 0, "last_modified_at": 0}
_CACHED = 16  # datasets


@dataclass
class _Loaded:
    """A dataset in memory.

    Args:
        document: FiftyOne's document of it
        stored: the document in the database that it agrees with, as bytes; None if that is not known
        load: another object after every load
    """

    document: object
    stored: bytes | None
    load: object


_loaded: dict[bson.ObjectId, _Loaded] = {}


def load_of(dataset: fo.Dataset) -> object:
    """Return what is another object after every load, reload or :func:`refresh` of a dataset."""
    return _in_memory(dataset).load


def refresh(dataset: fo.Dataset) -> None:
    """Reload a dataset unless it is stored as it is in memory; samples in memory are reloaded in any case."""
    known, stored = _in_memory(dataset), _read(dataset)
    if stored is not None and stored == known.stored:
        known.load = object()
        dataset._reload_docs(hard=True)
        return
    dataset.reload()
    _in_memory(dataset).stored = stored if stored == _read(dataset) else None


def change(dataset: fo.Dataset, update: dict, apply: Callable[[dict], Any], filters: list[dict] | None = None) -> None:
    """Change single values of the document of a dataset, which it has in memory already.

    Args:
        dataset: the dataset
        update: the change, as MongoDB takes it
        apply: does the same to the document as a dictionary
        filters (None): which elements of lists are meant, as MongoDB takes it
    """
    options: dict[str, Any] = {"array_filters": filters} if filters else {}
    after = _collection().find_one_and_update(
        {"_id": dataset._doc.id}, update, _PASSED_OVER, return_document=ReturnDocument.AFTER, **options
    )
    known = _in_memory(dataset)
    if known.stored is not None:
        expected = bson.decode(known.stored)
        apply(expected)  # what others may have changed meanwhile is not in memory
        known.stored = after.raw if after is not None and bson.decode(after.raw) == expected else None


def declare_field(dataset: fo.Dataset, path: str, field_type: type[fo.Field], **options: Any) -> None:
    """Declare a field that there is not.

    Args:
        dataset: the dataset
        path: the field's path; that of a frame's field begins with ``frames.``
        field_type: its type
        **options: as of ``add_sample_field``
    """
    name, documents = _place(dataset, path)
    validate_field_name(name, media_type=dataset.media_type, is_frame_field=documents._is_frames_doc)
    *parents, _ = chunks = name.split(".")
    above = [dataset._doc, *(documents._get_field_doc(".".join(chunks[:n])) for n in range(1, len(chunks)))]
    unsaved = [list(document._changed_fields) for document in above]
    documents._add_field_schema(name, documents._create_field(name, field_type, **options))
    for document, names in zip(above, unsaved, strict=True):
        document._changed_fields = names
    added = bson.decode(bson.encode(documents._get_field_doc(name).to_mongo()))
    root, filters = documents._fields_attr(), [{f"at{i}.name": parent} for i, parent in enumerate(parents)]
    nested = "".join(f".$[at{i}].fields" for i in range(len(parents)))
    change(
        dataset, {"$push": {f"{root}{nested}": added}}, lambda doc: _fields(doc[root], parents).append(added), filters
    )


def describe_field(dataset: fo.Dataset, path: str, info: dict, description: str | None = None) -> None:
    """Replace the info of a field, and its description if one is given.

    Args:
        dataset: the dataset
        path: the field's path, ``"frames.things.detections.emb"`` for an attribute of labels on frames
        info: the new info
        description (None): the new description
    """
    name, documents = _place(dataset, path)
    field, document = dataset.get_field(path), documents._get_field_doc(name)
    new = {"info": info, "description": field.description if description is None else description}
    field.info, field.description = new["info"], new["description"]
    document._data.update(new)
    root, (*parents, last) = documents._fields_attr(), name.split(".")
    steps = [f"$[at{i}]" for i in range(len(parents) + 1)]
    place = f"{root}.{'.fields.'.join(steps)}"
    filters = [{f"at{i}.name": chunk} for i, chunk in enumerate((*parents, last))]

    def apply(stored: dict) -> None:
        for one in _fields(stored[root], parents):
            if one["name"] == last:
                one.update(bson.decode(bson.encode(new)))

    change(dataset, {"$set": {f"{place}.{key}": value for key, value in new.items()}}, apply, filters)


def _place(dataset: fo.Dataset, path: str) -> tuple[str, Any]:
    """Return the path of a field among those of samples or frames, and FiftyOne's class of these."""
    if path.startswith("frames.") and dataset._has_frame_fields():
        return path.removeprefix("frames."), dataset._frame_doc_cls
    return path, dataset._sample_doc_cls


def _fields(stored: list[dict], parents: list[str]) -> list[dict]:
    """Return the stored fields below some parents."""
    for parent in parents:
        stored = next(field for field in stored if field["name"] == parent)["fields"]
    return stored


def _in_memory(dataset: fo.Dataset) -> _Loaded:
    key = dataset._doc.id
    if key not in _loaded or _loaded[key].document is not dataset._doc:
        if len(_loaded) >= _CACHED:
            _loaded.clear()
        _loaded[key] = _Loaded(dataset._doc, None, object())
    return _loaded[key]


def _read(dataset: fo.Dataset) -> bytes | None:
    found = _collection().find_one({"_id": dataset._doc.id}, _PASSED_OVER)
    return found.raw if found is not None else None


def _collection() -> Any:
    return foo.get_db_conn().datasets.with_options(CodecOptions(document_class=RawBSONDocument))
