"""Copies of a vector have one label and one confidence, and no cluster is left without samples, for every method."""

import json
import warnings

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import consensus, heads
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.placement import describe, place
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist
from sklearn.exceptions import ConvergenceWarning

NAMES = list_clusterers()
HEADS = [name for name in NAMES if get_clusterer(name).placed_by == "head"]


def make(name, **params):
    quick = {"steps": 60, "heads": 1, "pretrain_steps": 60, "runs": 3, "base": "kmeans"}
    # several components on one point have no spread but this
    params = {"n_clusters": 4, "approx_n_clusters": 4, "reg_covar": 1e-3, **quick, **params}
    known = parameters(get_clusterer(name))
    return get_clusterer(name)(**{key: value for key, value in params.items() if key in known})


def blobs(n=240, d=24, k=4, spread=0.1):
    rng = np.random.default_rng(0)
    truth = np.sort(np.arange(n) % k)
    return (3 * np.eye(d)[truth] + spread * rng.normal(size=(n, d))).astype(np.float32), truth


def with_copies(copies=9, seed=0):
    """Rows of blobs with copies of the first 12 among them, half of these with -0.0 for 0.0; and who equals whom."""
    X, _ = blobs()
    X[:, 0] = 0
    which = np.random.default_rng(seed).permutation(np.concatenate([np.arange(len(X)), np.tile(np.arange(12), copies)]))
    X = X[which]
    X[::2, 0] = -0.0
    return X, which


def one_each(values, which):
    return all(len(np.unique(values[which == vector], axis=0)) == 1 for vector in np.unique(which))


def spoiled(answer, which):
    """``answer`` as rounding may leave it: some copies are in another cluster, and each is sure in its own way."""

    def wrong(self, X, *args):
        labels, confidence = answer(self, X, *args)
        if len(X) != len(which):
            return labels, confidence
        rows = np.flatnonzero(which < 12)[::5]
        labels = np.array(labels)
        labels[rows] = labels[rows[::-1]]
        return labels, None if confidence is None else np.asarray(confidence) * np.linspace(0.99, 1, len(X))

    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_one_label_and_confidence(name, monkeypatch):
    X, which = with_copies()
    cls, expected = get_clusterer(name), make(name).fit(X)
    monkeypatch.setattr(cls, "_fit", spoiled(cls._fit, which))
    monkeypatch.setattr(cls, "_assign", spoiled(cls._assign, which))
    model = make(name).fit(X)
    assert one_each(model.labels_, which) and one_each(model.confidence_, which)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    labels, confidence = model.assign(X)
    assert one_each(labels, which) and one_each(confidence, which)
    np.testing.assert_array_equal(labels, expected.predict(X))
    assert np.mean(labels == model.labels_) > 0.97


@pytest.mark.parametrize("name", [*HEADS, "consensus"])
def test_one_row_of_probabilities(name, monkeypatch):
    X, which = with_copies()
    model = make(name).fit(X)
    module, what = (consensus, "vote_shares") if name == "consensus" else (heads, "probabilities")
    exact = getattr(module, what)
    monkeypatch.setattr(module, what, lambda *args, **how: exact(*args, **how) * np.linspace(1, 1.01, len(X))[:, None])
    P = model.predict_proba(X)
    assert one_each(P, which)
    np.testing.assert_array_equal(P.argmax(axis=1), model.predict(X))


@pytest.mark.parametrize("name", ["kmeans", "minibatch_kmeans", "agglomerative", "birch", "gaussian_mixture"])
def test_more_clusters_than_distinct_vectors(name):
    rng = np.random.default_rng(0)
    which = rng.permutation(np.arange(3000) % 150)
    X = rng.normal(size=(150, 64)).astype(np.float32)[which]
    said = rf"^{name} found 1\d\d clusters, fewer than n_clusters=170; ask for fewer: only 150 of 3,000 vectors are"
    with pytest.warns(ConvergenceWarning, match=said):
        model = make(name, n_clusters=170).fit(X)
    assert one_each(model.labels_, which) and one_each(model.confidence_, which)
    k = model.labels_.max() + 1
    assert 140 <= k <= 150 and set(model.labels_) == set(range(k))
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    if k == 150:
        assert model.confidence_.min() > 0.99
    if name in ("kmeans", "agglomerative"):
        assert k == 150


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_copies_are_merged_at_distance_0(metric):
    which = np.random.default_rng(0).permutation(np.arange(200) % 40)
    X = np.random.default_rng(1).normal(size=(40, 64)).astype(np.float32)[which]
    model = make("agglomerative", linkage="average", metric=metric).fit(X)
    assert np.all(model.distances_[:160] == 0) and model.distances_[160] > 0
    peer = linkage(pdist(X.astype(np.float64), metric), "average")[:, 2]
    np.testing.assert_allclose(model.distances_, peer, atol=1e-6)


