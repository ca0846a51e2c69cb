"""Two clusterings of the same samples side by side: which cluster became which, and which samples moved.

Clusters are matched one-to-one so that as many samples as possible keep theirs (Hungarian method, Kuhn 1955), noise
only with noise. What became of a cluster follows the idea of MONIC (Spiliopoulou et al. 2006, section 3), with one
rule that reads the same in both directions: a cluster is *mainly of* another if at least half of its samples are there.
"""

from dataclasses import dataclass

import numpy as np

from ..labels import NOISE, UNASSIGNED
from .metrics import contingency

MAINLY = 0.5
# A part below this share of the whole is a few strays and does not make a split or a merger.
LEAST_PART = 0.05
KEPT, SPLIT, MERGED, SCATTERED = "kept", "split", "merged", "scattered"


@dataclass(frozen=True)
class Comparison:
    """Two clusterings compared.

    Args:
        rows: ``(r,)`` clusters of the first, those with the largest matched overlap first, noise last
        columns: ``(c,)`` clusters of the second, ordered so that matched clusters lie on the diagonal
        counts: ``(r, c)`` samples in both
        match: the cluster of the second that each matched cluster of the first became
        moved: ``(n,)`` whether a sample is in another cluster than the one that its own became
        fates: per cluster of the first without noise: its fate, and the clusters of the second it mainly went into
    """

    rows: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    match: dict[int, int]
    moved: np.ndarray
    fates: dict[int, tuple[str, list[int]]]


def compare(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Compare two clusterings.

    Args:
        first: ``(n,)`` cluster numbers, -1 for noise
        second: ``(n,)`` cluster numbers of the same samples, -1 for noise

    Returns:
        a :class:`Comparison`

    Raises:
        ValueError: if the lengths differ or there is no sample
    """
    first, second = np.asarray(first), np.asarray(second)
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(f"{len(first)} and {len(second)} labels cannot be compared; pass two labels per sample")
    counts, rows, columns = contingency(second, first)
    pairs = _matched(counts, rows, columns)
    row_order = _ordered(rows, counts.sum(axis=1), [row for row, _ in pairs])
    column_order = _ordered(columns, counts.sum(axis=0), [column for _, column in pairs])
    match = {int(rows[row]): int(columns[column]) for row, column in pairs}
    became = np.array([match.get(int(cluster), UNASSIGNED) for cluster in rows])
    return Comparison(
        rows=rows[row_order],
        columns=columns[column_order],
        counts=counts[np.ix_(row_order, column_order)],
        match=match,
        moved=became[np.searchsorted(rows, first)] != second,
        fates=_fates(counts, rows, columns),
    )


def _matched(counts: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> list[tuple[int, int]]:
    """Return the positions of matched clusters, largest overlap first; noise matches noise."""
    from scipy.optimize import linear_sum_assignment

    real_rows, real_columns = np.flatnonzero(rows != NOISE), np.flatnonzero(columns != NOISE)
    found = linear_sum_assignment(counts[np.ix_(real_rows, real_columns)], maximize=True)
    pairs = [(int(real_rows[r]), int(real_columns[c])) for r, c in zip(*found, strict=True)]
    pairs = sorted((p for p in pairs if counts[p] > 0), key=lambda p: -counts[p])
    if NOISE in rows and NOISE in columns:
        pairs.append((int(np.flatnonzero(rows == NOISE)[0]), int(np.flatnonzero(columns == NOISE)[0])))
    return pairs


def _ordered(names: np.ndarray, sizes: np.ndarray, matched: list[int]) -> list[int]:
    """Put matched ones first, as they are, then the others by size, noise last."""
    rest = sorted(set(range(len(names))) - set(matched), key=lambda place: -sizes[place])
    return sorted([*matched, *rest], key=lambda place: names[place] == NOISE)


def _fates(counts: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> dict[int, tuple[str, list[int]]]:
    counts = counts[rows != NOISE]
    real = counts[:, columns != NOISE]
    rows, columns = rows[rows != NOISE], columns[columns != NOISE]
    of_row = real / counts.sum(axis=1, keepdims=True)
    of_column = real / np.maximum(real.sum(axis=0, keepdims=True), 1)
    parts = (of_column >= MAINLY) & (of_row >= LEAST_PART)
    sources = (of_row >= MAINLY) & (of_column >= LEAST_PART)
    fates: dict[int, tuple[str, list[int]]] = {}
    for place, cluster in enumerate(rows):
        made = np.flatnonzero(parts[place])
        into = np.flatnonzero(of_row[place] >= MAINLY)[:1]
        if len(made) > 1:
            made = made[np.argsort(-real[place, made], kind="stable")]
            fates[int(cluster)] = (SPLIT, columns[made].tolist())
        elif not len(into):
            fates[int(cluster)] = (SCATTERED, [])
        elif sources[:, into[0]].sum() > 1 or of_column[place, into[0]] < MAINLY:
            fates[int(cluster)] = (MERGED, columns[into].tolist())
        else:
            fates[int(cluster)] = (KEPT, columns[into].tolist())
    return fates
