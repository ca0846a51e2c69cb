"""Rows of a dataset: images or patches joined with their stored values, always by id."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from .private import document_fields, is_frames, root_dataset
from .selections import selections
from .shapes import check_lasting, flat, has_labels_as_samples, labels_source
from .vector_names import is_outside

_LISTS = {fo.Detections: "detections", fo.Polylines: "polylines", fo.TemporalDetections: "detections"}
_SINGLES = (fo.Detection, fo.Polyline, fo.TemporalDetection)


@dataclass(frozen=True)
class Rows:
    """Samples of a view, or labels on them, in the collection that stores them.

    Args:
        collection: where to read and write; of a patches view, the collection it was made from
        ids: sample or label ids, in the order of the view
        sample_ids: the sample of each
        labels: the path of the labels, ``"ground_truth.detections"``, or None for whole images
        listed: whether a sample holds a list of labels
    """

    collection: fo.core.collections.SampleCollection
    ids: list[str]
    sample_ids: list[str]
    labels: str | None = None
    listed: bool = False

    @classmethod
    def of(cls, samples: fo.core.collections.SampleCollection, patches_field: str | None = None) -> "Rows":
        """Return the rows of ``samples``, each once; a view of patches or clips is led back to its source.

        Raises:
            ValueError: if the view holds the wrong kind of label, or clips that are not labels
        """
        samples = flat(samples)
        check_lasting(samples)
        if has_labels_as_samples(samples):
            source, patches_field = labels_source(samples, patches_field)
            path, listed = label_path(source, patches_field)
            pairs = dict(zip(*samples.values(["id", "frame_id" if is_frames(source) else "sample_id"]), strict=True))
            return cls(source, list(pairs), list(pairs.values()), path, listed)
        if patches_field is None:
            ids = list(dict.fromkeys(samples.values("id")))
            return cls(samples, ids, ids)
        path, listed = label_path(samples, patches_field)
        pairs = {}
        for sample_id, found in zip(*samples.values(["id", f"{path}.id"]), strict=True):
            found = found if listed else [found]
            pairs.update((label_id, sample_id) for label_id in found or [] if label_id)
        return cls(samples, list(pairs), list(pairs.values()), path, listed)

    @property
    def patches_field(self) -> str | None:
        """The field of the labels, or None for whole images."""
        return self.labels.rpartition(".")[0] if self.labels and self.listed else self.labels

    def path(self, name: str) -> str:
        """Return the full path of field ``name`` on these samples or labels; of vectors outside of them their name."""
        return f"{self.labels}.{name}" if self.labels and not is_outside(name) else name

    def values(self, *names: str, raw: bool = False) -> Iterator[tuple]:
        """Yield ``(id, value, ...)`` in slices, in no particular order.

        Raises:
            ValueError: if the view hides one of the fields
        """
        wanted = set(self.ids)
        paths = [self.path(name) for name in ("id", *names)]
        for path in paths:
            require_shown(self.collection, path)
        for part in selections(self.collection, self.sample_ids):
            for row in zip(*part.values(paths, _raw=raw), strict=True):
                if self.listed:
                    row = tuple(column or [None] * len(row[0] or []) for column in row)
                for one in zip(*row, strict=True) if self.listed else (row,):
                    if one[0] in wanted:
                        yield one


def write_values(
    collection: fo.core.collections.SampleCollection,
    path: str,
    ids: Sequence[str],
    sample_ids: Sequence[str],
    values: Sequence[Any],
    of_labels: bool,
    validate: bool = True,
) -> None:
    """Write one value per sample, or per label on the samples, joined by id; the caller writes many in slices.

    Args:
        collection: where they are stored, see :class:`Rows`
        path: the full path of the field
        ids: sample ids, or label ids
        sample_ids: the sample of each
        values: one value each
        of_labels: whether ``ids`` are label ids
        validate (True): whether FiftyOne checks the values against the field
    """
    if not of_labels:
        if is_frames(collection):  # FiftyOne takes all frames of a view over to their videos, and not these only
            collection = collection.select(ids)
        collection.set_values(path, dict(zip(ids, values, strict=True)), key_field="id", validate=validate)
        return
    # on a view of frames, the samples are the frames of its videos, to which FiftyOne passes the items on
    keys = zip(sample_ids, ids, values, strict=True)
    items = [{"sample_id": s, "frame_id": s, "label_id": i, "value": v} for s, i, v in keys]
    collection.set_label_values(path, items, validate=validate)


def storage_of(samples: fo.core.collections.SampleCollection, path: str) -> tuple:
    """Return the dataset that keeps a field, and its path there.

    A frames view is a copy whose fields live on its videos: ``emb`` is ``frames.emb`` there.

    Args:
        samples: a dataset or view
        path: the field's path in ``samples``
    """
    if is_frames(samples):
        return root_dataset(samples), f"frames.{path}"
    return root_dataset(samples), path


def label_path(samples: fo.core.collections.SampleCollection, patches_field: str) -> tuple[str, bool]:
    """Return the path of the labels of ``patches_field``, and whether a sample holds a list of them.

    Raises:
        ValueError: if there is no such field or it holds no boxes, polylines or clips
    """
    if patches_field.startswith("frames."):
        name = patches_field.removeprefix("frames.")
        raise ValueError(f"patches_field={patches_field!r} is on video frames; pass to_frames() and {name!r}")
    patches_field = label_field(samples, patches_field) or patches_field
    found = samples.get_field(patches_field)
    require_shown(samples, patches_field)
    if found is None:
        raise ValueError(f"there is no field {patches_field!r} in this view; choose a field of detections or polylines")
    if patches_field.count(".") > 1:
        raise ValueError(f"{patches_field!r} is nested too deep to make patches of; move it up, as in 'document.field'")
    kind = getattr(found, "document_type", None)
    for label_type, attribute in _LISTS.items():
        if kind and issubclass(kind, label_type):
            return f"{patches_field}.{attribute}", True
    if kind and issubclass(kind, _SINGLES):
        return patches_field, False
    kind = kind or type(found)
    raise ValueError(f"{patches_field!r} holds {kind.__name__}, not Detections or Polylines; choose a field with boxes")


def label_field(samples: fo.core.collections.SampleCollection, path: str) -> str | None:
    """Return the field with lists of labels at a path, which may lead to the lists; None if there is none."""
    for name in filter(None, (path, path.rpartition(".")[0])):
        kind = getattr(samples.get_field(name), "document_type", None)
        for label_type, attribute in _LISTS.items():
            if kind and issubclass(kind, label_type) and path in (name, f"{name}.{attribute}"):
                return name
    return None


def require_shown(samples: fo.core.collections.SampleCollection, path: str) -> None:
    """Raise ValueError if a view hides the field at a path, or one that leads to it."""
    steps = path.split(".")
    for prefix in (".".join(steps[: i + 1]) for i in range(len(steps))):
        if samples.get_field(prefix) is None:
            dataset, stored = storage_of(samples, prefix)
            if dataset.get_field(stored) is not None:
                raise ValueError(f"this view hides the field {prefix!r}; use a view that has it")
            return


def own_fields(samples: fo.core.collections.SampleCollection, path: str) -> set[str]:
    """Return the fields that every label at ``path`` has; bounding_box is a list of floats and yet no vector."""
    labels = samples.get_field(path)
    return document_fields((labels.field if isinstance(labels, fo.ListField) else labels).document_type)
