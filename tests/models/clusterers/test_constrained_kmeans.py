"""k-means with groups that must stay together."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.constrained_kmeans import seeded
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.kmeans import KMeans
from sklearn.metrics import adjusted_rand_score


def blobs(n=300, k=6, d=8, spread=0.3, seed=0):
    rng = np.random.default_rng(seed)
    which = np.arange(n) % k
    return rng.normal(size=(k, d))[which] * 3 + spread * rng.normal(size=(n, d)), which


@pytest.mark.parametrize("unit", [False, True])
def test_groups_stay_together_and_the_rest_is_found(unit):
    X, which = blobs()
    X = X / np.linalg.norm(X, axis=1, keepdims=True) if unit else X
    wanted = np.where(which == 1, 0, which)  # two of six blobs are one
    groups = np.where(wanted == 0, 0, -1)
    found = seeded(KMeans(5), groups).fit(X)
    assert adjusted_rand_score(wanted, found.labels_) == 1
    assert set(found.labels_[groups == 0]) == {0} and found.cluster_centers_.shape == (5, 8)
    assert (found.labels_ == seeded(KMeans(5), groups).fit(X).labels_).all()
    assert adjusted_rand_score(which, KMeans(5).fit(X).labels_) < 1


def test_free_samples_follow_the_seeds_and_a_sample_that_is_far_stays_where_it_was_put():
    X, which = blobs()
    groups = np.full(300, -1)
    groups[which == 2] = 0
    groups[[3, 9]] = 0  # of another blob
    found = seeded(KMeans(6), groups).fit(X)
    assert set(found.labels_[groups == 0]) == {0} and found.confidence_[3] == 1
    free = groups < 0
    assert adjusted_rand_score(which[free], found.labels_[free]) == 1


def test_nothing_said_is_as_good_as_k_means():
    X, which = blobs()
    assert adjusted_rand_score(which, seeded(KMeans(6), np.where(which == 0, 0, -1)).fit(X).labels_) == 1


def test_free_copies_follow_those_of_a_group_and_copies_in_several_groups_stay_there():
    X, _ = blobs()
    groups = np.full(300, -1)
    groups[[3, 9]] = 0, 1  # of one blob
    X[[15, 21, 27]] = X[3]
    X[33] = X[9]
    X[39] = X[3]
    groups[39] = 2  # said of a copy of the first
    found = seeded(KMeans(8), groups).fit(X)
    assert found.labels_[[3, 9, 39]].tolist() == [0, 1, 2]
    assert set(found.labels_[[15, 21, 27]]) == {0} and found.labels_[33] == 1
    for copies in ([3, 15, 21, 27], [9, 33]):
        assert len(set(found.confidence_[copies])) == 1
    assert groups[15] == -1 == found.groups[15]


def test_a_group_whose_cluster_ends_empty_is_refused():
    X = np.repeat(np.eye(3, 8, dtype=np.float32), 10, axis=0)
    said = "under these constraints only [34] of n_clusters=5 clusters have samples; ask for fewer"
    with pytest.raises(ValueError, match=said):
        seeded(KMeans(5), np.where(np.arange(30) == 4, 0, -1)).fit(X)


def test_more_groups_than_clusters_are_refused():
    X, which = blobs()
    with pytest.raises(ValueError, match="6 groups are constrained to be clusters and n_clusters=4; choose at least 6"):
        seeded(KMeans(4), which).fit(X)
