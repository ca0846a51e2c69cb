import time

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.exemplars import (
    STRATEGIES,
    prototypes,
    select,
    varied_exemplars,
)

RNG = np.random.default_rng(0)
LABELS = np.r_[np.repeat([0, 1, 2], 30), np.full(10, -1), [3]]
X = (np.eye(5)[LABELS] * 10 + RNG.normal(size=(101, 5))).astype(np.float32)


def test_the_first_are_the_most_typical():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)).astype(np.float32)
    found = prototypes(X, np.zeros(200, int), n=6)
    nearest = np.argsort(np.linalg.norm(X - X.mean(axis=0), axis=1))
    assert list(found) == [0] and found[0][:3] == nearest[:3].tolist()
    assert set(found[0]) <= set(nearest[:100]) and len(set(found[0])) == 6


def test_the_others_show_the_range():
    rng = np.random.default_rng(0)
    # one cluster of three looks: a rank by distance alone would show only the middle one
    X = np.concatenate([rng.normal(size=(40, 2)) * 0.1 + at for at in ([0, 0], [4, 0], [-4, 0])])
    found = prototypes(np.concatenate([X, [[50.0, 50]]]), np.zeros(121, int), n=6)[0]
    assert {row // 40 for row in found} >= {0} and 120 not in found
    spread = np.linalg.norm(X[found][:, None] - X[found], axis=2).max()
    assert spread > 1


def test_noise_has_no_prototypes():
    assert prototypes(np.eye(4), np.array([0, -1, 0, 2]), n=9) == {0: [0, 2], 2: [3]}
    assert prototypes(np.eye(2), np.array([-1, -1])) == {}


def test_copies_come_last():
    X = np.concatenate([np.zeros((30, 2)), [[1.0, 0], [0, 1], [2, 2]]])
    found = prototypes(X, np.zeros(33, int), n=4)[0]
    assert len(np.unique(X[found], axis=0)) == 4
    assert len(prototypes(np.zeros((5, 2)), np.zeros(5, int), n=4)[0]) == 4


def test_unsure_members_move_back():
    X = np.array([[0.0], [0.1], [-0.1], [1], [-1]])
    sure = np.array([0.0, 1, 1, 1, 1])
    X[0] = 0.06
    assert prototypes(X, np.zeros(5, int), n=1)[0] == [0]
    assert prototypes(X, np.zeros(5, int), sure, n=1)[0] != [0]


def test_rows_are_of_the_whole_set_and_repeatable():
    rng = np.random.default_rng(1)
    X, labels = rng.normal(size=(5000, 8)), rng.integers(0, 3, 5000)
    found = prototypes(X, labels, n=9, seed=4)
    assert found == prototypes(X, labels, n=9, seed=4)
    for cluster, rows in found.items():
        assert np.all(labels[rows] == cluster) and len(set(rows)) == 9
        assert all(type(row) is int for row in rows)


def test_ten_times_the_clusters_of_the_same_size_take_about_ten_times_as_long():
    """A search through all samples for every cluster would take a hundred times as long."""

    def cost(clusters):
        rng, spent = np.random.default_rng(0), []
        X = rng.normal(size=(100 * clusters, 64)).astype(np.float32)
        labels = rng.integers(0, clusters, len(X))
        for _ in range(3):
            start = time.process_time()
            assert len(prototypes(X, labels)) == clusters
            spent.append(time.process_time() - start)
        return min(spent)

    assert cost(500) < 40 * cost(50)


def test_errors():
    with pytest.raises(ValueError, match="n=0 prototypes"):
        prototypes(np.eye(2), [0, 1], n=0)
    with pytest.raises(ValueError, match="2 vectors for 3 labels do not match"):
        prototypes(np.eye(2), [0, 1, 1])


def by_hand(X, confidence, count):
    """The members nearest to the mean of the most confident ones, as loops."""
    surest = sorted(range(len(X)), key=lambda i: -confidence[i])[:count]
    mean = sum(X[i] for i in surest) / count
    return sorted(range(len(X)), key=lambda i: float(np.linalg.norm(X[i] - mean)))


@pytest.mark.parametrize(("by", "count"), [("surest", 10), ("surer half", 30)])
def test_prototypes_are_nearest_to_the_mean_of_the_surest(by, count):
    rng = np.random.default_rng(0)
    X, confidence = rng.normal(size=(60, 4)).astype(np.float32), rng.random(60)
    found = prototypes(X, np.zeros(60, int), confidence, n=6, by=by)[0]
    assert found[:3] == by_hand(X, confidence, count)[:3] and len(set(found)) == 6
    assert found[:3] != prototypes(X, np.zeros(60, int), confidence, n=6)[0][:3]


def test_prototypes_by_score_are_the_most_confident_and_of_equal_ones_the_more_central():
    rng = np.random.default_rng(0)
    X, confidence = rng.normal(size=(60, 4)).astype(np.float32), rng.random(60)
    found = prototypes(X, np.zeros(60, int), confidence, n=6, by="score")[0]
    assert found[:3] == np.argsort(-confidence)[:3].tolist()
    central = np.argsort(np.linalg.norm(X - X.mean(axis=0), axis=1))[:3].tolist()
    assert prototypes(X, np.zeros(60, int), np.ones(60), n=6, by="score")[0][:3] == central


def test_small_clusters_have_prototypes_in_every_way():
    for by in ("surest", "surer half", "score"):
        assert prototypes(np.eye(3), np.array([0, 0, 1]), np.array([0.5, 1, 1]), by=by)[1] == [2]
        assert sorted(prototypes(np.eye(3), np.array([0, 0, 1]), np.array([0.5, 1, 1]), by=by)[0]) == [0, 1]
    with pytest.raises(ValueError, match="prototypes by='mean' are not defined; use one of center, surest"):
        prototypes(np.eye(3), np.zeros(3, int), by="mean")


@pytest.mark.parametrize("how", STRATEGIES)
def test_as_many_of_each_and_no_noise(how):
    found = select(X, LABELS, 7, how)
    assert {cluster: len(rows) for cluster, rows in found.items()} == {0: 7, 1: 7, 2: 7, 3: 1}
    for cluster, rows in found.items():
        assert len(set(rows)) == len(rows) and (LABELS[rows] == cluster).all()
    assert select(X, LABELS, 7, how) == found


def test_all_of_a_small_cluster():
    for how in STRATEGIES:
        assert sorted(select(X, LABELS, 99, how)[1]) == list(range(30, 60))


def test_central_ones_are_nearer_and_diverse_ones_farther_than_drawn_ones():
    def spread(rows):
        return np.linalg.norm(X[rows] - X[rows].mean(axis=0), axis=1).mean()

    chosen = {how: select(X, LABELS, 6, how)[0] for how in STRATEGIES}
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


def test_near_duplicates_are_left_out_while_there_are_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 8)).astype(np.float32)
    X[:10] = X[0] + rng.normal(size=(10, 8)) * 0.01  # ten frames of one scene
    chosen = varied_exemplars(X, 9, first=10)
    assert len(chosen) == len(set(chosen)) == 9 and sum(row < 10 for row in chosen) == 1
    assert varied_exemplars(X, 9, first=10) == chosen
    assert sorted(varied_exemplars(X[:10], 9)) == sorted(set(varied_exemplars(X[:10], 9)))
    assert len(varied_exemplars(X[:10], 9)) == 9 and varied_exemplars(X[:1], 9) == [0]
