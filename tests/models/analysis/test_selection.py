import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.duplicates import duplicate_groups
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.selection import HOW, select

RNG = np.random.default_rng(0)
LABELS = np.r_[np.repeat([0, 1, 2], 30), np.full(10, -1), [3]]
X = (np.eye(5)[LABELS] * 10 + RNG.normal(size=(101, 5))).astype(np.float32)


@pytest.mark.parametrize("how", HOW)
def test_as_many_of_each_and_no_noise(how):
    found = select(X, LABELS, 7, how)
    assert {cluster: len(rows) for cluster, rows in found.items()} == {0: 7, 1: 7, 2: 7, 3: 1}
    for cluster, rows in found.items():
        assert len(set(rows)) == len(rows) and (LABELS[rows] == cluster).all()
    assert select(X, LABELS, 7, how) == found


def test_all_of_a_small_cluster():
    for how in HOW:
        assert sorted(select(X, LABELS, 99, how)[1]) == list(range(30, 60))


def test_central_ones_are_nearer_and_diverse_ones_farther_than_drawn_ones():
    def spread(rows):
        return np.linalg.norm(X[rows] - X[rows].mean(axis=0), axis=1).mean()

    chosen = {how: select(X, LABELS, 6, how)[0] for how in HOW}
    assert spread(chosen["central"]) < spread(chosen["random"]) < spread(chosen["diverse"])


def test_the_seed_draws_and_clusters_do_not_depend_on_each_other():
    assert select(X, LABELS, 5, "random", seed=1) != select(X, LABELS, 5, "random", seed=2)
    alone = LABELS == 1
    rows = np.flatnonzero(alone)[select(X[alone], LABELS[alone], 5, "random")[1]]
    assert rows.tolist() == select(X, LABELS, 5, "random")[1]


@pytest.mark.parametrize(("n", "how", "words"), [(0, "random", "per_cluster=0"), (3, "best", "how='best'")])
def test_what_cannot_be_chosen(n, how, words):
    with pytest.raises(ValueError, match=words):
        select(X, LABELS, n, how)


def test_groups_of_near_duplicates_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    vectors = np.repeat(rng.normal(size=(40, 8)), 3, axis=0) + rng.normal(size=(120, 8)) * 0.15
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for threshold in (0.9, 0.97, 0.99):
        near = unit @ unit.T >= threshold
        component = np.arange(120)
        for _ in range(120):
            component = np.array([component[near[i]].min() for i in range(120)])
        expected = [np.flatnonzero(component == c).tolist() for c in np.unique(component)]
        expected = sorted((g for g in expected if len(g) > 1), key=lambda g: (-len(g), g[0]))
        assert duplicate_groups(vectors * 7, threshold) == expected and expected


def test_exact_copies_are_found_at_1_and_across_blocks():
    vectors = np.random.default_rng(2).normal(size=(3000, 4)).astype(np.float32)
    vectors[2999] = vectors[3] * 5
    assert [3, 2999] in duplicate_groups(vectors, 1.0)
    assert duplicate_groups(np.eye(3), 0.5) == [] and duplicate_groups(np.empty((0, 3)), 0.5) == []


def test_thresholds_that_make_no_sense(monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.analysis import duplicates

    for threshold in (0, -1, 1.01):
        with pytest.raises(ValueError, match="is not a cosine above 0 and up to 1"):
            duplicate_groups(X, threshold)
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", 100)
    with pytest.raises(ValueError, match="links more than 100 pairs; raise it"):
        duplicate_groups(np.ones((50, 3)), 0.9)