@pytest.mark.parametrize("by", ["single", "average", "ward"])
def test_clusters_at_the_threshold_stay_separate(by):
    row = np.stack([np.arange(30) / 10, np.zeros(30)], axis=1) + 3
    for X in (row, row.astype(np.float32), 1e-4 * row):
        threshold = 0.1 * X[0, 0] / 3
        model = make("agglomerative", stop="distance_threshold", distance_threshold=threshold, linkage=by).fit(X)
        assert model.labels_.max() == 29


@pytest.mark.parametrize("k", [3, 5])
def test_a_mixture_of_copies_in_float32(k):
    X = np.repeat(np.random.default_rng(0).normal(size=(3, 32)), 20, axis=0).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = get_clusterer("gaussian_mixture")(k).fit(X)
    assert model.labels_.max() == 2 and len(caught) == (k > 3)


def test_a_consensus_speaks_for_its_runs():
    X = np.repeat(np.random.default_rng(0).normal(size=(3, 32)), 20, axis=0).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make("consensus", n_clusters=5).fit(X)
    assert [str(warning.message)[:25] for warning in caught] == ["consensus found 3 cluster"]


def test_no_warning_where_the_distance_decides_how_many():
    X = np.repeat(np.eye(3, 8, dtype=np.float32), 10, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make("agglomerative", stop="distance_threshold", distance_threshold=0.5).fit(X)
    assert model.labels_.max() == 2


def fitted_with_an_emptied_cluster(name, **params):
    """A fit in which every member of one of four blobs counts as a copy of some member of another."""
    X, truth = blobs()
    keep = (truth != 2) | (np.arange(len(X)) % 3 == 0)
    X, truth = X[keep], truth[keep]
    copies = np.arange(len(X))
    copies[truth == 2] = np.flatnonzero(truth == 0)[: (truth == 2).sum()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = make(name, min_cluster_size=5, base_min_cluster_size=5, **params).fit(X, copies=copies)
    return model, X, truth, copies, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("name", NAMES)
def test_a_cluster_that_ends_without_samples_is_dropped_everywhere(name):
    model, X, truth, copies, said = fitted_with_an_emptied_cluster(name)
    members = truth == 2
    assert set(model.labels_) - {-1} == {0, 1, 2}
    np.testing.assert_array_equal(model.labels_[members], model.labels_[copies[members]])
    np.testing.assert_array_equal(model.confidence_[members], model.confidence_[copies[members]])
    others = ~members & (model.labels_ >= 0)
    np.testing.assert_array_equal(model.predict(X)[others], model.labels_[others])
    spec, arrays = describe(model, "none", None, False)
    placed, sure = place(json.loads(json.dumps(spec)), arrays, X, X, model.labels_)
    np.testing.assert_array_equal(placed[others], model.labels_[others])
    np.testing.assert_allclose(sure, model.assign(X)[1], atol=2e-2)
    short = f"{name} found 3 clusters, fewer than n_clusters=4; {model.advice()}"
    assert (short in said) == ("n_clusters" in model.get_params())
    if name in HEADS:
        assert model.predict_proba(X).shape == (len(X), 3)
    kept = {"kmeans": "cluster_centers_", "minibatch_kmeans": "cluster_centers_", "hdbscan": "persistence_"}
    if name in kept:
        assert len(getattr(model, kept[name])) == 3
    if name in ("hdbscan", "evoc"):
        assert len(model.limits_) == 3
    if name == "birch":
        assert set(model.subcluster_labels_) == {0, 1, 2}
        assert len(model.subcluster_labels_) == len(model.subcluster_centers_)
    if name == "consensus":
        assert model.agreement_ is model.confidence_


@pytest.mark.parametrize("name", ["kmeans", "minibatch_kmeans"])
def test_what_is_left_of_k_means_is_measured_again(name):
    model, X, *_ = fitted_with_an_emptied_cluster(name)
    squares = ((X[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
    assert model.inertia_ == pytest.approx(squares.min(axis=1).sum(), rel=1e-4)


@pytest.mark.parametrize("shape", ["diag", "spherical", "tied", "full"])
def test_what_is_left_of_a_mixture_is_a_mixture(shape):
    model, *_ = fitted_with_an_emptied_cluster("gaussian_mixture", covariance_type=shape)
    assert model.weights_.sum() == pytest.approx(1) and len(model.weights_) == len(model.cluster_centers_) == 3
    assert len(model.precisions_cholesky_) == (1 if shape == "tied" else 3)


def test_new_copies_get_one_place_whatever_is_beside_them():
    X, _ = blobs()
    rng = np.random.default_rng(5)
    which = rng.permutation(np.arange(3001) % 60)
    new = (3 * rng.random(size=(60, 24))).astype(np.float32)[which]
    for name in ("kmeans", "gaussian_mixture", "scan", "agglomerative"):
        labels, confidence = make(name, n_clusters=30).fit(X).assign(new)
        assert one_each(labels, which) and one_each(confidence, which)
