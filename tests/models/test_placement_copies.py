"""Copies among new samples get one place, whatever rounding makes of the products that decide."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import placement
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.placement import MIXED, describe, nearest_by_cosine, place
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import PCAReduction


def one_each(values, which):
    return all(len(np.unique(values[which == vector])) == 1 for vector in np.unique(which))


@pytest.fixture
def new():
    """900 new vectors, each some 15 times, and which is which."""
    rng = np.random.default_rng(1)
    which = rng.permutation(np.arange(900) % 60)
    return (2 * rng.normal(size=(60, 6))).astype(np.float32)[which], which


@pytest.fixture
def rounded(monkeypatch):
    """Lets every fifth row be placed elsewhere, and every row be sure in its own way."""

    def spoil(name):
        exact = getattr(placement, name)

        def wrong(X, *args, **kwargs):
            labels, confidence = exact(X, *args, **kwargs)
            labels = labels.copy()
            labels[::5] = labels[::5][::-1]
            return labels, confidence * np.linspace(0.99, 1, len(X), dtype=np.float32)

        monkeypatch.setattr(placement, name, wrong)

    for name in ("nearest_centers", "posterior", "most_likely", "vote"):
        spoil(name)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    which = np.arange(200) % 5
    return (rng.normal(size=(5, 6))[which] * 4 + rng.normal(size=(200, 6))).astype(np.float32)


@pytest.mark.parametrize("reduction", ["none", "pca"])
@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture", "scan", "agglomerative"])
def test_copies_have_one_place(name, reduction, data, new, rounded):
    reducer = PCAReduction(3) if reduction == "pca" else None
    params = {"n_clusters": 5} | ({"steps": 30, "heads": 1} if name == "scan" else {})
    model = get_clusterer(name)(**params).fit(reducer.fit_transform(data) if reducer else data)
    spec, arrays = describe(model, reduction, reducer, False)
    X, which = new
    for becomes in (None, {1: 0}, {1: MIXED, 2: -1}):
        labels, sure = place(spec, arrays, X, data, model.labels_, becomes)
        assert one_each(labels, which) and one_each(sure, which)


def test_copies_are_nearest_to_one_cluster(data, new, rounded):
    X, which = new
    both = np.concatenate([data, X])
    labels = np.concatenate([np.arange(200) % 5, np.full(len(X), -1)])
    found, sure, cosine = nearest_by_cosine(both, labels, np.arange(200, len(both)))
    assert one_each(found, which) and one_each(sure, which) and one_each(cosine, which)
