"""Tightness and distance of clusters, against planted ones and scikit-learn."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.cohesion import measure, second_choices
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.silhouette import silhouettes
from sklearn.metrics import silhouette_samples


@pytest.fixture
def planted():
    """Four balls of 50 in 8 dimensions, numbered 2, 5, 7 and 9; two are neighbors and one is wide; some noise."""
    rng = np.random.default_rng(0)
    centers = np.zeros((4, 8))
    centers[:, 0] = 0, 4, 20, 60
    X = np.concatenate([c + w * rng.normal(size=(50, 8)) for c, w in zip(centers, (1, 1, 1, 3), strict=True)])
    labels = np.repeat([2, 5, 7, 9], 50)
    noise = rng.normal(size=(10, 8)) * 30
    return np.concatenate([X, noise]).astype(np.float32), np.concatenate([labels, np.full(10, -1)])


def test_cohesion_and_separation_follow_what_was_planted(planted):
    found = measure(*planted)
    assert found.clusters.tolist() == [2, 5, 7, 9]
    assert found.nearest.tolist() == [5, 2, 5, 7]
    assert (found.cohesion < 1).all() and found.cohesion.argmin() == 3
    assert np.allclose(found.spread[:3], np.sqrt(8), rtol=0.15) and found.spread[3] > 2 * found.spread[0]
    assert np.allclose(found.separation[:3], [4, 4, 16], rtol=0.2)
    assert np.allclose(np.diag(found.similarity), 1) and np.allclose(found.similarity, found.similarity.T)


def test_figures_do_not_mind_where_the_origin_is_nor_the_scale(planted):
    X, labels = planted
    here, there = measure(X, labels), measure(100 * X + 1000, labels)
    for name in ("cohesion", "separation", "similarity"):
        assert np.allclose(getattr(here, name), getattr(there, name), atol=1e-3)


def test_a_ball_cut_in_two_is_told_from_two_balls_in_any_dimension():
    rng = np.random.default_rng(3)
    for d in (2, 50, 500):
        ball = rng.normal(size=(4000, d))
        cut = measure(ball, (ball[:, 0] > 0).astype(int)).separation
        ball[2000:, 0] += 6
        apart = measure(ball, np.repeat([0, 1], 2000)).separation
        assert np.allclose(cut, 2.65, atol=0.15) and np.allclose(apart, 6, atol=0.3)


def test_similar_clusters_are_side_by_side(planted):
    order = measure(*planted).leaf_order()
    assert sorted(order) == [2, 5, 7, 9] and abs(order.index(2) - order.index(5)) == 1


def test_equal_members_single_clusters_and_nothing():
    X = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    labels = np.repeat([0, 1, 2], 4)
    found = measure(X, labels)
    assert np.allclose(found.cohesion, 1) and np.isnan(found.separation).all()
    alone = measure(X, np.zeros(12, dtype=int))
    assert alone.nearest.tolist() == [-1] and np.isnan(alone.separation).all() and np.allclose(alone.cohesion, 0)
    assert second_choices(X, np.zeros(12, dtype=int), alone)[0].tolist() == [-1] * 12
    nothing = measure(X, np.full(12, -1))
    assert len(nothing.clusters) == 0 and nothing.leaf_order() == []
    assert second_choices(X, np.full(12, -1), nothing)[0].tolist() == [-1] * 12
    with pytest.raises(ValueError, match="12 vectors for 3 labels"):
        measure(X, [0, 1, 2])


def test_second_choice_and_margin_are_those_of_the_distances(planted):
    X, labels = planted
    geometry = measure(X, labels)
    second, margin = second_choices(X, labels, geometry)
    distances = np.linalg.norm(X[:, None].astype(float) - geometry.centers, axis=2)
    for row in range(0, 200, 7):
        own = geometry.clusters.tolist().index(labels[row])
        others = np.delete(distances[row], own)
        assert second[row] == np.delete(geometry.clusters, own)[others.argmin()]
        expected = (others.min() - distances[row, own]) / max(others.min(), distances[row, own])
        assert margin[row] == pytest.approx(expected, abs=1e-4)
    assert (second[200:] == geometry.clusters[distances[200:].argmin(axis=1)]).all() and not margin[200:].any()


def test_silhouettes_of_everybody_are_scikit_learns(planted):
    X, labels = planted
    rows, values = silhouettes(X, labels)
    assert sorted(rows.tolist()) == list(range(200))
    expected = silhouette_samples(X[:200], labels[:200])
    assert np.allclose(values, expected[rows], atol=1e-4)


def test_silhouettes_of_a_sample_are_near_and_of_every_cluster():
    rng = np.random.default_rng(1)
    sizes = (3000, 300, 30, 1)
    labels = np.repeat([0, 1, 2, 3], sizes)
    X = (rng.normal(size=(len(labels), 5)) + 4 * labels[:, None]).astype(np.float32)
    rows, values = silhouettes(X, labels, sample=400)
    assert np.bincount(labels[rows]).tolist() == [100, 100, 30, 1]
    exact = silhouette_samples(X, labels)
    for cluster in range(3):
        assert values[labels[rows] == cluster].mean() == pytest.approx(exact[labels == cluster].mean(), abs=0.05)
    assert values[labels[rows] == 3] == 0
    again, _ = silhouettes(X, np.where(labels == 1, 9, labels), sample=400)
    assert set(rows[labels[rows] == 0]) <= set(again)  # other clusters' edits change nothing here


def test_copies_have_one_silhouette_and_it_is_1_where_a_cluster_is_nothing_else():
    rng = np.random.default_rng(2)
    which = rng.permutation(np.arange(2003) % 150)
    X = (rng.normal(size=(150, 128)) + 50).astype(np.float32)[which]
    rows, values = silhouettes(X, which)
    assert (values == 1).all()
    rows, values = silhouettes(X, which // 3)
    assert all(len(set(values[which[rows] == vector])) == 1 for vector in range(150))
    exact = silhouette_samples(X.astype(np.float64), which // 3)
    assert np.allclose(values, exact[rows], atol=1e-4)


def test_silhouettes_need_two_clusters():
    rows, values = silhouettes(np.eye(4), [0, 0, 0, -1])
    assert len(rows) == 0 and len(values) == 0
