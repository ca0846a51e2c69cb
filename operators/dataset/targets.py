"""Targets: a dataset, a view or its patches, resolved to samples and labels that can be joined by id."""

from dataclasses import dataclass

import fiftyone as fo

from .private import is_patches, root_dataset
from .rows import check_media, label_path, patches_source, storage_of
from .shapes import flat

PATCH_TYPES = (fo.Detections, fo.Detection, fo.Polylines, fo.Polyline)


@dataclass(frozen=True)
class Target:
    """Images, or patches of a label field.

    Args:
        samples: the dataset or view that was given; a run is registered on it
        source: the same samples as a collection of whole images, so that fields can be read and written
        patches_field: the label field whose patches are meant, or None for whole images
    """

    samples: fo.core.collections.SampleCollection
    source: fo.core.collections.SampleCollection
    patches_field: str | None

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
        if is_patches(self.samples) or not self.labels:
            return len(self.samples)
        return self.source.count(self.labels)

    def local_path(self, name: str) -> str:
        """Return the path of an attribute in ``source``: ``km10``, or ``things.detections.km10`` for patches."""
        return f"{self.labels}.{name}" if self.patches_field else name

    def storage_path(self, name: str) -> str:
        """Return the path of an attribute in ``dataset``: as in ``source``, but ``frames.km10`` for a frames view."""
        return storage_of(self.source, self.local_path(name))[1]

    @property
    def unit(self) -> str:
        """``images`` or ``patches``."""
        return "patches" if self.patches_field else "images"


def resolve_target(samples: fo.core.collections.SampleCollection, patches_field: str | None = None) -> Target:
    """Resolve a collection and an optional patches field.

    A ``to_patches()`` view means the same as its source with that patches field, dynamic groups the samples in them.

    Args:
        samples: a dataset or view
        patches_field (None): a Detections, Detection, Polylines or Polyline field

    Raises:
        ValueError: for videos, grouped datasets, empty views and fields without patches
    """
    if patches_field is not None and not isinstance(patches_field, str):
        raise ValueError(f"patches_field {patches_field!r} is not a field name; name a field of detections")
    samples = flat(samples)
    check_media(samples)
    if is_patches(samples):
        return _patches_target(samples, patches_field)
    if patches_field:
        label_path(samples, patches_field)
    if len(samples) == 0:
        raise ValueError("the view is empty; choose a view with at least 2 samples")
    return Target(samples, samples, patches_field)


def patch_fields(samples: fo.core.collections.SampleCollection) -> list[str]:
    """List the fields of a collection that hold detections or polylines."""
    schema = samples.get_field_schema(ftype=fo.EmbeddedDocumentField)
    return [name for name, field in schema.items() if issubclass(field.document_type, PATCH_TYPES)]


def _patches_target(samples: fo.core.collections.SampleCollection, patches_field: str | None) -> Target:
    source, field = patches_source(samples, patches_field)
    if len(samples) == 0:
        raise ValueError("the view is empty; choose a view with at least 2 patches")
    return Target(samples, source, field)
