"""Views that have a sample several times, as concatenated ones may: each counts once."""

import fiftyone as fo

from .private import may_repeat, without_stages
from .rows import label_path
from .shapes import flat, has_labels_as_samples, slices_of

# The database looks every sample up in an ordered list, which takes the square of its length
_LISTED = 2000


def each_once(
    samples: fo.core.collections.SampleCollection, patches_field: str | None = None
) -> fo.core.collections.SampleCollection:
    """Return a view with each sample once, with all the labels that any of its copies shows; others as they are.

    Args:
        samples: a dataset or a flat view
        patches_field (None): the field of the labels that are meant
    """
    if not may_repeat(samples):
        return samples
    ids = samples.values("id")
    kept = list(dict.fromkeys(ids))
    if len(kept) == len(ids):
        return samples
    view = flat(without_stages(samples), slices_of(samples)).select(kept, ordered=len(kept) <= _LISTED)
    if not patches_field or has_labels_as_samples(samples):
        return view
    path, listed = label_path(samples, patches_field)
    found = samples.values(f"{path}.id", unwind=listed)
    shown = list(dict.fromkeys(label_id for label_id in found if label_id))
    if len(shown) == view.count(f"{path}.id"):
        return view
    return view.select_labels(ids=shown, fields=patches_field)
