"""Selections of images or patches, kept as a tag, a saved view, or both; nothing of that name is overwritten."""

from collections.abc import Sequence

import fiftyone as fo

from ..dataset.private import is_frames
from ..dataset.selections import in_slices
from ..dataset.shapes import tag_samples
from ..dataset.targets import Target
from ..execution.locks import schema_lock
from .members import Members


def check_selection(dataset: fo.Dataset, tag: str | None, view_name: str | None) -> None:
    """Refuse names under which a selection cannot be kept, before any work.

    Args:
        dataset: the dataset
        tag: a tag, or None
        view_name: the name of a saved view, or None

    Raises:
        ValueError: if one is empty or no text, or the view exists
    """
    for key, name in (("tag", tag), ("view_name", view_name)):
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ValueError(f"{key}={name!r} is not a name; give it letters, or leave it out")
    if view_name is not None and dataset.has_saved_view(view_name):
        raise ValueError(f"there is a saved view {view_name!r}; choose another name or delete it first")


def save_selection(members: Members, ids: list[str], tag: str | None, view_name: str | None) -> fo.DatasetView:
    """Tag some images, or the labels of some patches, or the run's labels of some frames, and save a view of them.

    Args:
        members: the members they are among
        ids: their ids
        tag: a tag, or None
        view_name: the name of a new saved view, or None

    Returns:
        the view of them
    """
    view, dataset = members.view(ids), members.target.dataset
    if tag and ids:
        tag_members(members.target, members.config.cluster_field, ids, tag)
    if view_name:
        with schema_lock(dataset):
            check_selection(dataset, None, view_name)
            dataset.save_view(view_name, view)
    return view


def tag_members(target: Target, cluster_field: str, ids: list[str], tag: str) -> None:
    """Tag some images, or the labels of some patches, or the run's labels of some frames.

    Args:
        target: the images or patches
        cluster_field: the run's cluster field
        ids: their ids
        tag: the tag
    """
    for some in in_slices(ids):
        _tag(target, cluster_field, some, tag)


def _tag(target: Target, cluster_field: str, ids: Sequence[str], tag: str) -> None:
    source, patches_field = target.source, target.patches_field
    if patches_field:
        source.select_labels(ids=ids, fields=patches_field).tag_labels(tag, label_fields=patches_field)
    elif is_frames(source):  # tags of frames would vanish with the view; those of the run's labels on them stay
        source.select(ids).tag_labels(tag, label_fields=cluster_field)
    else:
        tag_samples(source, list(ids), tag)
