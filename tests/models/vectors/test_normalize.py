"""Vectors at length 1."""

import tracemalloc

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize


@pytest.mark.parametrize("scale", [1e-30, 1, 1e30])
def test_length_1_whatever_the_scale_and_zero_stays_zero(scale):
    X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32) * np.float32(scale)
    X[3] = 0
    found = l2_normalize(X)
    assert found.dtype == np.float32 and not found[3].any()
    assert np.linalg.norm(np.delete(found, 3, axis=0), axis=1) == pytest.approx(1, abs=1e-6)


def test_each_space_has_length_1():
    X = np.random.default_rng(0).normal(size=(20, 6))
    found = l2_normalize(X, [2, 4])
    assert np.array_equal(found, np.hstack([l2_normalize(X[:, :2]), l2_normalize(X[:, 2:])]))


def test_double_precision_is_kept_where_it_is_asked_for():
    X = np.random.default_rng(0).normal(size=(20, 6))
    found = l2_normalize(X, dtype=np.float64)
    assert found.dtype == np.float64 and np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-15)


def test_it_takes_no_more_memory_than_its_result():
    X = np.random.default_rng(0).normal(size=(20_000, 256)).astype(np.float32)
    tracemalloc.start()
    l2_normalize(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * X.nbytes
