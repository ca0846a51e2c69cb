"""Frames, patches and clips as their dataset is now.

A view of them reads from a copy, which FiftyOne makes once: what comes to the dataset later is not in it, what was
deleted is, and writing through a view of frames takes the old values of a field back to all of them. So the frames of a
run are those that its videos have, and a view that is passed in is made anew if its copy is behind the dataset.
"""

from collections.abc import Callable

import fiftyone as fo

from .private import copies, fingerprint, is_behind, made_anew, root_dataset, state_of

_CACHED = 32
_views: dict[str, fo.DatasetView] = {}
_checked: dict[str, tuple] = {}


def frames_of(videos: fo.core.collections.SampleCollection, dynamic: bool = False) -> fo.DatasetView:
    """Return all frames of videos that can have labels; the same view as long as nothing has changed.

    Args:
        videos: a dataset of videos, or slices of groups
        dynamic (False): whether the frames have no images of their own
    """
    options = {"sample_frames": "dynamic", "sparse": True} if dynamic else {}
    videos = videos.view()
    return _kept(f"{fingerprint(videos)} {options}", lambda: videos.to_frames(**options))


def up_to_date(samples: fo.core.collections.SampleCollection) -> fo.core.collections.SampleCollection:
    """Return a view of frames, patches or clips made anew if its copy is behind the dataset; others as they are."""
    if not _is_behind(samples):
        return samples
    return _kept(fingerprint(samples), lambda: made_anew(samples))


def _kept(key: str, make: Callable[[], fo.DatasetView]) -> fo.DatasetView:
    view = _views.get(key)
    if view is None or _is_behind(view):
        if len(_views) >= _CACHED:
            _views.clear()
        view = _views[key] = make()
    return view


def _is_behind(samples: fo.core.collections.SampleCollection) -> bool:
    for copy, origin in copies(samples):
        if not fo.dataset_exists(copy.name):
            return True
        state = state_of(root_dataset(origin))
        if _checked.get(copy.name) == state:
            continue
        if is_behind(copy, origin):
            return True
        if len(_checked) >= _CACHED:
            _checked.clear()
        _checked[copy.name] = state
    return False
