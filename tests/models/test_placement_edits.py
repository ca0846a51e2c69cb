"""Places for new samples after the clusters of a run were edited, from plain arrays."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.networks import probabilities, to_arrays
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.gaussian_mixture import log_density
from fiftyone.plugins.orgs.constellation.clusters.models.placement import (
    MIXED,
    describe,
    nearest_by_cosine,
    needs_neighbors,
    place,
    place_by_arrays,
)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    which = np.arange(200) % 5
    return (rng.normal(size=(5, 6))[which] * 4 + rng.normal(size=(200, 6))).astype(np.float32), which


def run(name, X, **params):
    fitted = get_clusterer(name)(**{"n_clusters": 5, **params}).fit(X)
    return fitted, *describe(fitted, "none", None, normalize=False)


def test_merged_centers_are_one_cluster_whose_samples_are_surer(data):
    X, _ = data
    fitted, spec, arrays = run("kmeans", X)
    labels, sure = place_by_arrays(spec, arrays, X, {1: 0, 4: 0})
    assert labels.tolist() == np.where(np.isin(fitted.labels_, [1, 4]), 0, fitted.labels_).tolist()
    distances = np.linalg.norm(X[:, None] - fitted.cluster_centers_, axis=2)
    for row in range(len(X)):
        mine = [0, 1, 4] if labels[row] == 0 else [labels[row]]
        near, far = distances[row, mine].min(), np.delete(distances[row], mine).min()
        assert sure[row] == pytest.approx(1 - near / far, abs=1e-4)
    everything = {cluster: 0 for cluster in range(5)}
    assert set(place_by_arrays(spec, arrays, X, everything)[1]) == {1}


def test_merged_probabilities_add_up(data):
    X, _ = data
    _, spec, arrays = run("gaussian_mixture", X)
    logs = log_density(X, arrays["weights"], arrays["means"], arrays["cholesky"])
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    labels, sure = place_by_arrays(spec, arrays, X, {2: 3})
    expected = np.where(labels == 3, shares[:, [2, 3]].sum(axis=1), shares.max(axis=1))
    assert sure == pytest.approx(expected, abs=1e-5)


def test_merged_outputs_of_a_head_add_up(data):
    X, _ = data
    rng = np.random.default_rng(1)
    head, arrays = to_arrays([(rng.normal(size=(6, 10)), rng.normal(size=10))], votes=2)
    spec = {"kind": "head", "head": head, "reduction": "none", "normalize": False, "dimension": 6}
    P = probabilities(X, head, arrays)
    labels, sure = place_by_arrays(spec, arrays, X, {0: 4})
    assert labels.tolist() == np.where(P.argmax(axis=1) == 0, 4, P.argmax(axis=1)).tolist()
    assert sure == pytest.approx(np.where(labels == 4, P[:, [0, 4]].sum(axis=1), P.max(axis=1)), abs=1e-5)


def test_where_a_cluster_was_taken_apart_the_neighbors_decide(data):
    X, which = data
    fitted, spec, arrays = run("kmeans", X)
    taken = fitted.labels_[0]
    now = np.where(
        fitted.labels_ == taken, np.where(X[:, 0] > np.median(X[which == which[0], 0]), 7, 8), fitted.labels_
    )
    becomes = {int(taken): MIXED}
    assert needs_neighbors(spec, becomes) and not needs_neighbors(spec, {int(taken): 2})
    labels, sure = place(spec, arrays, X, X, now, becomes)
    assert labels.tolist() == now.tolist() and (sure > 0).all()
    plain = place(spec, arrays, X)
    others = fitted.labels_ != taken
    assert (labels[others] == plain[0][others]).all() and (sure[others] == plain[1][others]).all()
    with pytest.raises(ValueError, match="places samples by their neighbors, and none were given"):
        place(spec, arrays, X, mapping=becomes)


def test_what_was_dissolved_is_noise(data):
    X, _ = data
    fitted, spec, arrays = run("kmeans", X)
    labels, sure = place(spec, arrays, X, mapping={2: -1, -1: MIXED, 9: 3})
    assert labels.tolist() == np.where(fitted.labels_ == 2, -1, fitted.labels_).tolist()
    assert (sure[labels == -1] == 0).all() and (sure[labels >= 0] > 0).all()


@pytest.mark.parametrize("centered", [False, True])
def test_the_nearest_cluster_by_cosine(data, centered):
    X, which = data
    X = X + (100 if centered else 0)
    labels = np.where(np.arange(200) < 20, -1, which)
    found, sure, cosine = nearest_by_cosine(X, labels, np.arange(20), centered)
    Z = X - X.mean(axis=0) if centered else X
    Z = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    centers = np.stack([Z[labels == c].mean(axis=0) for c in range(5)])
    cosines = Z[:20] @ (centers / np.linalg.norm(centers, axis=1, keepdims=True)).T
    assert found.tolist() == cosines.argmax(axis=1).tolist()
    assert cosine == pytest.approx(cosines.max(axis=1), abs=1e-4) and ((sure >= 0) & (sure <= 1)).all()
    assert (found == which[:20]).mean() > 0.9
