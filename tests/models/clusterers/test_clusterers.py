"""The contract of a clustering method, for every method in the menu."""

import inspect
import json
import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import base, get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import choices, parameters, validated
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

NAMES = list_clusterers()
WITH_K = [name for name in NAMES if "n_clusters" in parameters(get_clusterer(name))]


def blobs(n=400, d=32, k=4, seed=0, spread=0.05):
    """Unit vectors about ``k`` orthogonal directions."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    X = np.eye(d)[truth] + spread * rng.normal(size=(n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), truth


def make(name, **params):
    # EVoC finds groups inside round blobs too, unless it is told how many to expect
    params.setdefault("approx_n_clusters", 4)
    # Budgets of deep methods that are enough for blobs
    for key, value in {"steps": 60, "heads": 1, "pretrain_steps": 60, "runs": 3, "base": "kmeans"}.items():
        params.setdefault(key, value)
    known = parameters(get_clusterer(name))
    return get_clusterer(name)(**{key: value for key, value in params.items() if key in known})


@pytest.fixture(scope="module", params=NAMES)
def fitted(request):
    X, truth = blobs()
    return make(request.param, n_clusters=4).fit(X), X, truth


def test_labels_and_confidence(fitted):
    model, X, _ = fitted
    assert model.labels_.shape == (len(X),) and np.issubdtype(model.labels_.dtype, np.integer)
    assert model.confidence_.shape == (len(X),) and model.confidence_.dtype == np.float32
    assert model.confidence_.min() >= 0 and model.confidence_.max() <= 1
    assert np.all(model.confidence_[model.labels_ == base.NOISE] == 0)
    assert set(np.unique(model.labels_)) - {base.NOISE} == set(range(model.labels_.max() + 1))
    assert model.n_features_in_ == X.shape[1]


def test_blobs_are_recovered(fitted):
    model, _, truth = fitted
    kept = model.labels_ != base.NOISE
    assert kept.mean() > 0.95
    assert adjusted_rand_score(truth[kept], model.labels_[kept]) > 0.95


def test_training_samples_keep_their_labels(fitted):
    model, X, _ = fitted
    assert np.mean(model.predict(X) == model.labels_) > 0.97


def test_new_samples_join_their_blob(fitted):
    model, _, _ = fitted
    fresh, fresh_truth = blobs(seed=1)
    labels, confidence = model.assign(fresh)
    kept = labels != base.NOISE
    assert kept.mean() > 0.9 and adjusted_rand_score(fresh_truth[kept], labels[kept]) > 0.95
    assert confidence.dtype == np.float32 and confidence.min() >= 0 and confidence.max() <= 1
    np.testing.assert_array_equal(labels[:7], model.predict(fresh[:7]))


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_labels(name):
    X, _ = blobs(spread=0.3)
    first, second = (make(name, n_clusters=4, min_cluster_size=5).fit(X) for _ in range(2))
    np.testing.assert_array_equal(first.labels_, second.labels_)
    np.testing.assert_array_equal(first.confidence_, second.confidence_)


@pytest.mark.parametrize("name", NAMES)
def test_any_layout_and_precision(name):
    X, _ = blobs()
    reference = make(name, n_clusters=4).fit(X).labels_
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    for other in (X.astype(np.float64), np.asfortranarray(X), wide):
        assert adjusted_rand_score(make(name, n_clusters=4).fit(other).labels_, reference) > 0.95


@pytest.mark.parametrize("name", WITH_K)
def test_number_of_clusters_is_bounded(name):
    X, _ = blobs(20)
    with pytest.raises(ValueError, match=r"^n_clusters=50 exceeds the 20 usable samples; choose at most 20$"):
        make(name, n_clusters=50).fit(X)
    with pytest.raises(ValueError, match="n_clusters=1 is not valid"):
        make(name, n_clusters=1).fit(X)
    assert len(set(make(name, n_clusters=20).fit(X).labels_)) <= 20


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_parameter_is_one_sentence(name):
    cls = get_clusterer(name)
    with pytest.raises(ValueError, match="has no parameter 'colour'") as error:
        validated(cls, {"colour": 3})
    assert "\n" not in str(error.value)
    key = next(iter(parameters(cls)))
    with pytest.raises(ValueError, match=f"{name}: {key}=.* is not valid") as error:
        cls(**{key: object()}).fit(blobs(30)[0])
    assert "\n" not in str(error.value)
    with pytest.raises(TypeError):
        cls(colour=3)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_numbers_are_numbers(name):
    key, value = ("n_clusters", np.int64(3)) if name in WITH_K else ("min_samples", np.int32(5))
    make(name, **{key: value}).fit(blobs()[0])


@pytest.mark.parametrize("name", NAMES)
def test_cost_grows_and_is_json(name):
    cls = get_clusterer(name)
    costs = [cls.estimate(n, 512, validated(cls, {})) for n in (1_000, 10_000, 100_000)]
    for smaller, larger in pairwise(costs):
        assert larger.seconds > smaller.seconds > 0 and larger.bytes > smaller.bytes > 0
    assert json.loads(json.dumps(costs[0]._asdict())) == costs[0]._asdict()


@pytest.mark.parametrize("name", NAMES)
def test_a_method_describes_itself(name):
    cls = get_clusterer(name)
    assert name == cls.name == inspect.getmodule(cls).__name__.rpartition(".")[2]
    assert cls.title and cls.group and cls.when and not cls.when.endswith(".")
    assert all(info.description for info in parameters(cls).values())
    assert set(cls.relevant({})) <= set(parameters(cls))
    # what the form hides is never what it starts with
    assert validated(cls, {}).keys() == parameters(cls).keys()


@pytest.mark.parametrize("name", NAMES)
def test_progress_reports_and_stops(name):
    class Stop(Exception):
        pass

    def stop(fraction, message):
        raise Stop

    seen = []
    make(name, n_clusters=4).fit(blobs()[0], progress=lambda fraction, message: seen.append((fraction, message)))
    assert seen and all(0 <= fraction <= 1 and message for fraction, message in seen)
    with pytest.raises(Stop):
        make(name, n_clusters=4).fit(blobs()[0], progress=stop)


@pytest.mark.parametrize("name", NAMES)
def test_identical_vectors_do_not_break_it(name):
    X = np.tile(np.eye(1, 16, dtype=np.float32), (40, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(name, n_clusters=3).fit(X)
    assert len(model.labels_) == 40 and np.isfinite(model.confidence_).all()


def test_menu():
    assert NAMES[0] == "kmeans" and {"agglomerative", "birch", "gaussian_mixture", "hdbscan"} <= set(NAMES)
    with pytest.raises(ValueError, match=r"no clustering method 'kmean'; did you mean 'kmeans'\?"):
        get_clusterer("kmean")
    with pytest.raises(ValueError, match="no clustering method 'zzz'; choose one of kmeans"):
        get_clusterer("zzz")


def test_a_method_without_its_package_is_not_offered(monkeypatch):
    cls = clusterers._found()["evoc"]
    monkeypatch.setattr(cls, "requires", ("a_package_nobody_has",))
    assert "evoc" not in list_clusterers()
    with pytest.raises(ValueError, match="needs a_package_nobody_has, not installed here; run pip install"):
        get_clusterer("evoc")


def test_menu_imports_nothing_heavy():
    import subprocess
    from pathlib import Path

    root = Path(clusterers.__file__).parents[2]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from models.clusterers import list_clusterers; list_clusterers();"
        "print([m for m in ('torch', 'umap', 'hdbscan', 'evoc', 'numba', 'pynndescent') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_kmeans_is_spherical_on_unit_vectors_only():
    X, _ = blobs()
    assert np.allclose(np.linalg.norm(make("kmeans", n_clusters=4).fit(X).cluster_centers_, axis=1), 1, atol=1e-5)
    plain = make("kmeans", n_clusters=4, spherical=False).fit(X)
    means = np.stack([X[plain.labels_ == j].mean(axis=0) for j in range(4)])
    np.testing.assert_allclose(plain.cluster_centers_, means, atol=1e-4)
    far = make("kmeans", n_clusters=4).fit(10 * X + 3)
    assert far.cluster_centers_.mean() > 2


def test_kmeans_reaches_the_inertia_of_many_restarts():
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(0)
    # 40 groups of very different size: restarts merge some and split others
    sizes = np.maximum(4, (300 * rng.random(40) ** 3).astype(int))
    X = np.repeat(rng.normal(size=(40, 16)), sizes, axis=0)
    X = (X + 0.1 * rng.normal(size=X.shape)).astype(np.float32)
    peer = KMeans(40, n_init=10, random_state=0).fit(X).inertia_
    for seed in range(3):
        assert get_clusterer("kmeans")(40, random_state=seed).fit(X).inertia_ <= 1.02 * peer


@pytest.mark.parametrize(("kind", "k"), [("clumps", 30), ("flat", 30), ("plane", 150), ("wide", 100)])
def test_a_sample_serves_kmeans(kind, k, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors import breathing
    from sklearn.cluster import KMeans

    monkeypatch.setattr(breathing, "_SAMPLE", 1500)
    monkeypatch.setattr(breathing, "_PER_CENTER", 10)
    rng = np.random.default_rng(0)
    d = {"clumps": 24, "flat": 24, "plane": 2, "wide": 300}[kind]
    X = rng.normal(size=(8000, d))
    if kind != "flat":
        X = 0.3 * X + rng.normal(size=(k, d))[np.minimum(rng.geometric(3 / k, size=8000) - 1, k - 1)]
    X = X.astype(np.float32)
    peer = KMeans(k, n_init=1, random_state=0).fit(X).inertia_
    assert get_clusterer("kmeans")(k).fit(X).inertia_ <= 1.005 * peer


def test_kmeans_says_when_vectors_are_identical():
    X = np.repeat(np.eye(3, 8, dtype=np.float32), 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="found 3 clusters, fewer than n_clusters=5"):
        model = make("kmeans", n_clusters=5).fit(X)
    assert len(model.cluster_centers_) == 3


def test_agglomerative_offers_only_what_works():
    cls = get_clusterer("agglomerative")
    assert "distance_threshold" not in cls.relevant({}) and "n_clusters" in cls.relevant({})
    by_distance = cls.relevant({"stop": "distance_threshold"})
    assert "n_clusters" not in by_distance and "distance_threshold" in by_distance
    for linkage in choices(parameters(cls)["linkage"]):
        for metric in cls.offered({"linkage": linkage}).get("metric", choices(parameters(cls)["metric"])):
            cls(linkage=linkage, metric=metric, n_clusters=4).fit(blobs(60)[0])
    with pytest.raises(ValueError, match="ward linkage needs the euclidean metric, not 'cosine'"):
        cls(metric="cosine").fit(blobs(60)[0])


def test_agglomerative_agrees_with_scikit_learn():
    from sklearn.cluster import AgglomerativeClustering

    X, _ = blobs(200, spread=0.3)
    for linkage, metric in (("ward", "euclidean"), ("average", "cosine"), ("complete", "manhattan")):
        peer = AgglomerativeClustering(7, linkage=linkage, metric=metric).fit(X.astype(np.float64))
        ours = make("agglomerative", n_clusters=7, linkage=linkage, metric=metric).fit(X)
        assert adjusted_rand_score(peer.labels_, ours.labels_) > 0.99
        cut = make(
            "agglomerative", stop="distance_threshold", distance_threshold=0.5, linkage=linkage, metric=metric
        ).fit(X)
        peer = AgglomerativeClustering(None, distance_threshold=0.5, linkage=linkage, metric=metric).fit(X)
        assert adjusted_rand_score(peer.labels_, cut.labels_) > 0.99


def test_agglomerative_beyond_its_tree():
    X, truth = blobs(600)
    model = make("agglomerative", n_clusters=4, max_samples=100).fit(X)
    assert len(model.linked_) == 100 and adjusted_rand_score(truth, model.labels_) > 0.95


def test_birch_finds_a_threshold_or_says_that_it_is_too_large():
    X, _ = blobs()
    model = make("birch", n_clusters=4).fit(X)
    assert model.threshold_ > 0 and len(model.subcluster_centers_) >= 4
    with pytest.warns(ConvergenceWarning, match="birch found 1 clusters, fewer than n_clusters=4; lower threshold=5,"):
        make("birch", n_clusters=4, threshold=5.0).fit(X)


@pytest.mark.parametrize("shape", ["diag", "spherical", "tied", "full"])
def test_gaussian_mixture_agrees_with_scikit_learn(shape):
    from sklearn.mixture import GaussianMixture

    X, _ = blobs(d=6, spread=0.3)
    ours = make("gaussian_mixture", n_clusters=4, covariance_type=shape).fit(X)
    peer = GaussianMixture(4, covariance_type=shape, random_state=51).fit(X)
    np.testing.assert_array_equal(ours.labels_, peer.predict(X))
    np.testing.assert_allclose(ours.confidence_, peer.predict_proba(X).max(axis=1), atol=1e-3)


def noisy(n_noise=60):
    X, truth = blobs(400, d=4, spread=0.02)
    rng = np.random.default_rng(3)
    outliers = rng.uniform(-3, 3, size=(n_noise, 4)).astype(np.float32)
    return np.concatenate([X, outliers]), np.concatenate([truth, np.full(n_noise, -1)])


def test_hdbscan_leaves_outliers_out_and_keeps_them_out():
    X, truth = noisy()
    model = make("hdbscan").fit(X)
    assert np.mean(model.labels_[truth < 0] == -1) > 0.8
    assert model.noise_share_ == pytest.approx(np.mean(model.labels_ == -1))
    labels, confidence = model.assign(np.full((1, 4), 50, dtype=np.float32))
    assert labels.tolist() == [-1] and confidence.tolist() == [0]


def test_hdbscan_can_assign_its_noise():
    X, _ = noisy()
    kept, joined = make("hdbscan").fit(X), make("hdbscan", assign_noise=True).fit(X)
    noise = kept.labels_ == -1
    assert noise.any() and not np.any(joined.labels_ == -1)
    np.testing.assert_array_equal(kept.labels_[~noise], joined.labels_[~noise])
    assert joined.confidence_[noise].max() <= 0.5 and joined.noise_share_ == kept.noise_share_


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "chebyshev", "minkowski"])
@pytest.mark.parametrize("algorithm", ["best", "generic", "prims_kdtree", "boruvka_balltree"])
def test_hdbscan_accepts_every_metric_with_every_search(metric, algorithm):
    X, truth = blobs(120, d=4, spread=0.02)
    model = make("hdbscan", metric=metric, algorithm=algorithm, p=3, min_cluster_size=10).fit(X)
    assert adjusted_rand_score(truth, model.labels_) > 0.95


def test_hdbscan_shows_what_has_an_effect():
    cls = get_clusterer("hdbscan")
    assert "p" not in cls.relevant({}) and "p" in cls.relevant({"metric": "minkowski"})
    assert "max_cluster_size" not in cls.relevant({"cluster_selection_method": "leaf"})
    with pytest.raises(ValueError, match="min_cluster_size=99 exceeds the 40 usable samples"):
        cls(min_cluster_size=99).fit(blobs(40)[0])
    with pytest.raises(ValueError, match=r"cluster_selection_epsilon_max=0.5 is below cluster_selection_epsilon=1"):
        cls(cluster_selection_epsilon=1.0, cluster_selection_epsilon_max=0.5).fit(blobs(40)[0])
