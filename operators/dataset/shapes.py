"""Shapes of FiftyOne's collections, led back to samples that can be read, written and tagged."""

import fiftyone as fo

from .private import is_dynamic_groups, is_frames, root_dataset


def flat(samples: fo.core.collections.SampleCollection) -> fo.core.collections.SampleCollection:
    """Return the samples of dynamic groups, one after the other; other collections as they are."""
    return samples.flatten() if is_dynamic_groups(samples) else samples


def tag_samples(samples: fo.core.collections.SampleCollection, ids: list[str], tag: str) -> None:
    """Tag samples where that lasts: a frame has no tags of its own, so its video is tagged."""
    if ids:
        _tagged(samples, ids).tag_samples(tag)


def untag_samples(samples: fo.core.collections.SampleCollection, ids: list[str], tag: str) -> None:
    """Take back what :func:`tag_samples` did."""
    if ids:
        _tagged(samples, ids).match_tags(tag).untag_samples(tag)


def _tagged(samples: fo.core.collections.SampleCollection, ids: list[str]) -> fo.DatasetView:
    chosen = samples.select(ids)
    if not is_frames(samples):
        return chosen
    return root_dataset(samples).select(list(dict.fromkeys(chosen.values("sample_id"))))
