import warnings

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters, validated
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.neighbors import nearest_neighbors
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import (
    REDUCTIONS,
    PCAReduction,
    UMAPReduction,
    get_reduction,
    project_2d,
    resolve,
)
from sklearn.decomposition import PCA


def blobs(n=240, d=40, k=4, spread=0.3):
    rng = np.random.default_rng(0)
    truth = np.arange(n) % k
    return (3 * np.eye(d)[truth] + spread * rng.normal(size=(n, d))).astype(np.float32), truth


def test_auto_reduces_for_density_methods_in_high_dimensions():
    kmeans, hdbscan = get_clusterer("kmeans"), get_clusterer("hdbscan")
    assert resolve("auto", hdbscan, 512) == "umap" and resolve("auto", hdbscan, 50) == "none"
    assert resolve("auto", kmeans, 512) == "none" and resolve("pca", kmeans, 512) == "pca"
    with pytest.raises(ValueError, match="there is no reduction 'tsne'; choose one of auto, none, pca, umap"):
        resolve("tsne", kmeans, 512)


@pytest.mark.parametrize("name", list(REDUCTIONS))
def test_a_reduction_describes_itself(name):
    cls = get_reduction(name)
    assert cls.name == name and cls.title and cls.when
    assert all(info.description for info in parameters(cls).values())
    small, large = (cls.estimate(n, 512, validated(cls, {})) for n in (1_000, 100_000))
    assert (large.seconds > small.seconds and large.bytes > small.bytes) or name == "none"


def test_pca_is_scikit_learns():
    X, _ = blobs()
    reducer = PCAReduction(5)
    found = reducer.fit_transform(X)
    expected = PCA(5, svd_solver="full").fit_transform(X.astype(np.float64))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)
    np.testing.assert_allclose(reducer.transform(X[:9]), found[:9], atol=1e-5)
    assert found.dtype == np.float32 and reducer.components_.shape == (5, 40)


def test_pca_of_few_samples():
    assert PCAReduction(50).fit_transform(blobs(12)[0]).shape == (12, 12)
    with pytest.raises(ValueError, match="pca: n_components=0 is not valid"):
        PCAReduction(0).fit_transform(blobs()[0])


def test_umap_keeps_groups_and_repeats():
    X, truth = blobs()
    first = UMAPReduction(n_components=3, random_state=1).fit_transform(X)
    np.testing.assert_array_equal(first, UMAPReduction(n_components=3, random_state=1).fit_transform(X))
    assert first.shape == (240, 3) and first.dtype == np.float32
    near, _ = nearest_neighbors(first, 5, "euclidean")
    assert np.mean(truth[near] == truth[:, None]) > 0.95
    assert not np.array_equal(first, UMAPReduction(n_components=3, random_state=2).fit_transform(X))


def test_umap_takes_known_neighbors():
    X, _ = blobs()
    expected = UMAPReduction(n_components=2).fit_transform(X)
    longer = nearest_neighbors(X, 40)
    np.testing.assert_array_equal(UMAPReduction(n_components=2).fit_transform(X, knn=longer), expected)
    shorter = nearest_neighbors(X, 3)
    np.testing.assert_array_equal(UMAPReduction(n_components=2).fit_transform(X, knn=shorter), expected)


@pytest.mark.parametrize("n", [1, 2, 5, 14, 16, 20])
def test_umap_of_few_samples(n):
    X = blobs(max(n, 4))[0][:n]
    found = UMAPReduction(n_components=10, n_neighbors=30).fit_transform(X)
    assert found.shape == (n, 10) and np.isfinite(found).all()
    assert project_2d(X).shape == (n, 2)


def test_umap_of_copies():
    same = np.ones((40, 8), dtype=np.float32)
    assert np.all(project_2d(same) == 0)
    three = np.repeat(blobs(3)[0], 30, axis=0)
    found = project_2d(three)
    assert found.shape == (90, 2) and np.isfinite(found).all()
    zeros = np.concatenate([np.zeros((20, 40), np.float32), blobs(60)[0]])
    assert np.isfinite(project_2d(zeros)).all()


def test_umap_counts_different_vectors():
    X = np.repeat(blobs(4)[0], 10, axis=0)
    for vectors, count in ((X[:30], 3), (np.tile(X[:1], (30, 1)), 1)):
        with pytest.warns(
            UserWarning, match=f"^UMAP needs 16 different vectors and got {count} among 30, so the first"
        ):
            found = UMAPReduction(n_components=10).fit_transform(vectors)
        assert len(np.unique(found, axis=0)) == count


def test_umap_is_quiet_and_reports():
    seen = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        project_2d(blobs()[0], progress=lambda fraction, message: seen.append((fraction, message)))
    assert seen[-1][0] == 1.0 and {message for _, message in seen} >= {"nearest neighbors", "UMAP"}
    assert not [w for w in caught if "umap" in str(w.filename) and issubclass(w.category, UserWarning)]


def test_a_map_shows_the_groups():
    X, truth = blobs()
    near, _ = nearest_neighbors(project_2d(X), 5, "euclidean")
    assert np.mean(truth[near] == truth[:, None]) > 0.95
