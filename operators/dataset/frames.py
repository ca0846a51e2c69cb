"""Frames of a dataset's videos as they are now.

A frames view reads from a copy, which FiftyOne makes once: frames, fields and values that come later are not in it. So
a run on frames keeps how its frames were made and not their view, and reads them anew when something has changed.
"""

import json

import fiftyone as fo

from .private import is_stored

_CACHED = 8  # views
_views: dict[tuple, tuple[tuple, fo.DatasetView]] = {}


def frames_of(dataset: fo.Dataset, options: dict) -> fo.DatasetView:
    """Return the frames of all videos of a dataset; the same view as long as nothing has changed.

    Args:
        dataset: the dataset of videos
        options: how frames are made, the arguments of ``to_frames()``
    """
    dataset.reload()
    place = (dataset.name, dataset.created_at, json.dumps(options, sort_keys=True, default=str))
    state = _state(dataset)
    known = _views.get(place)
    if known is not None and known[0] == state and is_stored(known[1]):
        return known[1]
    view = dataset.to_frames(**options)
    if len(_views) >= _CACHED:
        _views.clear()
    _views[place] = (_state(dataset), view)
    return view


def _state(dataset: fo.Dataset) -> tuple:
    """Return what is another after any change of samples, frames, or their fields."""
    frames = dataset.count("frames"), *dataset.bounds("frames.last_modified_at")
    samples = dataset.count(), *dataset.bounds("last_modified_at")
    return frames, samples, tuple(dataset.get_frame_field_schema(flat=True))
