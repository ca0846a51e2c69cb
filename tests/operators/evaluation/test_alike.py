"""Clusters that look alike: found where one was cut in two, and nowhere else; kept apart for good."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation.alike import alike_clusters, alike_pairs
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation.statistics import make_statistics
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get, group_vectors
from ..handles import edit, halve, merge_clusters, redo_edit, undo_edit, version_of


def alike(X, labels, **options):
    ids = [f"{row:024x}" for row in range(len(X))]
    found = make_statistics(ids, X, labels, np.ones(len(X)))
    return alike_pairs(found, options.get("sizes", dict(enumerate(np.bincount(labels).tolist()))), options.get("apart"))


def cut(X, which, *groups):
    """Labels in which some groups are cut in two along their widest direction; the second halves are new clusters."""
    labels = which.copy()
    for new, group in enumerate(groups, start=which.max() + 1):
        rows = np.flatnonzero(which == group)
        centered = X[rows] - X[rows].mean(axis=0)
        widest = np.linalg.svd(centered, full_matrices=False)[2][0]
        labels[rows[centered @ widest > 0]] = new
    return labels


def test_what_was_cut_in_two_looks_alike_and_separate_groups_do_not():
    X, which = group_vectors(600, groups=4)
    assert alike(X, which) == []
    assert [one.clusters for one in alike(X, cut(X, which, 1))] == [(1, 4)]
    two = alike(X, cut(X, which, 1, 3))
    assert {one.clusters for one in two} == {(1, 4), (3, 5)}
    assert two[0].separation <= two[1].separation <= 4 and min(one.similarity for one in two) > 0.9


def test_where_nothing_has_clusters_nothing_is_alike():
    X = np.random.default_rng(0).normal(size=(600, 16)).astype(np.float32)
    from sklearn.cluster import KMeans

    assert alike(X, KMeans(8, n_init=1, random_state=0).fit_predict(X)) == []
    assert alike(X, (X[:, 0] > 0).astype(int)) == []  # the halves of a ball are each other's opposite


def test_real_images_cut_too_often_are_put_together_again():
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_digits

    digits = load_digits()
    X, classes = digits.data.astype(np.float32), digits.target
    labels = KMeans(20, n_init=3, random_state=0).fit_predict(X)
    majority = [np.bincount(classes[labels == cluster]).argmax() for cluster in range(20)]
    found = alike(X, labels)
    same = [majority[one] == majority[other] for one, other in (pair.clusters for pair in found)]
    assert len(found) >= 4 and np.mean(same) >= 0.8


def test_clusters_that_were_edited_since_are_left_out_and_so_are_copies_and_missing_vectors():
    X, which = group_vectors(600, groups=4)
    labels = cut(X, which, 1)
    sizes = dict(enumerate(np.bincount(labels).tolist()))
    assert alike(X, labels, sizes={**sizes, 4: sizes[4] + 1}) == [] and alike(X, labels, sizes={0: 1}) == []
    assert alike(X, labels, apart={"1": [4]}) == [] and alike(X, labels, apart={"0": [4]})
    assert alike(np.repeat(X[:4], 10, axis=0), np.repeat(np.arange(4), 10)) == []
    assert alike_pairs(make_statistics(["a" * 24], None, np.zeros(1, int), np.ones(1)), {0: 1}) == []


@pytest.fixture
def halved(blobs, compute):
    """A run half of whose third cluster went to a new one, and the two clusters that it is now."""
    compute(blobs, run_key="km", params={"n_clusters": 3})
    halve(blobs, "km", 2)
    get("evaluate_clusters")(blobs, run_key="km")
    return blobs, (2, 3)


def pairs(dataset):
    return [one.clusters for one in alike_clusters(Run.open(dataset, "km"))]


def test_kept_apart_they_are_not_named_again_until_that_is_undone(halved):
    dataset, pair = halved
    state, labels = Run.open(dataset, "km").state, dataset.values("km.cluster")
    assert pairs(dataset) == [pair]
    done = edit(dataset, "km", "keep_apart", {"clusters": list(pair)[::-1]})
    assert done["text"] == "Kept 'cluster 03' and 'cluster 02' apart" and done["n_changed"] == 0
    assert pairs(dataset) == [] and Run.open(dataset, "km").state == state and dataset.values("km.cluster") == labels
    version = version_of(dataset, "km")
    assert "kept apart before" in edit(dataset, "km", "keep_apart", {"clusters": list(pair)})["text"]
    assert version_of(dataset, "km") == version
    undo_edit(dataset, "km")
    assert pairs(dataset) == [pair]
    redo_edit(dataset, "km")
    assert pairs(dataset) == []
    merge_clusters(dataset, "km", list(pair))  # a person may change her mind
    undo_edit(dataset, "km")
    get("evaluate_clusters")(dataset, run_key="km")
    assert pairs(dataset) == []
    clone = dataset.clone()
    try:
        assert pairs(clone) == []
    finally:
        clone.delete()


@pytest.mark.parametrize("clusters", [[2], [2, 2], [2, 9], []])
def test_one_cluster_or_none_that_there_is_cannot_be_kept_apart(halved, clusters):
    with pytest.raises(ValueError, match="cluster"):
        edit(halved[0], "km", "keep_apart", {"clusters": clusters})
