import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import neighbors
from sklearn.neighbors import NearestNeighbors


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_exact_neighbors_are_scikit_learns(metric):
    X = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32) + 2
    indices, distances = neighbors.nearest_neighbors(X, 7, metric)
    expected, order = NearestNeighbors(n_neighbors=7, metric=metric).fit(X.astype(np.float64)).kneighbors()
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, expected, rtol=1e-3, atol=1e-5)


def test_far_from_the_origin_no_digit_is_lost():
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32) + 1000
    _, order = NearestNeighbors(n_neighbors=5).fit(X.astype(np.float64)).kneighbors()
    np.testing.assert_array_equal(neighbors.nearest_neighbors(X, 5, "euclidean")[0], order)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_among_near_copies_the_nearest_are_found(metric):
    rng = np.random.default_rng(0)
    frames = rng.normal(size=128) + 3e-4 * rng.normal(size=(60, 128))  # of a video that stands still
    X = np.concatenate([frames, rng.normal(size=(60, 128))]).astype(np.float32)
    own = np.arange(len(X))
    np.testing.assert_array_equal(neighbors.query_neighbors(X, X, 5, metric)[0][:, 0], own)
    np.testing.assert_array_equal(neighbors.vote(X, X, own, metric=metric)[0], own)
    found = neighbors.nearest_neighbors(X, 5, metric)[0]
    _, order = NearestNeighbors(n_neighbors=5, metric=metric).fit(X.astype(np.float64)).kneighbors()
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found, order, strict=True)]) > 0.99


@pytest.mark.parametrize("limit", [neighbors.EXACT_LIMIT, pytest.param(10, marks=pytest.mark.slow)])
def test_duplicates_are_neighbors_but_never_oneself(monkeypatch, limit):
    monkeypatch.setattr(neighbors, "EXACT_LIMIT", limit)
    X = np.repeat(np.eye(4, 8, dtype=np.float32), 20, axis=0)
    indices, distances = neighbors.nearest_neighbors(X, 5)
    assert indices.shape == distances.shape == (80, 5)
    assert not np.any(indices == np.arange(80)[:, None])
    assert np.all(indices // 20 == (np.arange(80) // 20)[:, None]) and np.allclose(distances, 0, atol=1e-6)


def test_approximate_neighbors_are_nearly_all_right(monkeypatch):
    X = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32)
    exact = neighbors.nearest_neighbors(X, 10)[0]
    monkeypatch.setattr(neighbors, "EXACT_LIMIT", 10)
    found, _ = neighbors.nearest_neighbors(X, 10, random_state=1)
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)]) > 0.95
    np.testing.assert_array_equal(found, neighbors.nearest_neighbors(X, 10, random_state=1)[0])


def test_few_samples_give_few_neighbors():
    assert neighbors.nearest_neighbors(np.eye(3), 15)[0].shape == (3, 2)
    with pytest.raises(ValueError, match="k=0 neighbors of 3 samples do not exist"):
        neighbors.nearest_neighbors(np.eye(3), 0)
    with pytest.raises(ValueError, match="metric='manhattan' is not known here; use 'cosine' or 'euclidean'"):
        neighbors.nearest_neighbors(np.eye(3), 1, "manhattan")


def test_vote():
    X = np.array([[0.0, 0], [0, 1], [0, 2], [9, 0], [9, 1]], dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    found, confidence = neighbors.vote(np.array([[0.0, 1.1], [9, 0.4], [0, 0]]), X, labels, k=3)
    assert found.tolist() == [0, 1, 0] and confidence[0] == pytest.approx(1)
    assert 0.5 < confidence[1] < 1 and confidence[2] > 0.99
    limits = neighbors.distance_limits(X, labels)
    np.testing.assert_allclose(limits, [1, 1])
    far, confidence = neighbors.vote(np.array([[0.0, 3.5], [0, 2.9]]), X, labels, k=3, limits=limits)
    assert far.tolist() == [-1, 0] and confidence[0] == 0


def test_noise_votes_too():
    X = np.array([[0.0], [1], [1.1], [1.2]], dtype=np.float32)
    found, confidence = neighbors.vote(np.array([[1.1], [0.0]]), X, np.array([0, -1, -1, -1]), k=3)
    assert found.tolist() == [-1, 0] and confidence[0] == 0


def test_limits_leave_noise_and_single_samples_out():
    X = np.array([[0.0], [3], [10], [77]], dtype=np.float32)
    np.testing.assert_allclose(neighbors.distance_limits(X, [0, 0, 1, -1]), [3, 0])
    assert neighbors.distance_limits(X, [-1] * 4).shape == (0,)


def test_search_can_be_stopped():
    def stop(fraction, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbors.nearest_neighbors(np.eye(4), 2, progress=stop)


@pytest.mark.parametrize(("n", "count"), [(40, 5), (400, 3), (1000, 7), (1009, 7), (5000, 1)])
def test_the_smallest_are_among_the_columns_that_are_looked_at(n, count):
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors import exact_search

    found = np.random.default_rng(0).normal(size=(20, n))
    found[3] = np.sort(found[3])
    found[4, :] = 1.0
    columns = exact_search._columns_with_smallest(found, count)
    for row, some in zip(found, columns, strict=True):
        assert len(set(some)) == len(some)
        np.testing.assert_array_equal(np.sort(row[some])[:count], np.sort(row)[:count])
