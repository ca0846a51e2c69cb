"""Copies among vectors, and one answer for all of them."""

import tracemalloc

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import copies as module
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.copies import agreed, deciding_rows, first_copies


def by_hand(X):
    seen, found = {}, []
    for row, vector in enumerate((np.asarray(X) + 0.0).tolist()):
        found.append(seen.setdefault(tuple(vector), row))
    return found


def repeated(n, d, distinct, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(distinct, d)).astype(dtype)[rng.integers(distinct, size=n)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("d", [1, 2, 7, 16, 17, 64, 513])
def test_the_first_copy_of_every_row(d, dtype):
    X = repeated(400, d, 150, dtype=dtype)
    assert first_copies(X).tolist() == by_hand(X)
    X = np.random.default_rng(1).integers(-3, 4, size=(400, d)).astype(dtype)
    assert first_copies(X).tolist() == by_hand(X)


def test_no_row_one_row_and_no_copies():
    assert first_copies(np.zeros((0, 3), np.float32)).tolist() == []
    assert first_copies(np.zeros((1, 3), np.float32)).tolist() == [0]
    assert first_copies(np.zeros((4, 0), np.float32)).tolist() == [0, 0, 0, 0]
    X = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    assert first_copies(X).tolist() == list(range(300))


def test_minus_zero_is_zero_and_nothing_else_is():
    X = np.array([[0.0, 1.0, 2.0], [-0.0, 1.0, 2.0], [1e-45, 1.0, 2.0], [0.0, -1.0, 2.0]], np.float32)
    assert first_copies(X).tolist() == [0, 0, 2, 3]
    assert first_copies(np.full((2, 3), np.nan, np.float32)).tolist() == [0, 1]


def test_rows_that_agree_where_one_looks_first():
    X = np.zeros((50, 200), np.float32)
    X[:, 0] = np.arange(50) % 7
    assert first_copies(X).tolist() == [row % 7 for row in range(50)]


def test_the_layout_does_not_matter():
    X = repeated(200, 48, 60)
    expected = by_hand(X)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], np.repeat(X, 2, axis=0)[::2], X.T.copy().T):
        assert first_copies(same).tolist() == expected


def test_fingerprints_only_propose(monkeypatch):
    X = repeated(120, 20, 40)
    monkeypatch.setattr(module, "_fingerprints", lambda X, rows: np.zeros(len(rows), np.uint64))
    assert first_copies(X).tolist() == by_hand(X)
    monkeypatch.setattr(module, "_fingerprints", lambda X, rows: (X[rows, 0] > 0).astype(np.uint64))
    assert first_copies(X).tolist() == by_hand(X)


def test_different_vectors_seldom_have_one_fingerprint():
    rows = np.arange(5000)
    pixels = np.random.default_rng(0).integers(0, 256, size=(5000, 64)).astype(np.float32)
    signs = np.sign(np.random.default_rng(1).normal(size=(5000, 64))).astype(np.float64)
    for X in (pixels, signs, np.eye(5000, dtype=np.float32)):
        assert len(np.unique(module._fingerprints(X, rows))) == 5000


def test_it_takes_little_memory():
    X = repeated(20_000, 256, 15_000)
    tracemalloc.start()
    first_copies(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 5


def test_most_copies_decide_and_of_equally_many_the_first():
    copies = np.array([0, 1, 0, 0, 1, 5, 6, 6])
    labels = np.array([2, 4, -1, -1, 3, 7, 1, 1])
    assert deciding_rows(copies, labels).tolist() == [2, 1, 2, 2, 1, 5, 6, 6]
    confidence = np.arange(8) / 10
    found, sure = agreed(copies, labels, confidence)
    assert found.tolist() == [-1, 4, -1, -1, 4, 7, 1, 1]
    assert sure.tolist() == [0.2, 0.1, 0.2, 0.2, 0.1, 0.5, 0.6, 0.6]
    assert agreed(np.arange(3), np.array([5, 5, 6]), np.ones(3))[0].tolist() == [5, 5, 6]
