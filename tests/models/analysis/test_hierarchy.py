"""The tree of a clustering against scipy's, of the clusters and of all their samples."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.hierarchy import cluster_tree, groups_of
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as scipys
from sklearn.metrics import adjusted_rand_score


@pytest.mark.parametrize("linkage", ["ward", "average"])
@pytest.mark.parametrize("k", [2, 3, 60])
def test_clusters_of_one_size_make_scipys_tree(linkage, k):
    centers = np.random.default_rng(k).normal(size=(k, 8)) + 100
    children, heights = cluster_tree(centers, np.ones(k), linkage)
    expected = scipys(centers, linkage)
    assert heights == pytest.approx(expected[:, 2]) and (np.diff(heights) >= 0).all()
    assert children.tolist() == np.sort(expected[:, :2], axis=1).astype(int).tolist()


def test_ward_counts_every_sample():
    """The tree over clusters goes on where Ward's method on all samples has made these clusters."""
    rng = np.random.default_rng(0)
    centers, sizes = rng.normal(size=(25, 5)), rng.integers(1, 40, 25)
    samples = np.repeat(centers, sizes, axis=0)
    tree = scipys(samples, "ward")
    children, heights = cluster_tree(centers, sizes, "ward")
    assert heights == pytest.approx(tree[-24:, 2])
    for n in (2, 5, 12):
        mine = np.repeat(groups_of(children, n), sizes)
        assert adjusted_rand_score(mine, fcluster(tree, n, "maxclust")) == 1
    lone, _ = cluster_tree(centers, np.ones(25), "ward")
    assert lone.tolist() != children.tolist()


def test_groups_are_nested_and_as_many_as_asked_for():
    children, _ = cluster_tree(np.random.default_rng(1).normal(size=(30, 4)), np.arange(1, 31))
    before = np.zeros(30, int)
    for n in range(1, 31):
        groups = groups_of(children, n)
        assert sorted(set(groups)) == list(range(n))
        assert len(set(zip(groups, before, strict=True))) == n  # each group is inside one of the coarser cut
        before = groups


@pytest.mark.parametrize("linkage", ["ward", "average"])
def test_identical_centers_come_first(linkage):
    centers = np.array([[0.0, 0], [5, 5], [0, 0], [5, 5], [0, 0]])
    children, heights = cluster_tree(centers, [3, 1, 2, 9, 1], linkage)
    assert heights[:3] == pytest.approx(0) and heights[3] > 1
    assert adjusted_rand_score(groups_of(children, 2), [0, 1, 0, 1, 0]) == 1


def test_two_thousand_clusters_take_seconds_and_can_be_stopped():
    centers = np.random.default_rng(2).normal(size=(2000, 16))
    calls = []
    cluster_tree(centers, np.ones(2000), progress=lambda fraction, message: calls.append(fraction))
    assert calls[-1] == 1 and calls == sorted(calls)

    def stop(fraction, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster_tree(centers, np.ones(2000), progress=stop)


def test_refusals():
    with pytest.raises(ValueError, match="1 cluster makes no tree; at least 2 are needed"):
        cluster_tree(np.ones((1, 3)), [4])
    with pytest.raises(ValueError, match="linkage='single' is not known here"):
        cluster_tree(np.ones((3, 3)), [1, 1, 1], "single")
