"""Shapes of FiftyOne's collections, led back to samples and labels that can be read, written and tagged."""

from collections.abc import Iterator, Sequence

import fiftyone as fo

from .private import (
    clips_field,
    is_clips,
    is_dynamic_groups,
    is_frames,
    is_patches,
    root_dataset,
    slices_in,
    view_origin,
    with_media_type,
)
from .selections import selections

CLIP_TYPES = (fo.TemporalDetections, fo.TemporalDetection)
_UNITS = {None: "images", "image": "images", "video": "videos", "point-cloud": "point clouds", "3d": "3D scenes"}


def flat(
    samples: fo.core.collections.SampleCollection, slices: Sequence[str] | None = None
) -> fo.core.collections.SampleCollection:
    """Return samples instead of groups: those of dynamic groups one after the other, of others those of a slice.

    Args:
        samples: a dataset or view
        slices (None): names of slices, by default the active one
    """
    if is_dynamic_groups(samples):
        samples = samples.flatten()
    if samples.media_type != fo.core.media.GROUP:
        return samples
    if samples.group_slices:
        return samples.select_group_slices(list(slices or [samples.group_slice]), _allow_mixed=True)
    # dynamic groups of a slice: FiftyOne takes the flattened samples for groups, without slices
    known = root_dataset(samples).group_media_types
    media_types = {known[name] for name in slices_in(samples)}
    return with_media_type(samples, media_types.pop() if len(media_types) == 1 else fo.core.media.MIXED)


def picked_slice(samples: fo.core.collections.SampleCollection) -> str | None:
    """Return the slice that :func:`flat` picks; None if there are no groups, or the samples are of named slices."""
    if is_dynamic_groups(samples):
        samples = samples.flatten()
    return samples.group_slice if samples.media_type == fo.core.media.GROUP and samples.group_slices else None


def run_slices(
    dataset: fo.Dataset, slices: Sequence[str] | None, media_type: str = fo.core.media.IMAGE
) -> list[str] | None:
    """Return the slices that a run was made of; None without groups.

    Args:
        dataset: the dataset
        slices: those that the run has noted
        media_type ("image"): the media that a run was made of whose version did not note slices
    """
    if dataset.media_type != fo.core.media.GROUP:
        return None
    return list(slices or [name for name, media in dataset.group_media_types.items() if media == media_type])


def slices_of(samples: fo.core.collections.SampleCollection) -> list[str] | None:
    """Return the slices that samples come from; None if there are no groups."""
    return slices_in(samples) if root_dataset(samples).media_type == fo.core.media.GROUP else None


def has_labels_as_samples(samples: fo.core.collections.SampleCollection) -> bool:
    """Return whether a view has a sample per label: patches, or clips of temporal detections."""
    return is_patches(samples) or clips_field(samples) is not None


def field_of_labels(samples: fo.core.collections.SampleCollection) -> str | None:
    """Return the field whose labels are the samples of a view of patches or clips; None of other views."""
    return clips_field(samples) or (getattr(samples, "patches_field", None) if is_patches(samples) else None)


def labels_as_samples(samples: fo.core.collections.SampleCollection, patches_field: str) -> fo.DatasetView:
    """Make the view with a sample per label: of patches, or of clips."""
    return samples.to_clips(patches_field) if of_clips(samples, patches_field) else samples.to_patches(patches_field)


def of_clips(samples: fo.core.collections.SampleCollection, patches_field: str | None) -> bool:
    """Return whether the labels of a field are clips of videos."""
    field = samples.get_field(patches_field) if patches_field else None
    return isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, CLIP_TYPES)


def labels_source(
    samples: fo.core.collections.SampleCollection, patches_field: str | None
) -> tuple[fo.core.collections.SampleCollection, str]:
    """Return the collection that a view of patches or clips was made from, and the label field of its samples.

    Raises:
        ValueError: if the view is not of one label field, or ``patches_field`` names another
    """
    own = field_of_labels(samples)
    if own is None:
        raise ValueError("this view of evaluation patches mixes two label fields; use to_patches() on one of them")
    if patches_field not in (None, own) and str(patches_field).rpartition(".")[0] != own:
        raise ValueError(f"patches_field={patches_field!r} but the view holds patches of {own!r}; leave it out")
    return flat(view_origin(samples)), own


def check_lasting(samples: fo.core.collections.SampleCollection) -> None:
    """Refuse views whose samples FiftyOne makes anew each time, with no place for labels.

    Raises:
        ValueError: for clips that are not those of a field of temporal detections
    """
    if is_clips(samples) and clips_field(samples) is None:
        raise ValueError(
            "labels on these clips would vanish with their view; make the clips of a field of temporal detections, "
            "to_clips('field'), or keep them as a dataset with clone()"
        )


def unit_of(samples: fo.core.collections.SampleCollection, patches_field: str | None = None) -> str:
    """Return what is clustered as text: ``images``, ``patches``, ``clips``, ``videos``, ``point clouds``..."""
    if patches_field:
        return "clips" if of_clips(samples, patches_field) else "patches"
    return _UNITS.get(samples.media_type, "samples")


def tag_samples(samples: fo.core.collections.SampleCollection, ids: list[str], tag: str) -> None:
    """Tag samples where that lasts: a frame has no tags of its own, so its video is tagged."""
    for some in _tagged(samples, ids):
        some.tag_samples(tag)


def untag_samples(samples: fo.core.collections.SampleCollection, ids: list[str], tag: str) -> None:
    """Take back what :func:`tag_samples` did."""
    for some in _tagged(samples, ids):
        some.match_tags(tag).untag_samples(tag)


def _tagged(
    samples: fo.core.collections.SampleCollection, ids: list[str]
) -> Iterator[fo.core.collections.SampleCollection]:
    for chosen in selections(samples, ids):
        if is_frames(samples):
            yield from selections(root_dataset(samples), chosen.values("sample_id"))
        else:
            yield chosen
