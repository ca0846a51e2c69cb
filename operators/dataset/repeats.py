"""Views that have a sample several times, as concatenated ones may: each counts once."""

import fiftyone as fo

from .private import may_repeat, without_stages
from .rows import label_path
from .selections import check_count, selected
from .shapes import flat, has_labels_as_samples, slices_of

_REMEDY = "use a view without concat(), or the dataset"


def each_once(
    samples: fo.core.collections.SampleCollection, patches_field: str | None = None
) -> fo.core.collections.SampleCollection:
    """Return a view with each sample once, with all the labels that any of its copies shows; others as they are.

    Args:
        samples: a dataset or a flat view
        patches_field (None): the field of the labels that are meant

    Raises:
        ValueError: if a view with repeats has too many samples to name each of them once
    """
    if not may_repeat(samples):
        return samples
    ids = samples.values("id")
    kept = list(dict.fromkeys(ids))
    if len(kept) == len(ids):
        return samples
    view = selected(flat(without_stages(samples), slices_of(samples)), kept, ordered=True, remedy=_REMEDY)
    if not patches_field or has_labels_as_samples(samples):
        return view
    path, listed = label_path(samples, patches_field)
    found = samples.values(f"{path}.id", unwind=listed)
    shown = list(dict.fromkeys(label_id for label_id in found if label_id))
    if len(shown) == view.count(f"{path}.id"):
        return view
    check_count(len(shown), _REMEDY)
    return view.select_labels(ids=shown, fields=patches_field)
