"""New samples from plain numbers: the description survives JSON, and says what the estimator would."""

import io
import json

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import placement
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.placement import describe, place
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import PCAReduction, UMAPReduction


def blobs(n=300, d=24, k=3, seed=0, spread=0.1):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    return (4 * np.eye(d)[truth] + spread * rng.normal(size=(n, d))).astype(np.float32), truth


def unit(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def make(name, **params):
    quick = {"steps": 60, "heads": 1, "pretrain_steps": 60, "runs": 3, "base": "kmeans"}
    params = {"n_clusters": 3, "approx_n_clusters": 3, **quick, **params}
    known = parameters(get_clusterer(name))
    return get_clusterer(name)(**{key: value for key, value in params.items() if key in known})


def stored(spec, arrays):
    """The placement that comes back after JSON and an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    buffer.seek(0)
    with np.load(buffer) as loaded:
        return json.loads(json.dumps(spec)), dict(loaded)


@pytest.mark.parametrize("reduction", ["none", "pca"])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", list_clusterers())
def test_round_trip_says_what_predict_says(name, normalize, reduction):
    X, _ = blobs()
    new = np.concatenate([blobs(60, seed=1, spread=0.6)[0], 40 * np.ones((2, 24), np.float32), X[:10]])
    prepare = unit if normalize else (lambda vectors: vectors)
    reducer = PCAReduction(8) if reduction == "pca" else None
    vectors = reducer.fit_transform(prepare(X)) if reducer else prepare(X)
    model = make(name).fit(vectors)
    labels, confidence = model.assign(reducer.transform(prepare(new)) if reducer else prepare(new))
    spec, arrays = stored(*describe(model, reduction, reducer, normalize))
    assert all(array.dtype == np.float32 for array in arrays.values())
    found, sure = place(spec, arrays, new, X, model.labels_)
    assert np.mean(found == labels) > 0.98
    same = found == labels
    np.testing.assert_allclose(sure[same], confidence[same], atol=2e-2)


@pytest.mark.parametrize("shape", ["spherical", "tied", "full"])
def test_every_shape_of_gaussian(shape):
    X, _ = blobs(d=5)
    model = make("gaussian_mixture", covariance_type=shape).fit(X)
    new = blobs(80, d=5, seed=1, spread=0.5)[0]
    spec, arrays = stored(*describe(model, "none", None, False))
    assert spec["kind"] == "gaussian"
    assert np.mean(place(spec, arrays, new)[0] == model.predict(new)) > 0.98


def test_after_umap_neighbors_in_the_first_space_decide():
    X, truth = blobs(spread=0.3)
    reducer = UMAPReduction(n_components=4)
    for name in ("kmeans", "hdbscan"):
        model = make(name).fit(reducer.fit_transform(unit(X)))
        spec, arrays = stored(*describe(model, "umap", reducer, True))
        assert spec["kind"] == "neighbors" and spec["metric"] == "cosine"
        new, new_truth = blobs(90, seed=1, spread=0.3)
        labels, _ = place(spec, arrays, new, X, model.labels_)
        names = {t: np.bincount(model.labels_[(truth == t) & (model.labels_ >= 0)]).argmax() for t in range(3)}
        assert np.mean(labels == [names[t] for t in new_truth]) > 0.9
        assert set(arrays) == ({"limits"} if name == "hdbscan" else set())


def test_far_samples_are_noise_for_methods_that_know_noise():
    X, _ = blobs(d=4)
    model = make("hdbscan").fit(X)
    spec, arrays = stored(*describe(model, "none", None, False))
    labels, confidence = place(spec, arrays, np.full((1, 4), 99.0), X, model.labels_)
    assert labels.tolist() == [-1] and confidence.tolist() == [0]


def test_arrays_too_large_for_a_run_are_not_kept(monkeypatch):
    X, _ = blobs()
    model = make("gaussian_mixture").fit(X)
    monkeypatch.setattr(placement, "LARGEST", 100)
    spec, arrays = describe(model, "none", None, False)
    assert spec["kind"] == "neighbors" and arrays == {}
    assert np.mean(place(spec, arrays, X, X, model.labels_)[0] == model.labels_) == 1


def test_errors_say_what_to_do():
    X, _ = blobs()
    spec, arrays = describe(make("birch").fit(X), "none", None, False)
    with pytest.raises(ValueError, match="places samples by their neighbors, and none were given; pass its vectors"):
        place(spec, arrays, X)
    with pytest.raises(ValueError, match=r"shape \(300, 3\) do not fit a run on 24 dimensions; use the run's own"):
        place(spec, arrays, X[:, :3], X, np.zeros(300))
