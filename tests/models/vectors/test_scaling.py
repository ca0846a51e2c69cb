"""Coordinates far from the origin or of an odd scale: the clear clusters are found, and new samples join them."""

import json
import warnings

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.cluster_count import suggest_count
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.placement import describe, place
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.neighbors import nearest_neighbors
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import PCAReduction
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.scaling import Scaling, scaled, scaling_of
from sklearn.metrics import adjusted_rand_score

NAMES = [name for name in list_clusterers() if name != "evoc"]  # of directions, which coordinates have none
PLACES = {
    "meters": (200, (390_000, 5_819_000)),
    "seconds": (600, (1.7e9, 1.7e9)),
    "degrees": (0.02, (52.5, 13.4)),
    "offset": (1, (1000, 1000)),
    "small": (1e-4, (0, 0)),
    "tiny": (1e-12, (0, 0)),
    "huge": (1e15, (0, 0)),
}


def squares(place="offset", n=160, seed=0):
    """Four clear clusters at the corners of a square, float64, and which corner each is at."""
    scale, origin = PLACES[place]
    truth = np.arange(n) % 4
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[truth]
    return scale * (corners + 0.03 * np.random.default_rng(seed).normal(size=(n, 2))) + origin, truth


def make(name, **params):
    quick = {"steps": 60, "heads": 1, "pretrain_steps": 60, "runs": 3, "base": "kmeans"}
    known = parameters(get_clusterer(name))
    params = {"n_clusters": 4, **quick, **params}
    return get_clusterer(name)(**{key: value for key, value in params.items() if key in known})


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("place_name", [place for place in PLACES if place != "seconds"])
@pytest.mark.parametrize(
    "name", ["kmeans", "minibatch_kmeans", "birch", "gaussian_mixture", "agglomerative", "hdbscan"]
)
def test_clear_clusters_are_found(name, place_name, dtype):
    X, truth = squares(place_name)
    new, _ = squares(place_name, seed=1)
    model = make(name).fit(X.astype(dtype))
    assert adjusted_rand_score(truth, model.labels_) == 1 and model.labels_.max() == 3
    labels, confidence = model.assign(new.astype(dtype))
    found = labels >= 0
    assert found.mean() > 0.9 and adjusted_rand_score(truth[found], labels[found]) == 1
    one, sure = model.assign(new[:1].astype(dtype))  # alone, by the center and factor of the fit
    assert one[0] == labels[0] and sure[0] == pytest.approx(confidence[0], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "reduction"),
    [
        *((name, "none") for name in NAMES),
        *((name, "pca") for name in ("kmeans", "gaussian_mixture", "scan", "hdbscan")),
    ],
)
def test_what_a_run_keeps_places_new_samples(name, reduction):
    X, truth = squares("seconds")
    new, _ = squares("seconds", seed=1)
    scaling, reducer = None, None
    if reduction == "pca":
        scaling, reducer = scaling_of(X), PCAReduction(2)
    model = make(name).fit(X if reducer is None else 1e-4 * reducer.fit_transform(scaled(X, scaling)))
    if reducer:
        reducer.components_ = 1e-4 * reducer.components_  # so that what was reduced is scaled, too
    assert model.scaling_ is not None and adjusted_rand_score(truth, model.labels_) == 1
    spec, arrays = describe(model, reduction, reducer, False, scaling=scaling)
    assert all(array.dtype == np.float32 for array in arrays.values())
    labels, _ = place(json.loads(json.dumps(spec)), arrays, new, X, model.labels_)
    found = labels >= 0
    assert found.mean() > 0.9 and adjusted_rand_score(truth[found], labels[found]) == 1


def test_ordinary_vectors_stay_as_they_are():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(300, 64)) + 3 * rng.normal(size=64)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    pixels = rng.integers(0, 256, size=(300, 64)).astype(np.float64)
    same = np.ones((30, 4)) * 5e6
    for X in (
        embeddings,
        unit,
        pixels,
        pixels / 16,
        pixels / 255,
        embeddings[:, :2],
        np.eye(3)[[0] * 9 + [1, 2]],
        same,
    ):
        assert scaling_of(X) is None and scaling_of(X.astype(np.float32)) is None
        assert get_clusterer("kmeans")(2).fit(X[:20] if X is not same else unit).scaling_ is None
    few = embeddings[:, :2].astype(np.float32)
    np.testing.assert_array_equal(get_clusterer("birch")(2).fit(few).vectors_, few, strict=True)


def test_the_world_in_degrees():
    cities = np.array([[52.5, 13.4], [48.85, 2.35], [40.7, -74], [-33.8, 151.2], [35.7, 139.7], [-23.5, -46.6]])
    truth = np.arange(300) % 6
    X = cities[truth] + 5e-4 * np.random.default_rng(0).normal(size=(300, 2))
    for name in ("kmeans", "minibatch_kmeans", "birch", "gaussian_mixture"):
        model = make(name, n_clusters=6).fit(X.astype(np.float32))
        assert adjusted_rand_score(truth, model.labels_) == 1


def test_one_factor_keeps_distances_and_digits():
    X, _ = squares("meters")
    X[:3] = [[0, 0], [1e7, -1e7], [390_000, 0]]  # strays do not decide
    scaling = scaling_of(np.repeat(X, 3, axis=0))
    found = scaling(X)
    assert found.dtype == np.float64 and np.log2(scaling.factor) % 1 == 0
    assert 1 <= np.median(np.linalg.norm(found, axis=1)) <= 2
    np.testing.assert_array_equal(found / scaling.factor + scaling.center, X)
    again = Scaling.from_dict(json.loads(json.dumps(scaling.to_dict())))
    np.testing.assert_array_equal(again(X), found)
    assert scaling_of(found) is None and scaled(X, scaling).dtype == np.float32


def test_lengths_are_in_the_unit_of_the_vectors():
    X, truth = squares("meters")
    by_distance = make("agglomerative", stop="distance_threshold", distance_threshold=100.0, linkage="average").fit(X)
    assert adjusted_rand_score(truth, by_distance.labels_) == 1
    assert 150 < by_distance.distances_[-1] < 300  # between opposite sides of a square of 200 m
    one = make("agglomerative", stop="distance_threshold", distance_threshold=1e4).fit(X)
    assert one.labels_.max() == 0
    assert make("birch", threshold=30.0).fit(X).threshold_ == 30 and 0.1 < make("birch").fit(X).threshold_ < 20
    with pytest.warns(UserWarning, match="lower threshold=1e"):
        make("birch", threshold=1e4).fit(X)
    assert make("hdbscan", cluster_selection_epsilon=10.0).fit(X).labels_.max() == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert make("hdbscan", cluster_selection_epsilon=190.0).fit(X).labels_.max() < 3


def test_neighbors_and_counts_of_coordinates():
    X, truth = squares("seconds")
    near, distances = nearest_neighbors(X, 3, "euclidean")
    expected = np.linalg.norm(X[near] - X[:, None], axis=2)
    np.testing.assert_allclose(distances, expected, rtol=1e-4)
    assert np.all(truth[near] == truth[:, None])
    assert suggest_count(X, max_clusters=8)["natural"] == 4
