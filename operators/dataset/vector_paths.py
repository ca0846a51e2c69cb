"""Paths of vectors: fields of samples, of documents in them and of labels on them, declared or not."""

from collections.abc import Iterator, Sequence
from typing import Any

import fiftyone as fo
import numpy as np

from .decoding import decode
from .private import document_fields
from .rows import label_field, label_path, own_fields, require_shown
from .shapes import has_labels_as_samples
from .targets import Target, resolve_target
from .vector_names import is_outside
from .vector_sources import open_outside, resolve_sources

_LOOKED_AT = 3  # samples whose undeclared attributes a form lists
_VALUES = {"$type": ["number", "string", "object", "array", "binData", "objectId", "bool", "date"]}
_DOCUMENTS = (fo.EmbeddedDocumentField, fo.DictField)


def resolve_vectors(
    samples: fo.core.collections.SampleCollection, patches_field: str | None, embeddings: str | Sequence[str] | None
) -> tuple[Target, list[str]]:
    """Resolve samples, and what names of vectors mean: fields of them or of their labels, Brain runs, files.

    Args:
        samples: a dataset or view
        patches_field: a label field, or None for whole samples, or for what ``embeddings`` is an attribute of
        embeddings: vector fields; of labels the attribute, or its full path, ``"det.detections.emb"``; or Brain keys,
            or paths, see :mod:`operators.dataset.vector_sources`

    Returns:
        a tuple of the target, and the names as :func:`operators.dataset.vectors.read_vectors` takes them
    """
    names = [embeddings] if isinstance(embeddings, str) else list(embeddings or ())
    if patches_field is None and not has_labels_as_samples(samples):
        patches_field = next(filter(None, (_listed_labels(samples, name) for name in names)), None)
    target = resolve_target(samples, patches_field)
    return target, resolve_sources(target, names)


def _listed_labels(samples: fo.core.collections.SampleCollection, name: str) -> str | None:
    """Return the field with lists of labels that a path leads into."""
    return next((found for prefix in _prefixes(name) if (found := label_field(samples, prefix))), None)


def require_vector_field(
    samples: fo.core.collections.SampleCollection, name: str, patches_field: str | None = None
) -> None:
    """Check that a field exists and holds vectors.

    Args:
        samples: a dataset or view of whole images
        name: the field of the samples, or of the labels in ``patches_field``; or vectors outside of them
        patches_field (None): a field of labels whose vectors are meant

    Raises:
        ValueError: if there is no such field, the view hides it, or it cannot hold vectors
    """
    if is_outside(name):
        open_outside(samples, name, patches_field)
        return
    root = label_path(samples, patches_field)[0] if patches_field else None
    path = f"{root}.{name}" if root else name
    require_shown(samples, path)
    problem = _problem(samples, path, root)
    if problem is None:
        return
    if samples.media_type == fo.core.media.VIDEO:
        problem += " on the videos; if their frames have it, pass to_frames()"
    fields = vector_fields(samples, patches_field)
    known = f"the vector fields are {', '.join(fields)}; choose one, or" if fields else "there are none yet;"
    raise ValueError(f"{problem}; {known} compute one with an encoder")


def has_vector_field(
    samples: fo.core.collections.SampleCollection, name: str, patches_field: str | None = None
) -> bool:
    """Return whether there is a field of vectors, or vectors outside, as :func:`require_vector_field` does."""
    if is_outside(name):
        try:
            open_outside(samples, name, patches_field)
        except ValueError:
            return False
        return True
    root = label_path(samples, patches_field)[0] if patches_field else None
    return _problem(samples, f"{root}.{name}" if root else name, root) is None


def _problem(samples: fo.core.collections.SampleCollection, path: str, root: str | None) -> str | None:
    """Return why no vectors of samples, or of the labels at ``root``, can be read at a path; None if they can."""
    found = None if path.startswith("frames.") else samples.get_field(path)
    outer = [samples.get_field(prefix) for prefix in _prefixes(path.removeprefix(f"{root}.") if root else path, root)]
    if any(isinstance(field, fo.ListField) for field in outer):
        return f"{path!r} holds several values per {'label' if root else 'sample'}"
    if found is None and not _may_have(samples, path):
        return f"there is no field {path!r}"
    if found is not None and not _is_loose(found):
        return None if _is_numeric(found) else f"{path!r} is a {type(found).__name__} and holds no vectors"
    try:
        vector = first_vector(samples, path)
    except ValueError as error:
        return f"{path!r} holds {error}"
    return None if vector is not None or found is not None else f"there is no field {path!r}"


def _may_have(samples: fo.core.collections.SampleCollection, path: str) -> bool:
    """Return whether documents on these samples may have a value at a path that is not declared."""
    declared = [field for prefix in _prefixes(path) if (field := samples.get_field(prefix)) is not None]
    inner = declared[-1] if declared and not path.startswith("frames.") else None
    return isinstance(inner.field if isinstance(inner, fo.ListField) else inner, _DOCUMENTS)


def _is_numeric(found: fo.Field) -> bool:
    numbers = isinstance(found, fo.ListField) and isinstance(found.field, fo.IntField)
    return numbers or holds_vectors(found) or isinstance(found, fo.GeoPointField)


def _is_loose(found: fo.Field) -> bool:
    """Return whether the type of a field leaves open what it holds: lists of anything, or of lists."""
    return isinstance(found, fo.ListField) and (found.field is None or isinstance(found.field, fo.ListField))


