"""Image files of samples, and the boxes of patches in them."""

from collections.abc import Iterator

import fiftyone as fo
import numpy as np

from .rows import Rows


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
    samples = part.collection.select(list(dict.fromkeys(part.sample_ids)))
    files = dict(zip(*samples.values(["id", "filepath"]), strict=True))
    boxes = dict(_boxes(part))
    # labels of one sample side by side, so that its file is decoded once
    order = {sample_id: i for i, sample_id in enumerate(files)}
    pairs = sorted(zip(part.ids, part.sample_ids, strict=True), key=lambda pair: order[pair[1]])
    return [i for i, _ in pairs], [(files[sample_id], boxes[i]) for i, sample_id in pairs]


def _boxes(rows: Rows) -> Iterator[tuple[str, list]]:
    """Yield ``(label id, [x, y, width, height])``; of a polyline, the box around its points."""
    found = rows.collection.get_field(rows.labels)
    label_type = (found.field if rows.listed else found).document_type
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
