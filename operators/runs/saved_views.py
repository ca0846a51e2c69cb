"""Keeps a choice of images or patches: as a tag, as a saved view, or both; nothing of that name is overwritten."""

from ..execution.locks import schema_lock


def check_kept(dataset, tag: str | None, view_name: str | None):
    """Refuses what cannot be kept, before any work.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        tag: a tag, or None
        view_name: the name of a saved view, or None

    Raises:
        ValueError: in one sentence, if a name is no name or the view exists
    """
    for key, name in (("tag", tag), ("view_name", view_name)):
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ValueError(f"{key}={name!r} is not a name; give it letters, or leave it out")
    if view_name is not None and dataset.has_saved_view(view_name):
        raise ValueError(f"there is a saved view {view_name!r}; choose another name or delete it first")


def keep_choice(members, ids: list[str], tag: str | None, view_name: str | None):
    """Tags the chosen images, or the labels of the chosen patches, and saves a view of them.

    Args:
        members: the :class:`operators.members.Members` they are among
        ids: which
        tag: a tag, or None
        view_name: the name of a new saved view, or None

    Returns:
        the view of them
    """
    view, dataset = members.view(ids), members.target.dataset
    if tag and ids:
        if members.target.patches_field:
            chosen = members.target.source.select_labels(ids=ids, fields=members.target.patches_field)
            chosen.tag_labels(tag, label_fields=members.target.patches_field)
        else:
            members.target.source.select(ids).tag_samples(tag)
    if view_name:
        with schema_lock(dataset):
            check_kept(dataset, None, view_name)
            dataset.save_view(view_name, view)
    return view
