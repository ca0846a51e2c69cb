"""The exact minimum spanning tree of mutual reachability."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import spanning_tree as module
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.spanning_tree import reachability_tree
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist


def reachability(X, min_samples):
    apart = cdist(X.astype(np.float64), X.astype(np.float64))
    core = np.sort(apart, axis=1)[:, min_samples]
    return np.maximum(np.maximum(apart, core), core[:, None])


def brute(weights):
    """Total weight of the tree, by Prim's algorithm."""
    near, total, left = weights[0].copy(), 0.0, np.ones(len(weights), bool)
    left[0] = False
    for _ in range(len(weights) - 1):
        one = np.where(left, near, np.inf).argmin()
        total, left[one] = total + near[one], False
        near = np.minimum(near, weights[one])
    return total


def vectors(kind, n=700, d=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    if kind == "clumps":
        X = 0.3 * X + rng.normal(size=(12, d))[rng.integers(12, size=n)]
    elif kind == "unequal densities":
        X = np.concatenate([0.01 * X[:200], X[200:400], 5 * X[400:] + 20])
    elif kind == "copies":
        X = np.repeat(X[: n // 5], 5, axis=0)
    elif kind == "a walk":
        X = 1 + np.cumsum(1e-3 * X, axis=0)
    elif kind == "a grid":
        X = np.round(X[:, :3] * 2) @ np.eye(3, d)
    return X.astype(np.float32)


@pytest.mark.parametrize("most_pairs", [4000, 3])
@pytest.mark.parametrize("min_samples", [1, 5, 30])
@pytest.mark.parametrize("kind", ["flat", "clumps", "unequal densities", "copies", "a walk", "a grid"])
def test_the_tree_weighs_what_the_lightest_does(kind, min_samples, most_pairs, monkeypatch):
    monkeypatch.setattr(module, "_PAIRS", most_pairs)
    monkeypatch.setattr(module, "_TILE", 100)
    monkeypatch.setattr(module, "_WIDE", 170)
    X = vectors(kind)
    tree, weights = reachability_tree(X, min_samples), reachability(X, min_samples)
    ends = tree[:, :2].astype(int)
    assert len(tree) == len(X) - 1 and np.all(np.diff(tree[:, 2]) >= 0)
    graph = np.zeros_like(weights)
    graph[ends[:, 0], ends[:, 1]] = 1
    assert connected_components(graph)[0] == 1
    np.testing.assert_allclose(tree[:, 2], weights[ends[:, 0], ends[:, 1]], rtol=1e-4, atol=1e-6)
    assert tree[:, 2].sum() == pytest.approx(brute(weights), rel=1e-5)


@pytest.mark.parametrize("n", [2, 3, 10, 17, 18])
def test_few_samples(n):
    X = vectors("flat", n)
    asked = min(5, n - 1)
    assert reachability_tree(X, asked)[:, 2].sum() == pytest.approx(brute(reachability(X, asked)), rel=1e-5)


def test_most_edges_are_certain_after_the_first_pass():
    X = vectors("clumps")
    near = module.exact_neighbors(X, 16)
    forest = module._certain(near, near[1][:, 4], complete=False)
    assert 1 < forest.parts < 100 and len(forest.edges) == len(X) - forest.parts


def test_it_can_be_stopped_in_either_pass():
    X, said = vectors("clumps"), []
    reachability_tree(X, 5, lambda fraction, message="": said.append((fraction, message)))
    assert [message for _, message in said][:1] == ["nearest neighbors"] and said[-1][1] == "joining regions"
    assert [fraction for fraction, _ in said] == sorted(fraction for fraction, _ in said) and said[-1][0] < 1

    def stop(fraction, message=""):
        if message == "joining regions":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        reachability_tree(X, 5, stop)
