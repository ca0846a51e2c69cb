"""Reads vector fields of samples or of the labels on them, always joined by id."""

import io
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

import fiftyone as fo
import numpy as np

NO_VECTOR, NOT_FINITE, ZERO = "no vector", "not finite", "zero vector"
# Samples per query: 10,000 vectors of 512 dimensions are 20 MB
_SLICE = 10_000
_LISTS = {fo.Detections: "detections", fo.Polylines: "polylines"}
_SINGLES = (fo.Detection, fo.Polyline)


@dataclass
class VectorTable:
    """Vectors and whose they are.

    Args:
        ids: the sample ids, or the label ids if patches were read
        sample_ids: the samples they belong to, the same as ``ids`` for whole images
        X: float32 ``(n, d)``, one row per id
        skipped: ids without a usable vector, by reason: ``no vector``, ``not finite``, ``zero vector``
    """

    ids: list[str]
    sample_ids: list[str]
    X: np.ndarray
    skipped: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """What a view stands for: samples, or labels on samples, of the collection that keeps them.

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
    def of(cls, samples, patches_field: str | None = None) -> "Rows":
        """The rows of ``samples``; a ``to_patches()`` view is led back to its source.

        Raises:
            ValueError: if the view holds videos, groups or the wrong kind of label
        """
        check_media(samples)
        if samples._is_patches:
            source, patches_field = patches_source(samples, patches_field)
            path, listed = label_path(source, patches_field)
            ids, sample_ids = samples.values(["id", "sample_id"])
            return cls(source, ids, sample_ids, path, listed)
        if patches_field is None:
            ids = samples.values("id")
            return cls(samples, ids, ids)
        path, listed = label_path(samples, patches_field)
        pairs = []
        for sample_id, found in zip(*samples.values(["id", f"{path}.id"]), strict=True):
            found = found if listed else [found]
            pairs += [(label_id, sample_id) for label_id in found or [] if label_id]
        return cls(samples, [a for a, _ in pairs], [b for _, b in pairs], path, listed)

    def path(self, name: str) -> str:
        """The full path of field ``name`` on these samples or labels."""
        return f"{self.labels}.{name}" if self.labels else name

    def values(self, *names: str, raw: bool = False):
        """Yields ``(id, value, ...)`` in slices, in no particular order."""
        wanted, samples = set(self.ids), list(dict.fromkeys(self.sample_ids))
        paths = [self.path(name) for name in ("id", *names)]
        for start in range(0, len(samples), _SLICE):
            part = self.collection.select(samples[start : start + _SLICE])
            for row in zip(*part.values(paths, _raw=raw), strict=True):
                if self.listed:
                    row = [column or [None] * len(row[0] or []) for column in row]
                for one in zip(*row, strict=True) if self.listed else (row,):
                    if one[0] in wanted:
                        yield one


def check_media(samples):
    """Checks that a collection holds images.

    Raises:
        ValueError: in one sentence, for videos, groups and other media
    """
    if samples.media_type == "video":
        raise ValueError("videos cannot be embedded as images; pass a frames view: dataset.to_frames()")
    if samples.media_type == "group":
        slices = ", ".join(samples.group_slices)
        raise ValueError(
            f"the dataset is grouped (slices {slices}); pass one slice with select_group_slices('name'), "
            "or all images with select_group_slices(media_type='image')"
        )
    if samples.media_type not in ("image", None):
        raise ValueError(f"samples of media type {samples.media_type!r} are not images; pass an image dataset")


def home(samples, path: str) -> tuple:
    """The dataset that keeps a field, and its path there.

    A frames view is a copy whose fields live on its videos: ``emb`` is ``frames.emb`` there.

    Args:
        samples: a dataset or view
        path: the field's path in ``samples``
    """
    if samples._is_frames:
        return samples._root_dataset, f"frames.{path}"
    return samples._root_dataset, path


def label_path(samples, patches_field: str) -> tuple[str, bool]:
    """Where the labels of ``patches_field`` are and whether a sample holds a list of them.

    Raises:
        ValueError: if there is no such field or it holds no boxes or polylines
    """
    if patches_field.startswith("frames."):
        raise ValueError(f"patches_field={patches_field!r} is on video frames; use to_frames() first")
    found = samples.get_field(patches_field)
    if found is None:
        raise ValueError(f"there is no field {patches_field!r} in this view; choose a field of detections or polylines")
    kind = getattr(found, "document_type", None)
    for label_type, attribute in _LISTS.items():
        if kind and issubclass(kind, label_type):
            return f"{patches_field}.{attribute}", True
    if kind and issubclass(kind, _SINGLES):
        return patches_field, False
    kind = kind or type(found)
    raise ValueError(f"{patches_field!r} holds {kind.__name__}, not Detections or Polylines; choose a field with boxes")


def read_vectors(samples, field: str, patches_field: str | None = None) -> VectorTable:
    """Reads a vector field.

    Args:
        samples: a dataset or view, a ``to_patches()`` view included
        field: the field of the samples, or of the labels in ``patches_field``
        patches_field: a field of detections or polylines whose labels carry the vectors

    Returns:
        a :class:`VectorTable` in the order of the view; what has no usable vector is left out and listed in ``skipped``

    Raises:
        ValueError: if the field is missing, holds no vectors, or vectors of several lengths
    """
    rows = Rows.of(samples, patches_field)
    require_vector_field(rows, field)
    position = {row_id: i for i, row_id in enumerate(rows.ids)}
    X, present = None, np.zeros(len(rows.ids), bool)
    lengths, odd = Counter(), defaultdict(int)
    for row_id, stored in rows.values(field, raw=True):
        vector = decode(stored)
        if vector is None:
            continue
        if vector.ndim != 1:
            raise ValueError(f"{field} holds arrays of {vector.ndim} dimensions, e.g. {vector.shape}; vectors have one")
        lengths[len(vector)] += 1
        if X is None:
            X = np.zeros((len(rows.ids), len(vector)), np.float32)
        if len(vector) == X.shape[1]:
            X[position[row_id]] = vector
            present[position[row_id]] = True
        else:
            odd[len(vector)] += 1
    if odd:
        raise ValueError(_mixed(field, lengths))
    return _table(rows, X if X is not None else np.zeros((len(rows.ids), 0), np.float32), present)


def missing_vectors(rows: Rows, field: str) -> list[str]:
    """Ids without any vector in ``field``, in the order of ``rows``; all of them if there is no such field."""
    if rows.collection.get_field(rows.path(field)) is None:
        return list(rows.ids)
    # fetching the vectors only to see that they are there would be hundreds of times more data
    root = rows.labels or ""
    have = set()
    samples = list(dict.fromkeys(rows.sample_ids))
    for start in range(0, len(samples), _SLICE):
        part = rows.collection.select(samples[start : start + _SLICE])
        if root:
            part = part.filter_labels(root.split(".")[0], fo.ViewField(field) != None, only_matches=True)  # noqa: E711
            have.update(part.values(f"{root}.id", unwind=rows.listed))
        else:
            have.update(part.exists(field).values("id"))
    return [row_id for row_id in rows.ids if row_id not in have]


def require_vector_field(rows: Rows, name: str):
    """Checks that ``name`` exists and holds vectors.

    Raises:
        ValueError: in one sentence, if it does not
    """
    found = rows.collection.get_field(rows.path(name))
    if found is None:
        patches_field = rows.labels.split(".")[0] if rows.labels else None
        known = ", ".join(vector_fields(rows.collection, patches_field)) or "none"
        raise ValueError(f"there is no field {rows.path(name)!r}; fields that hold vectors: {known}")
    if not holds_vectors(found):
        raise ValueError(f"{rows.path(name)!r} is a {type(found).__name__} and holds no vectors; choose another field")


def holds_vectors(found) -> bool:
    """Whether a field of this type can hold vectors."""
    if isinstance(found, fo.ListField):
        return isinstance(found.field, fo.FloatField)
    return isinstance(found, (fo.VectorField, fo.ArrayField))


def vector_fields(samples, patches_field: str | None = None) -> list[str]:
    """The names of fields that hold vectors, from the schema alone.

    Args:
        samples: a dataset or view
        patches_field: a field of labels, to list the fields of its labels instead

    Returns:
        names as :func:`read_vectors` takes them
    """
    if patches_field is None:
        return [name for name, found in samples.get_field_schema().items() if holds_vectors(found)]
    path, listed = label_path(samples, patches_field)
    labels = samples.get_field(path)
    labels = labels.field if listed else labels
    own = own_fields(samples, path)
    return [name for name, found in labels.get_field_schema().items() if holds_vectors(found) and name not in own]


def own_fields(samples, path: str) -> set[str]:
    """The fields that every label at ``path`` has; bounding_box is a list of floats and yet no vector."""
    labels = samples.get_field(path)
    return set((labels.field if isinstance(labels, fo.ListField) else labels).document_type._fields)


def decode(stored) -> np.ndarray | None:
    """A stored value as an array: FiftyOne's bytes, a list, an array or None."""
    if stored is None or isinstance(stored, np.ndarray):
        return stored
    if not isinstance(stored, bytes):
        return np.asarray(stored, dtype=np.float32)
    data = zlib.decompress(stored)
    start = 10 + int.from_bytes(data[8:10], "little") if data[6] == 1 else 12 + int.from_bytes(data[8:12], "little")
    shape, fortran, dtype = _header(data[:start])
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")


