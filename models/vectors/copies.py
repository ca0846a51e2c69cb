"""Copies among vectors: which rows are equal, and one answer for all of them.

In a matrix product the rows of copies may differ in the last bit, by their place in the matrix: so with OpenBLAS's
kernels for Haswell and Zen. Answers that follow from such products are therefore given once for all copies.
"""

import numpy as np

# Dimensions of the first look, one or two cache lines of a row; of embeddings hardly any two agree in them.
_FEW = 16
_BYTES = 2**19  # of a block, which stays in the processor's cache


def first_copies(X: np.ndarray) -> np.ndarray:
    """The first row that is equal to each row, where -0.0 equals 0.0.

    Fingerprints in integers, which are exact wherever a row stands, say which rows may be copies: those of a few
    dimensions first. Rows of one fingerprint are compared with the first of them; what differs is looked at again.

    Args:
        X: ``(n, d)`` numbers

    Returns:
        ``(n,)`` int64 row numbers: its own for a row without a copy before it
    """
    X = np.asarray(X)
    X = X if X.dtype.kind == "f" else X.astype(np.float64)
    n, d = X.shape
    first, rows = np.arange(n), np.arange(n)
    columns = slice(max(0, (d - _FEW) // 2), (d + _FEW) // 2)
    while len(rows):
        rows, heads = _of_one_print(rows, _fingerprints(X[:, columns], rows))
        equal = _equal(X, rows, heads)
        first[rows[equal]] = heads[equal]
        rows, columns = rows[~equal], slice(None)
    return first


def deciding_rows(copies: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The row whose answer each row takes: the first of its copies with the label that most of them have.

    Args:
        copies: ``(n,)`` as :func:`first_copies` returns them
        labels: ``(n,)`` integers

    Returns:
        ``(n,)`` row numbers
    """
    copies, labels = np.asarray(copies), np.asarray(labels)
    parted = np.zeros(len(copies), bool)
    parted[copies[labels != labels[copies]]] = True
    rows = np.flatnonzero(parted[copies])
    if not len(rows):
        return copies
    pairs, places, counts = np.unique(
        np.stack([copies[rows], labels[rows]]), axis=1, return_index=True, return_counts=True
    )
    best = np.lexsort((places, -counts, pairs[0]))
    vectors, starts = np.unique(pairs[0][best], return_index=True)
    found = copies.copy()
    found[rows] = rows[places[best[starts]]][np.searchsorted(vectors, copies[rows])]
    return found


def agreed(copies: np.ndarray, labels: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give all copies one label and what goes with it.

    Args:
        copies: ``(n,)`` as :func:`first_copies` returns them
        labels: ``(n,)`` integers, which decide, see :func:`deciding_rows`
        confidence: an array of ``n`` rows that go with the labels

    Returns:
        a tuple of labels and confidences, as given but for copies that differed
    """
    rows = deciding_rows(copies, labels)
    return np.asarray(labels)[rows], np.asarray(confidence)[rows]


def _of_one_print(rows: np.ndarray, prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows whose fingerprint is not theirs alone, in order, and the first row that has it."""
    _, starts, each, counts = np.unique(prints, return_index=True, return_inverse=True, return_counts=True)
    shared = counts[each] > 1
    return rows[shared], rows[starts[each[shared]]]


def _fingerprints(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sums ``(m,)`` of the bits of some rows, each word times an odd number, modulo 2^64."""
    width, words = X.shape[1], -(-X.shape[1] * X.itemsize // 8)
    factors = np.random.default_rng(51).integers(2**64, size=words, dtype=np.uint64) | np.uint64(1)
    found = np.empty(len(rows), np.uint64)
    size = max(1, _BYTES // max(1, 8 * words))
    buffer = np.zeros((min(size, len(rows)), words * 8 // X.itemsize), X.dtype)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        block = buffer[: len(some)]
        np.add(X[some], 0.0, out=block[:, :width])  # makes 0.0 of -0.0
        bits = block.view(np.uint64)
        # the low bits of round numbers are zeros, and a factor moves bits up only
        found[start : start + size] = np.einsum("ij,j->i", bits ^ (bits >> np.uint64(32)), factors)
    return found


def _equal(X: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Equality ``(m,)`` of some rows and those beside them in ``others``; every row equals itself, nan or not."""
    found = rows == others
    asked = np.flatnonzero(~found)
    size = max(1, _BYTES // max(1, X.shape[1] * X.itemsize))
    for start in range(0, len(asked), size):
        some = asked[start : start + size]
        found[some] = (X[rows[some]] == X[others[some]]).all(axis=1)
    return found
