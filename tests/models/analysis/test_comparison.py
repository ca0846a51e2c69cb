import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis import comparison

A = np.repeat([0, 1, 2], 20)


def test_renumbered_clusters_are_the_same():
    found = comparison.compare(A, (A + 1) % 3)
    assert not found.moved.any() and found.match == {0: 1, 1: 2, 2: 0}
    assert {fate for fate, _ in found.fates.values()} == {"kept"}
    assert (found.counts == np.diag([20, 20, 20])).all()


def test_the_matching_keeps_as_many_as_possible():
    from itertools import permutations

    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, 80), rng.integers(0, 4, 80)
    found = comparison.compare(first, second)
    best = max(np.sum(np.array(p)[first] == second) for p in permutations(range(4)))
    assert (~found.moved).sum() == best == np.trace(found.counts)


def test_a_split_and_its_mirror_image_a_merger():
    halves = A.copy()
    halves[40:47] = 3
    found = comparison.compare(A, halves)
    assert found.fates[2] == ("split", [2, 3]) and found.fates[0] == ("kept", [0])
    assert found.moved.sum() == 7 and found.moved[40:47].all()
    found = comparison.compare(halves, A)
    assert found.fates[2] == ("merged", [2]) and found.fates[3] == ("merged", [2]) and found.fates[1] == ("kept", [1])
    assert found.moved.sum() == 7


def test_few_strays_do_not_make_a_split():
    stray = A.copy()
    stray[40] = 3  # 5 % of its cluster is the least part, so one more sample than that is needed in a larger one
    assert comparison.compare(np.repeat(A, 2), np.repeat(stray, 2)).fates[2] == ("split", [2, 3])
    large = np.repeat([0, 1], [20, 60])
    stray = large.copy()
    stray[-1] = 2
    assert comparison.compare(large, stray).fates[1] == ("kept", [1])


def test_a_scattered_cluster_goes_nowhere():
    second = np.r_[np.repeat([0, 1], 20), np.tile([0, 1, 2, 3], 5)]
    second[-1], second[-5] = 4, 5
    assert comparison.compare(A, second).fates[2][0] in ("scattered", "split")
    even = np.r_[np.repeat([0, 1, 3], 20), np.tile([0, 1, 3], 10)]
    assert comparison.compare(np.repeat([0, 1, 2, 3], [20, 20, 20, 30]), even).fates[3] == ("scattered", [])


def test_noise_is_matched_with_noise_only():
    first = np.r_[A, np.full(5, -1)]
    second = np.r_[A, np.full(5, -1)]
    second[0] = -1
    found = comparison.compare(first, second)
    assert found.moved.sum() == 1 and found.rows[-1] == found.columns[-1] == -1 and -1 not in found.fates
    found = comparison.compare(first, np.r_[A, np.full(5, 9)])
    assert found.moved.tolist() == [False] * 60 + [True] * 5 and -1 not in found.match
    assert comparison.compare([-1, -1], [-1, 3]).moved.tolist() == [False, True]


def test_clusters_without_a_partner_moved():
    found = comparison.compare([0, 0, 1, 1], [5, 5, 5, 5])
    assert found.match == {0: 5} and found.moved.tolist() == [False, False, True, True]
    assert found.counts.shape == (2, 1)


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="2 and 1 labels cannot be compared; pass two labels per sample"):
        comparison.compare([0, 1], [0])
    with pytest.raises(ValueError, match="0 and 0 labels"):
        comparison.compare([], [])
