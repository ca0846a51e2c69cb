"""Files of samples, the pictures that stand for them, and the boxes of patches in them."""

from collections.abc import Iterator

import fiftyone as fo
import numpy as np

from .private import root_dataset
from .rows import Rows
from .selections import selections
from .shapes import CLIP_TYPES, of_clips, slices_of, unit_of


def pictures_of(rows: Rows, todo: list[str]) -> tuple[list[str], list]:
    """Return pictures as :func:`files_of` returns files: of what is no image, those that the App shows.

    Raises:
        ValueError: if there are none
    """
    field = picture_field(rows.collection, rows.patches_field)
    ids, items = files_of(rows, todo)
    if field is None:
        return ids, items
    sample_of = dict(zip(rows.ids, rows.sample_ids, strict=True))
    shown = _of_samples(rows.collection, field, [sample_of[row_id] for row_id in ids])
    paths = [shown.get(sample_of[row_id]) for row_id in ids]
    own = [fo.core.media.get_media_type(path) == fo.core.media.IMAGE for path, _ in items]
    return ids, [
        item if is_image or not path else (path, None) for path, is_image, item in zip(paths, own, items, strict=True)
    ]


def picture_field(samples: fo.core.collections.SampleCollection, patches_field: str | None = None) -> str | None:
    """Return the field of the pictures that the App shows for samples that are no images; None for images.

    Args:
        samples: a dataset or view
        patches_field (None): a field of labels whose patches are meant

    Raises:
        ValueError: if there are no pictures
    """
    if samples.media_type in (fo.core.media.IMAGE, None):
        return None
    unit = unit_of(samples)
    if patches_field and not of_clips(samples, patches_field):
        raise ValueError(f"the boxes of {patches_field!r} are in {unit}, not in pictures; name a field of vectors")
    app = root_dataset(samples).app_config
    for name in (app.grid_media_field, *app.media_fields):
        if name != "filepath" and samples.get_field(name) is not None:
            return str(name)
    for name, field in samples.get_field_schema(ftype=fo.EmbeddedDocumentField).items():
        if field.document_type.__name__ == "OrthographicProjectionMetadata":  # its module is slow to import
            return f"{name}.filepath"
    frames = "pass to_frames(), or " if samples.media_type == fo.core.media.VIDEO else ""
    known = root_dataset(samples).group_media_types or {}
    if fo.core.media.IMAGE in (known[name] for name in slices_of(samples) or []):
        return "filepath"  # of several slices, those that are images have pictures
    raise ValueError(
        f"{unit} cannot be seen as images; {frames}name a field of vectors, or set app_config.grid_media_field to a "
        "field with the paths of thumbnails"
    )


def files_of(rows: Rows, todo: list[str]) -> tuple[list[str], list]:
    """Return the ids in the order of their files, and for each the path and the box to read, None for all of it."""
    wanted = set(todo)
    part = Rows(
        rows.collection,
        todo,
        [s for i, s in zip(rows.ids, rows.sample_ids, strict=True) if i in wanted],
        rows.labels,
        rows.listed,
    )
    if not rows.labels:
        files = dict(part.values("filepath"))
        return todo, [(files[row_id], None) for row_id in todo]
    files = _of_samples(part.collection, "filepath", part.sample_ids)
    boxes = dict(_boxes(part))
    # labels of one sample side by side, so that its file is decoded once
    order = {sample_id: i for i, sample_id in enumerate(files)}
    pairs = sorted(zip(part.ids, part.sample_ids, strict=True), key=lambda pair: order[pair[1]])
    return [i for i, _ in pairs], [(files[sample_id], boxes[i]) for i, sample_id in pairs]


def _of_samples(samples: fo.core.collections.SampleCollection, field: str, ids: list[str]) -> dict[str, str]:
    """Return a value of some samples by their ids."""
    found: dict[str, str] = {}
    for some in selections(samples, ids):
        found.update(zip(*some.values(["id", field]), strict=True))
    return found


def _boxes(rows: Rows) -> Iterator[tuple[str, list | None]]:
    """Yield ``(label id, [x, y, width, height])``; of a polyline, the box around its points; of a clip, None."""
    found = rows.collection.get_field(rows.labels)
    label_type = (found.field if rows.listed else found).document_type
    if issubclass(label_type, CLIP_TYPES):
        yield from ((row_id, None) for row_id in rows.ids)
        return
    if issubclass(label_type, fo.Detection):
        for row_id, box in rows.values("bounding_box"):
            yield row_id, box or []
        return
    for row_id, shapes in rows.values("points"):
        points = np.array([point for shape in shapes or [] for point in shape], float)
        if not len(points):
            yield row_id, []
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        yield row_id, [*low.tolist(), *(high - low).tolist()]
