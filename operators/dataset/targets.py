"""Targets: a dataset, a view, its patches or clips, resolved to samples and labels that can be joined by id."""

from dataclasses import dataclass

import fiftyone as fo

from .frames import up_to_date
from .private import root_dataset
from .repeats import each_once
from .rows import label_field, label_path, storage_of
from .shapes import CLIP_TYPES, check_lasting, flat, has_labels_as_samples, labels_source, picked_slice, unit_of
from .vector_names import is_outside

PATCH_TYPES = (fo.Detections, fo.Detection, fo.Polylines, fo.Polyline, *CLIP_TYPES)


@dataclass(frozen=True)
class Target:
    """Images or other samples, or patches of a label field.

    Args:
        samples: the dataset or view that was given; a run is registered on it
        source: the same samples as a collection of whole images, so that fields can be read and written
        patches_field: the label field whose patches, or clips, are meant, or None for whole images
        notes: how the samples were taken, where that was not said
    """

    samples: fo.core.collections.SampleCollection
    source: fo.core.collections.SampleCollection
    patches_field: str | None
    notes: tuple[str, ...] = ()

    @property
    def dataset(self) -> fo.Dataset:
        """The dataset that everything is stored in."""
        return root_dataset(self.source)

    @property
    def labels(self) -> str | None:
        """The path of the labels whose patches are meant: ``things.detections``."""
        return label_path(self.source, self.patches_field)[0] if self.patches_field else None

    def count(self) -> int:
        """Count the images or patches in the database."""
        if has_labels_as_samples(self.samples) or not self.labels:
            return len(self.samples)
        return self.source.count(self.labels)

    def local_path(self, name: str) -> str:
        """Return the path of an attribute in ``source``: ``km10``, or ``things.detections.km10`` for patches."""
        return f"{self.labels}.{name}" if self.patches_field and not is_outside(name) else name

    def storage_path(self, name: str) -> str:
        """Return the path of an attribute in ``dataset``: as in ``source``, but ``frames.km10`` for a frames view."""
        return name if is_outside(name) else storage_of(self.source, self.local_path(name))[1]

    def local_name(self, path: str) -> str:
        """Return the name of an attribute that was given by its path: ``km10`` for ``things.detections.km10``."""
        for start in filter(None, (self.labels, self.patches_field)):
            path = path.removeprefix(f"{start}.")
        return path

    @property
    def unit(self) -> str:
        """``images``, ``patches``, ``videos``..., see :func:`operators.dataset.shapes.unit_of`."""
        return unit_of(self.source, self.patches_field)


def resolve_target(samples: fo.core.collections.SampleCollection, patches_field: str | None = None) -> Target:
    """Resolve a collection and an optional patches field.

    A view of patches, or of clips of temporal detections, means the same as its source with that patches field;
    dynamic groups mean the samples in them, other groups their samples in the active slice. Frames are taken as they
    are now, see :mod:`operators.dataset.frames`, and samples that a view has twice are taken once.

    Args:
        samples: a dataset or view
        patches_field (None): a field of detections, polylines or temporal detections, or the path of its lists

    Raises:
        ValueError: for empty views, fields without patches, and clips that are not labels
    """
    if patches_field is not None and not isinstance(patches_field, str):
        raise ValueError(f"patches_field {patches_field!r} is not a field name; name a field of detections")
    name, samples = picked_slice(samples), up_to_date(flat(samples))
    check_lasting(samples)
    if patches_field:
        patches_field = label_field(samples, patches_field) or patches_field
    given, samples = samples, each_once(samples, patches_field)
    source = samples
    if has_labels_as_samples(samples):
        source, patches_field = labels_source(samples, patches_field)
    elif patches_field:
        label_path(samples, patches_field)
    if len(samples) == 0:
        what = "samples" if source is samples else "patches"
        raise ValueError(f"the view is empty; choose a view with at least 2 {what}")
    notes = []
    if name:
        notes.append(f"of each group its sample in slice {name!r} was taken; select_group_slices() chooses others")
    if given is not samples:
        notes.append("the view has samples several times; each was taken once")
    return Target(samples, source, patches_field, tuple(notes))


def patch_fields(samples: fo.core.collections.SampleCollection) -> list[str]:
    """List the fields, in documents on samples too, that hold detections, polylines or temporal detections."""
    schema = samples.get_field_schema(ftype=fo.EmbeddedDocumentField, flat=True)
    fields = [name for name, field in schema.items() if issubclass(field.document_type, PATCH_TYPES)]
    return [name for name in fields if name.count(".") < 2]  # FiftyOne makes no patches of deeper ones
