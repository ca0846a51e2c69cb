import json
import math

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis import metrics
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.neighbors import nearest_neighbors

TRUTH = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])


def test_accuracy_of_known_answers():
    assert metrics.clustering_accuracy(TRUTH, np.arange(10)) == 0.5
    assert metrics.clustering_accuracy(TRUTH, np.zeros(10, int)) == 0.2
    assert metrics.clustering_accuracy(TRUTH, (TRUTH + 3) % 5) == 1.0
    assert metrics.clustering_accuracy([0, 0, 0, 1, 1, 1], [7, 7, 2, 2, 2, 2]) == pytest.approx(5 / 6)


def test_accuracy_is_the_best_matching():
    from itertools import permutations

    rng = np.random.default_rng(0)
    truth, labels = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    best = max(np.mean(np.array(p)[labels] == truth) for p in permutations(range(4)))
    assert metrics.clustering_accuracy(truth, labels) == pytest.approx(best)


def test_accuracy_takes_more_or_fewer_clusters_than_classes():
    assert metrics.clustering_accuracy(["a", "a", "b", "b"], [0, 1, 2, 2]) == 0.75
    assert metrics.clustering_accuracy(["a", "b", "c", "c"], [0, 0, 1, 1]) == 0.75


def test_purity_and_its_inverse():
    labels = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert metrics.many_to_one_accuracy(TRUTH, labels) == metrics.purity(TRUTH, labels) == 0.6
    assert metrics.inverse_purity(TRUTH, labels) == 1.0
    assert metrics.purity(TRUTH, np.arange(10)) == 1.0 and metrics.inverse_purity(TRUTH, np.arange(10)) == 0.5


def test_information_by_hand():
    # two clusters of one class each, and one that is half of each: I = 1 bit of H(truth) = 1, H(labels) = 1.5
    truth, labels = [0, 0, 1, 1], [0, 0, 1, 2]
    assert metrics.nmi_arithmetic(truth, labels) == pytest.approx(1 / 1.25)
    assert metrics.nmi_geometric(truth, labels) == pytest.approx(1 / math.sqrt(1.5))
    assert metrics.v_measure(truth, labels) == pytest.approx(1 / 1.25)
    assert metrics.ari([0, 0, 1, 1], [0, 0, 1, 2]) == pytest.approx(4 / 7)
    assert metrics.ami(truth, [1, 1, 0, 0]) == pytest.approx(1)


def test_recall_per_class_and_confusion():
    truth = ["cat", "cat", "cat", "dog", "dog", "owl"]
    labels = [1, 1, 0, 0, 0, -1]
    assert metrics.per_class_recall(truth, labels) == {"cat": pytest.approx(2 / 3), "dog": 1.0, "owl": 0.0}
    table = metrics.confusion(truth, labels)
    assert table == {
        "counts": [[2, 0, 0], [1, 2, 0], [0, 0, 1]],
        "clusters": [1, 0, -1],
        "classes": ["cat", "dog", "owl"],
    }
    json.dumps(table)


def test_noise_has_three_treatments():
    truth = ["a", "a", "a", "b", "b", "b"]
    scores = metrics.score_labels(truth, [0, 0, -1, 1, 1, -1])
    assert scores["coverage"] == pytest.approx(4 / 6)
    assert scores["acc"] == pytest.approx(4 / 6) and scores["acc_assigned"] == 1
    assert scores["purity"] == pytest.approx(5 / 6) and scores["ari_assigned"] == 1 > scores["ari"]
    assert scores["n_clusters"] == 2
    everything = metrics.score_labels(truth, [-1] * 6)
    assert everything["acc"] == 0 and everything["coverage"] == 0 and "acc_assigned" not in everything


def test_scores_without_noise_have_no_variants():
    scores = metrics.score_labels(TRUTH, TRUTH)
    assert {key: scores[key] for key in ("acc", "purity", "inverse_purity", "nmi", "ami", "ari", "v_measure")} == (
        pytest.approx(dict.fromkeys(("acc", "purity", "inverse_purity", "nmi", "ami", "ari", "v_measure"), 1.0))
    )
    assert not any(key.endswith("_assigned") for key in scores)
    assert all(type(value) is float for value in scores.values())


def test_unlabeled_samples_are_left_out():
    scores = metrics.score_labels(["a", None, "b", float("nan")], [0, 0, 1, 1])
    assert scores["n_scored"] == 2 and scores["acc"] == 1
    with pytest.raises(ValueError, match="none of the 2 samples has a class; choose a field"):
        metrics.score_labels([None, None], [0, 1])
    with pytest.raises(ValueError, match="3 classes for 2 labels"):
        metrics.score_labels([1, 2, 3], [0, 1])


def test_scores_of_vectors():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    X = np.eye(3)[labels] * 5 + rng.normal(size=(300, 3)) * 0.2
    good, bad = metrics.score_vectors(X, labels), metrics.score_vectors(X, rng.integers(0, 3, 300))
    assert good["silhouette"] > 0.8 > bad["silhouette"]
    assert good["calinski_harabasz"] > bad["calinski_harabasz"] and good["davies_bouldin"] < bad["davies_bouldin"]
    sampled = metrics.score_vectors(X, labels, seed=3, sample=100)
    assert sampled == metrics.score_vectors(X, labels, seed=3, sample=100)
    assert sampled["silhouette"] == pytest.approx(good["silhouette"], abs=0.05)
    noisy = np.where(np.arange(300) < 5, -1, labels)
    assert metrics.score_vectors(X, noisy)["silhouette"] > 0.8


@pytest.mark.parametrize("labels", [np.zeros(6, int), np.full(6, -1), np.arange(6), [0, 0, 0, -1, -1, -1]])
def test_undefined_scores_are_none(labels):
    assert set(metrics.score_vectors(np.eye(6), labels).values()) == {None}


def test_neighbor_agreement():
    indices = np.array([[1, 2], [0, 2], [3, 0], [2, 0]])
    assert metrics.neighbor_agreement(indices, [0, 0, 1, 1]) == 0.5
    assert metrics.neighbor_agreement(indices, [0, 0, -1, -1]) == 0.5
    assert math.isnan(metrics.neighbor_agreement(indices, [-1] * 4))


def test_sampled_agreement_is_that_of_all_neighbors():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(80, 5)), rng.integers(-1, 3, 80)
    indices, _ = nearest_neighbors(X, 4, "euclidean")
    expected = metrics.neighbor_agreement(indices, labels)
    assert metrics.sampled_agreement(X, labels, k=4) == pytest.approx(expected)
    few = metrics.sampled_agreement(X, labels, k=4, sample=30)
    assert few == metrics.sampled_agreement(X, labels, k=4, sample=30) and abs(few - expected) < 0.2
    assert math.isnan(metrics.sampled_agreement(X, [-1] * 80))


def test_duplicates_agree_with_each_other():
    X = np.repeat(np.eye(3), 20, axis=0)
    assert metrics.sampled_agreement(X, np.repeat(np.arange(3), 20)) == 1
    assert metrics.sampled_agreement(X[:4], [0, 0, 1, 1]) == pytest.approx(1 / 3)
