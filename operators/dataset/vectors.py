"""Vector fields of samples or of the labels on them, always joined by id."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import fiftyone as fo
import numpy as np

from .decoding import decode
from .rows import Rows
from .selections import selections, slices
from .vector_names import COORDINATES, is_outside
from .vector_paths import require_vector_field
from .vector_sources import outside_ids, read_outside

NO_VECTOR, NOT_FINITE, ZERO = "no vector", "not finite", "zero vector"


@dataclass
class VectorTable:
    """Vectors with their ids.

    Args:
        ids: the sample ids, or the label ids if patches were read
        sample_ids: the samples they belong to, the same as ``ids`` for whole images
        X: ``(n, d)``, one row per id: float32, but of up to 16 dimensions float64, for coordinates have digits to lose
        skipped: ids without a usable vector, by reason: ``no vector``, ``not finite``, ``zero vector``
        notes: what else there is to say of them
    """

    ids: list[str]
    sample_ids: list[str]
    X: np.ndarray
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def explain(self, failed: dict[str, list[str]]) -> None:
        """Put the reasons why images could not be embedded, with their ids, in place of a missing vector."""
        why = {row_id: reason for reason, ids in failed.items() for row_id in ids}
        explained: dict[str, list[str]] = {}
        for reason, ids in self.skipped.items():
            for row_id in ids:
                known = why.get(row_id, reason) if reason.startswith(NO_VECTOR) else reason
                explained.setdefault(known, []).append(row_id)
        self.skipped = explained


def read_vectors(
    samples: fo.core.collections.SampleCollection, field: str, patches_field: str | None = None
) -> VectorTable:
    """Read a vector field, or vectors outside of the samples.

    Args:
        samples: a dataset or view, a ``to_patches()`` view included
        field: the field of the samples, ``"emb"``, of a document on them, ``"feats.emb"``, or of the labels in
            ``patches_field``; declared or not; or a Brain run or file, as
            :func:`operators.dataset.vector_sources.resolve_sources` names it
        patches_field: a field of detections or polylines whose labels carry the vectors

    Returns:
        a :class:`VectorTable` in the order of the view; what has no usable vector is left out and listed in ``skipped``

    Raises:
        ValueError: if the field is missing, holds no vectors, or vectors of several lengths
    """
    rows = Rows.of(samples, patches_field)
    if is_outside(field):
        return _table(rows, *read_outside(rows, field))
    require_vector_field(rows.collection, field, rows.patches_field)
    position = {row_id: i for i, row_id in enumerate(rows.ids)}
    X, present = None, np.zeros(len(rows.ids), bool)
    lengths: Counter[int] = Counter()
    odd: dict[int, int] = defaultdict(int)
    for row_id, stored in rows.values(field, raw=True):
        try:
            vector = decode(stored)
        except ValueError as error:
            raise ValueError(f"{field} holds {error}") from None
        if vector is None:
            continue
        lengths[len(vector)] += 1
        if X is None:
            X = np.zeros((len(rows.ids), len(vector)), np.float64 if len(vector) <= COORDINATES else np.float32)
        if len(vector) == X.shape[1]:
            X[position[row_id]] = vector
            present[position[row_id]] = True
        else:
            odd[len(vector)] += 1
    if odd:
        raise ValueError(_mixed(field, lengths))
    return _table(rows, X if X is not None else np.zeros((len(rows.ids), 0), np.float32), present)


def missing_vectors(rows: Rows, field: str) -> list[str]:
    """Return the ids without a vector in ``field``, in the order of ``rows``; all if there is no such field."""
    if is_outside(field):
        there = outside_ids(rows, field)
        return [row_id for row_id in rows.ids if row_id not in there]
    path = rows.path(field)
    if "." not in path and rows.collection.get_field(path) is None:
        return list(rows.ids)
    # fetching the vectors only to see that they are there would be hundreds of times more data
    root = rows.labels or ""
    have = set()
    for part in selections(rows.collection, rows.sample_ids):
        there = fo.ViewField(field) != None  # noqa: E711
        if root:
            part = part.filter_labels(rows.patches_field, there, only_matches=True)
            have.update(part.values(f"{root}.id", unwind=rows.listed))
        else:
            have.update(part.match(there).values("id"))
    return [row_id for row_id in rows.ids if row_id not in have]


def _table(rows: Rows, X: np.ndarray, present: np.ndarray, notes: Sequence[str] = ()) -> VectorTable:
    skipped = {}
    finite, usable = np.zeros_like(present), np.zeros_like(present)
    for some in slices(len(X)):  # of all at once, the values compared would be a quarter of them
        finite[some] = present[some] & np.isfinite(X[some]).all(axis=1)
        usable[some] = finite[some] & X[some].any(axis=1)
    for reason, mask in ((NO_VECTOR, ~present), (NOT_FINITE, present & ~finite), (ZERO, finite & ~usable)):
        if mask.any():
            skipped[reason] = [rows.ids[i] for i in np.flatnonzero(mask)]
    if not usable.all():
        X = X[usable]
    keep = np.flatnonzero(usable)
    return VectorTable([rows.ids[i] for i in keep], [rows.sample_ids[i] for i in keep], X, skipped, list(notes))


def _mixed(field: str, lengths: Counter) -> str:
    several = sorted(lengths)
    names = f"{', '.join(map(str, several[:-1]))} and {several[-1]}"
    counts = f"{', '.join(str(lengths[d]) for d in several[:-1])} and {lengths[several[-1]]}"
    return f"{field} holds vectors of {names} dimensions ({counts} of them); recompute it into a new field"


def read_spaces(
    samples: fo.core.collections.SampleCollection, fields: Sequence[str], patches_field: str | None = None
) -> tuple[VectorTable, list[int]]:
    """Read vector fields and join them by id; what lacks a usable vector in one of them is skipped.

    Args:
        samples: a dataset or view, a ``to_patches()`` view included
        fields: names of vector fields, as of :func:`read_vectors`
        patches_field (None): a field of detections or polylines whose labels carry the vectors

    Returns:
        a tuple of a :class:`VectorTable`, whose ``X`` ``(n, d)`` has the fields side by side and
        whose ``skipped`` counts every id once, and the dimension of each field

    Raises:
        ValueError: as :func:`read_vectors`
    """
    tables = [read_vectors(samples, field, patches_field) for field in fields]
    widths = [table.X.shape[1] for table in tables]
    if len(tables) == 1:
        return tables[0], widths
    rows = [{key: row for row, key in enumerate(table.ids)} for table in tables]
    common = [row for row, key in enumerate(tables[0].ids) if all(key in others for others in rows[1:])]
    ids = [tables[0].ids[row] for row in common]
    columns = [table.X[[where[key] for key in ids]] for table, where in zip(tables, rows, strict=True)]
    sample_ids = [tables[0].sample_ids[row] for row in common]
    X = np.hstack(columns, dtype=np.float32, casting="same_kind")
    notes = [note for table in tables for note in table.notes]
    return VectorTable(ids, sample_ids, X, _skipped(fields, tables), notes), widths


def first_space(table: VectorTable, widths: list[int]) -> VectorTable:
    """Return ``table`` with the vectors of its first field only."""
    if len(widths) == 1:
        return table
    X = np.ascontiguousarray(table.X[:, : widths[0]])
    return VectorTable(table.ids, table.sample_ids, X, table.skipped, table.notes)


def _skipped(fields: Sequence[str], tables: list[VectorTable]) -> dict[str, list[str]]:
    seen, skipped = set(), {}
    for name, table in zip(fields, tables, strict=True):
        for reason, ids in table.skipped.items():
            new = [key for key in ids if key not in seen]
            seen.update(new)
            if new:
                skipped[f"{reason} in {name}"] = new
    return skipped