def holds_vectors(found: fo.Field) -> bool:
    """Return whether a field is of a type that is meant for vectors."""
    if isinstance(found, fo.ListField):
        return isinstance(found.field, fo.FloatField)
    return isinstance(found, (fo.VectorField, fo.ArrayField))


def first_vector(samples: fo.core.collections.SampleCollection, path: str) -> np.ndarray | None:
    """Return one of the vectors at a path, None if there is none.

    Raises:
        ValueError: if what is there is not a vector, see :func:`operators.dataset.decoding.decode`
    """
    some = samples.mongo([{"$match": {path: _VALUES}}, {"$limit": 1}])
    listed = any(isinstance(samples.get_field(prefix), fo.ListField) for prefix in _prefixes(path))
    found = some.values(path, _raw=True)
    values = [value for row in found for value in row or []] if listed else found
    return next((decode(value) for value in values if value is not None), None)


def declared_vector_fields(
    samples: fo.core.collections.SampleCollection, patches_field: str | None = None
) -> list[str]:
    """List the fields of samples, or of the labels in ``patches_field``, whose type is meant for vectors."""
    if patches_field is None:
        return [name for name, found in samples.get_field_schema().items() if holds_vectors(found)]
    path, listed = label_path(samples, patches_field)
    labels = samples.get_field(path)
    labels = labels.field if listed else labels
    own = own_fields(samples, path)
    return [name for name, found in labels.get_field_schema().items() if holds_vectors(found) and name not in own]


def vector_fields(samples: fo.core.collections.SampleCollection, patches_field: str | None = None) -> list[str]:
    """List the fields that hold vectors: declared ones first, then those in documents and those that are not declared.

    Args:
        samples: a dataset or view
        patches_field (None): a field of labels, to list the fields of its labels instead

    Returns:
        names as :func:`operators.dataset.vectors.read_vectors` takes them; of undeclared ones those that one of the
        first samples has
    """
    known = declared_vector_fields(samples, patches_field)
    return list(dict.fromkeys([*known, *_nested(samples, patches_field), *_stored(samples, patches_field)]))


def _nested(samples: fo.core.collections.SampleCollection, patches_field: str | None) -> Iterator[str]:
    """Yield the names of declared vector fields in documents on samples or labels."""
    root = label_path(samples, patches_field)[0] if patches_field else None
    start = f"{root}." if root else ""
    schema = samples.get_field_schema(flat=True)
    for path, found in schema.items():
        name = path.removeprefix(start)
        if not path.startswith(start) or "." not in name or not holds_vectors(found):
            continue
        outer = [schema.get(prefix) for prefix in _prefixes(name, root)]
        kind = getattr(outer[-1], "document_type", None)
        own = document_fields(kind) if kind and issubclass(kind, fo.Label) else ()
        if name.rpartition(".")[2] not in own and not any(isinstance(field, fo.ListField) for field in outer):
            yield name


def _stored(samples: fo.core.collections.SampleCollection, patches_field: str | None) -> Iterator[str]:
    """Yield the names under which the first samples, or labels, have vectors that their schema does not tell of."""
    if patches_field:
        root, listed = label_path(samples, patches_field)
        some = samples.match({f"{root}._id": {"$exists": True}}).limit(_LOOKED_AT).values(root, _raw=True)
        for label in [label for row in some for label in row] if listed else some:
            yield from _inside(label)
        return
    schema = samples.get_field_schema()
    names = [name for name, found in schema.items() if isinstance(found, (*_DOCUMENTS, fo.ListField))]
    names = [name for name in names if name != "metadata" and not holds_vectors(schema[name])]
    columns = samples.limit(_LOOKED_AT).values(names, _raw=True) if names else []
    for name, column in zip(names, columns, strict=True):
        for value in column:
            yield from _inside({name: value})


def _inside(document: dict[str, Any]) -> Iterator[str]:
    """Yield the paths of the vectors in a document as it is stored."""
    kind = getattr(fo, document.get("_cls") or "", None)
    own = document_fields(kind) if isinstance(kind, type) and issubclass(kind, fo.Label) else ()
    for key, value in document.items():
        if key.startswith("_") or key in own:
            continue
        if isinstance(value, dict):
            yield from (f"{key}.{name}" for name in _inside(value))
        elif isinstance(value, (bytes, list)) and _is_vector(value):
            yield key


def _is_vector(value: bytes | list) -> bool:
    try:
        vector = decode(value)
    except ValueError:
        return False
    return vector is not None and len(vector) > 1


def _prefixes(path: str, root: str | None = None) -> list[str]:
    """Return the paths that a path leads through, outermost first, below ``root`` if there is one."""
    steps = path.split(".")[:-1]
    start = f"{root}." if root else ""
    return [start + ".".join(steps[: i + 1]) for i in range(len(steps))]


def chosen_vector_field(
    samples: fo.core.collections.SampleCollection, name: str | None, patches_field: str | None = None
) -> str:
    """Return the name of a vector field to read.

    Args:
        samples: a dataset or view
        name: the field that was asked for, or None for the first one there is
        patches_field (None): a field of labels whose vectors are meant

    Raises:
        ValueError: if there is no such vector field, or none at all
    """
    field = name or next(iter(vector_fields(samples, patches_field)), None)
    if field is None:
        raise ValueError("there is no vector field; compute one with compute_embeddings")
    require_vector_field(samples, field, patches_field)
    return field


def count_values(samples: fo.core.collections.SampleCollection, path: str) -> int:
    """Count the samples that have a value at a path, declared or not."""
    return samples.match(fo.ViewField(path) != None).count()  # noqa: E711
