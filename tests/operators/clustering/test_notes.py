"""A run notes what its method did not find, with what to do about it."""

import fiftyone as fo
import numpy as np
import pytest

from ..conftest import get
from ..handles import get_config


def add(dataset, X):
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])


def noted(dataset, compute, method, **params):
    found = compute(dataset, run_key=method, method=method, params=params, reduce="none")
    assert get_config(dataset, method).notes == found["notes"]
    return found["notes"]


def test_noise_and_nothing_else(dataset, compute):
    add(dataset, np.random.default_rng(0).normal(size=(40, 64)))
    assert noted(dataset, compute, "hdbscan") == [
        "hdbscan found no cluster: all 40 are noise; reduce with UMAP first, lower min_cluster_size=15 or "
        "min_samples=5, or choose another method such as kmeans"
    ]


def test_mostly_noise(dataset, compute):
    rng = np.random.default_rng(0)
    tight = np.repeat([[9.0, 0, 0, 0], [0, 9.0, 0, 0]], 15, axis=0) + 0.05 * rng.normal(size=(30, 4))
    add(dataset, np.concatenate([tight, rng.uniform(-60, 60, size=(90, 4))]))
    (note,) = noted(dataset, compute, "hdbscan", min_cluster_size=10)
    said = "hdbscan left 75% of 120 samples out as noise; lower min_cluster_size=10 or min_samples=5, or choose another"
    assert note.startswith(said)


@pytest.mark.parametrize("method", ["kmeans", "minibatch_kmeans", "birch", "agglomerative", "gaussian_mixture"])
def test_fewer_clusters_than_asked_for(dataset, compute, method):
    add(dataset, np.repeat(np.random.default_rng(0).normal(size=(3, 32)), 10, axis=0).astype(np.float32))
    assert noted(dataset, compute, method, n_clusters=5) == [
        f"{method} found 3 clusters, fewer than n_clusters=5; ask for fewer: only 3 of 30 vectors are distinct"
    ]


def test_identical_vectors(dataset, compute):
    add(dataset, np.ones((30, 32), np.float32))
    assert noted(dataset, compute, "hdbscan") == [
        "hdbscan found no cluster: all 30 are noise; the vectors are identical, so choose other embeddings"
    ]
    reduced = compute(dataset, run_key="reduced", method="hdbscan", params={}, reduce="umap")
    assert reduced["notes"][0].startswith("UMAP needs 16 different vectors and got 1 among 30, so the first principal")


def test_counts_that_copies_allow(dataset):
    add(dataset, np.repeat(np.random.default_rng(0).normal(size=(6, 4)), 20, axis=0))
    (note,) = get("suggest_cluster_count")(dataset, embeddings="emb")["notes"]
    assert note == "120 vectors, 6 of them distinct, allow no more than 6 clusters to be tried"