@lru_cache(maxsize=64)
def _header(header: bytes) -> tuple:
    """The header of the .npy format; all vectors of a field share it, and parsing it costs more than the vector."""
    file = io.BytesIO(header)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _table(rows: Rows, X: np.ndarray, present: np.ndarray) -> VectorTable:
    skipped = {}
    finite = present.copy()
    finite[present] = np.isfinite(X[present]).all(axis=1)
    usable = finite.copy()
    usable[finite] = X[finite].any(axis=1)
    for reason, mask in ((NO_VECTOR, ~present), (NOT_FINITE, present & ~finite), (ZERO, finite & ~usable)):
        if mask.any():
            skipped[reason] = [rows.ids[i] for i in np.flatnonzero(mask)]
    if not usable.all():
        X = X[usable]
    keep = np.flatnonzero(usable)
    return VectorTable([rows.ids[i] for i in keep], [rows.sample_ids[i] for i in keep], X, skipped)


def _mixed(field: str, lengths: Counter) -> str:
    several = sorted(lengths)
    names = f"{', '.join(map(str, several[:-1]))} and {several[-1]}"
    counts = f"{', '.join(str(lengths[d]) for d in several[:-1])} and {lengths[several[-1]]}"
    return f"{field} holds vectors of {names} dimensions ({counts} of them); recompute it into a new field"


def patches_source(samples, patches_field: str | None) -> tuple:
    """The collection that a ``to_patches()`` view was made from, and the label field of its patches.

    Raises:
        ValueError: if the view is not of one label field of images, or ``patches_field`` names another
    """
    own = getattr(samples, "patches_field", None)
    if own is None:
        raise ValueError("this view of evaluation patches mixes two label fields; use to_patches() on one of them")
    if samples._is_frames:
        raise ValueError("this view holds patches of video frames; use to_frames() and patches_field instead")
    if patches_field not in (None, own):
        raise ValueError(f"patches_field={patches_field!r} but the view holds patches of {own!r}; leave it out")
    return samples._source_collection, own
