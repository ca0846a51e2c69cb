"""Classes of images and patches, to score a clustering against. They are never used to choose anything."""

import fiftyone as fo

from .owned_fields import mark_of
from .rows import label_path, require_shown, storage_of
from .targets import Target


def truth_path(target: Target, ground_truth: str) -> str:
    """Return the path of the class values.

    Args:
        target: the images or patches
        ground_truth: a Classification, string, integer or boolean field; for patches an attribute of the labels, or
            the patches field itself for their own label

    Returns:
        a path for ``dataset.values()``

    Raises:
        ValueError: if the field cannot hold classes
    """
    if not isinstance(ground_truth, str):
        raise ValueError(f"{ground_truth!r} is not the name of a field of classes; name one")
    path = ground_truth
    if target.patches_field:
        root = label_path(target.source, target.patches_field)[0]
        path = (
            root if ground_truth in (target.patches_field, root) else f"{root}.{ground_truth.removeprefix(root + '.')}"
        )
        path = f"{root}.label" if path == root else path
    field = target.source.get_field(path)
    if isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, fo.Classification):
        return f"{path}.label"
    if isinstance(field, fo.StringField | fo.IntField | fo.BooleanField):
        return path
    require_shown(target.source, path)
    if field is None and target.patches_field and path.startswith(f"{root}.") and _undeclared(target, path):
        return path
    kind = type(field).__name__ if field is not None else "missing"
    raise ValueError(
        f"ground-truth field {ground_truth!r} is {kind}; name a Classification, string, integer or boolean field"
    )


def _undeclared(target: Target, path: str) -> bool:
    """Return whether some labels have a class in an attribute that is in no schema, as FiftyOne allows."""
    some = target.source.mongo([{"$match": {path: {"$type": ["string", "int", "long", "bool"]}}}, {"$limit": 1}])
    return len(some) > 0


def read_truth(target: Target, ground_truth: str, ids: list[str]) -> list:
    """Read the class of each id, None where it has none.

    Args:
        target: the images or patches
        ground_truth: see :func:`truth_path`
        ids: sample ids, or label ids for patches

    Returns:
        a list of classes in the order of ``ids``
    """
    path = truth_path(target, ground_truth)
    if target.patches_field:
        root = label_path(target.source, target.patches_field)[0]
        found, classes = target.source.values([f"{root}.id", path], unwind=True)
    else:
        found, classes = target.source.values(["id", path])
    by_id = dict(zip(found, classes, strict=True))
    return [by_id.get(key) for key in ids]


def truth_fields(target: Target) -> list[str]:
    """List the fields that can hold classes to score against."""
    patches_field = target.patches_field
    names = [patches_field] if patches_field else list(target.source.get_field_schema())
    found = []
    for name in names:
        try:
            truth_path(target, name)
        except ValueError:
            continue
        dataset, path = storage_of(target.source, name)
        if mark_of(dataset.get_field(path)) is None and name not in ("id", "filepath"):
            found.append(name)
    return found
