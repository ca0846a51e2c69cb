"""HDBSCAN in many dimensions, whose tree is ours, against the packages that find their own."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import hdbscan as module
from sklearn.metrics import adjusted_rand_score


def groups(unequal, n=1500, d=60, noise=0.2):
    """Groups of one density or of several, and a fifth of the samples anywhere."""
    rng = np.random.default_rng(0)
    spread = np.geomspace(0.1, 0.6, 8) if unequal else np.full(8, 0.3)
    which = rng.integers(8, size=n)
    X = rng.normal(size=(8, d))[which] + spread[which, None] * rng.normal(size=(n, d))
    some = rng.random(n) < noise
    X[some] = 1.5 * rng.normal(size=(some.sum(), d))
    return X.astype(np.float32)


@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("min_samples", [3, 10])
def test_labels_are_those_of_scikit_learn(unequal, min_samples):
    from sklearn.cluster import HDBSCAN

    X = groups(unequal)
    # scikit-learn counts the sample itself
    theirs = HDBSCAN(min_cluster_size=15, min_samples=min_samples + 1, algorithm="brute").fit(X).labels_
    ours = get_clusterer("hdbscan")(min_cluster_size=15, min_samples=min_samples).fit(X).labels_
    assert len(set(theirs)) > 5 and 0.1 < np.mean(theirs < 0) < 0.5
    assert adjusted_rand_score(theirs + 1, ours + 1) > 0.99


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"cluster_selection_method": "leaf"},
        {"cluster_selection_epsilon": 3.0},
        {"match_reference_implementation": True},
        {"min_samples": None, "min_cluster_size": 10},
        {"max_cluster_size": 100},
        {"metric": "cosine"},
        {"metric": "minkowski", "p": 2.0},
    ],
)
def test_every_parameter_does_what_it_does_in_the_package(params):
    X = groups(True)
    ours = get_clusterer("hdbscan")(**params).fit(X)
    assert ours._by_products(X.shape[1])
    # any algorithm but the best is the package's own search
    theirs = get_clusterer("hdbscan")(**params, algorithm="generic").fit(X)
    assert not theirs._by_products(X.shape[1])
    assert adjusted_rand_score(theirs.labels_ + 1, ours.labels_ + 1) > 0.99
    same = ours.labels_ == theirs.labels_
    np.testing.assert_allclose(ours.confidence_[same], theirs.confidence_[same], atol=0.02)
    np.testing.assert_allclose(np.sort(ours.persistence_), np.sort(theirs.persistence_), rtol=0.01)


def test_few_dimensions_and_other_metrics_are_left_to_the_package():
    make = get_clusterer("hdbscan")
    assert make()._by_products(31) and not make()._by_products(30)
    for params in ({"metric": "manhattan"}, {"metric": "minkowski", "p": 3.0}, {"alpha": 0.9}):
        assert not make(**params)._by_products(512)


def test_the_package_is_not_asked_for_its_tree(monkeypatch):
    import hdbscan

    asked = []
    monkeypatch.setattr(hdbscan.HDBSCAN, "fit", lambda *_: asked.append(1))
    get_clusterer("hdbscan")().fit(groups(False))
    assert asked == [] and module._FEW_DIMENSIONS == 30
