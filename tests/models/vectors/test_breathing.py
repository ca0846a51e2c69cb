"""First centers of k-means."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import breathing


def groups(n=2000, k=20, d=12, spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    return (rng.normal(size=(k, d))[truth] + spread * rng.normal(size=(n, d))).astype(np.float32), truth


def error(X, centers):
    return ((X[:, None].astype(np.float64) - centers) ** 2).sum(axis=2).min(axis=1).sum()


def test_breaths_mend_groups_that_share_a_center_and_those_that_have_several():
    X, truth = groups()
    means = np.stack([X[truth == one].mean(axis=0) for one in range(20)])
    # five groups have two centers, and five have none
    poor = breathing._settle(X, np.concatenate([means[:15], means[:5] + 0.01]))
    assert poor.error > 3 * error(X, means)
    found = breathing.breathe(X, poor, 30, np.random.default_rng(0))
    assert len(found.centers) == 20 and found.error == pytest.approx(error(X, means), rel=0.01)
    assert breathing.breathe(X, poor, 0, np.random.default_rng(0)) is poor


def test_what_is_said_of_centers_is_true():
    X, _ = groups(300)
    found = breathing._serve(X, X[:20])
    squares = ((X[:, None].astype(np.float64) - X[:20]) ** 2).sum(axis=2)
    order = np.argsort(squares, axis=1)
    assert (found.labels == order[:, 0]).all() and (found.others == order[:, 1]).all()
    np.testing.assert_allclose(np.stack([found.near, found.far]), np.sort(squares, axis=1)[:, :2].T, atol=1e-4)


@pytest.mark.parametrize("k", [2, 20, 300, 599, 600])
def test_any_number_of_centers_of_few_samples(k):
    X, _ = groups(600)
    found = breathing.breathed_centers(X, k, 1, 4, np.random.default_rng(0))
    assert found.shape == (k, 12) and np.isfinite(found).all()
    if k >= 599:
        assert error(X, found) < 0.02 * error(X, X[:1])


def test_equal_seeds_and_identical_vectors():
    X, _ = groups(30_000, d=300)
    first, second = (breathing.breathed_centers(X, 20, 2, 3, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    same = np.ones((50, 4), np.float32)
    np.testing.assert_allclose(breathing.breathed_centers(same, 5, 1, 3, np.random.default_rng(0)), same[:5], rtol=1e-5)


@pytest.mark.parametrize("k", [3, 400])
def test_drawn_centers_are_spread_over_the_groups(k):
    X, truth = groups(6000)
    drawn = breathing.drawn_centers(X, k, np.random.default_rng(0))
    where = truth[[np.flatnonzero((one == X).all(axis=1))[0] for one in drawn]]
    assert drawn.shape == (k, 12) and len(set(where)) == min(k, 20)


def test_the_main_directions_keep_the_distances_that_vary():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(300, 10)))
    X = (5 + rng.normal(size=(5000, 10)) @ basis.T + 1e-3 * rng.normal(size=(5000, 300))).astype(np.float32)
    found = breathing.principal_coordinates(X, 16, rng)
    assert found.shape == (5000, 16)
    gaps = [np.linalg.norm(V[:100] - V[100:200], axis=1) for V in (X, found)]
    np.testing.assert_allclose(*gaps, rtol=1e-2)
    narrow = breathing.principal_coordinates(X[:, :20], 16, rng)
    np.testing.assert_allclose(narrow, X[:, :20] - X[:, :20].mean(axis=0, dtype=np.float64), atol=1e-5)


def test_a_sample_is_enough_where_vectors_are_many():
    assert breathing.sample_size(5000, 10) == 5000
    assert breathing.sample_size(10**6, 10) == 20_000 and breathing.sample_size(10**6, 1000) == 50_000


@pytest.mark.parametrize("seed", range(5))
def test_two_small_groups_beside_a_large_one_get_a_center_each(seed):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), (300, 60, 20, 20))
    X = (np.eye(16)[truth] + 0.25 * rng.normal(size=(400, 16))).astype(np.float32)
    means = np.stack([X[truth == one].mean(axis=0) for one in range(4)])
    found = breathing.breathed_centers(X, 4, 4, 30, np.random.default_rng(seed))
    assert error(X, found) <= error(X, means)
