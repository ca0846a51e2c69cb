"""Several vector fields of the same images or patches, side by side: what methods on several encoders learn from."""

import numpy as np

from .vectors import VectorTable, read_vectors


def read_spaces(samples, fields, patches_field: str | None = None) -> tuple[VectorTable, list[int]]:
    """Reads vector fields and joins them by id; what lacks a usable vector in one of them is skipped.

    Args:
        samples: a dataset or view, a ``to_patches()`` view included
        fields: names of vector fields
        patches_field (None): a field of detections or polylines whose labels carry the vectors

    Returns:
        a tuple of a :class:`operators.vectors.VectorTable`, whose ``X`` ``(n, d)`` has the fields side by side and
        whose ``skipped`` counts every id once, and the dimension of each field

    Raises:
        ValueError: as :func:`operators.vectors.read_vectors`
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
    return VectorTable(ids, sample_ids, np.hstack(columns), _skipped(fields, tables)), widths


def first_space(table: VectorTable, widths: list[int]) -> VectorTable:
    """``table`` with the vectors of its first field only."""
    if len(widths) == 1:
        return table
    return VectorTable(table.ids, table.sample_ids, np.ascontiguousarray(table.X[:, : widths[0]]), table.skipped)


def _skipped(fields, tables) -> dict[str, list[str]]:
    seen, skipped = set(), {}
    for field, table in zip(fields, tables, strict=True):
        for reason, ids in table.skipped.items():
            new = [key for key in ids if key not in seen]
            seen.update(new)
            if new:
                skipped[f"{reason} in {field}"] = new
    return skipped


def fields_of(config) -> list[str]:
    """The vector fields that a run was made of, from its configuration."""
    return [space["embeddings"] for space in getattr(config, "spaces", None) or []] or [config.embeddings]
