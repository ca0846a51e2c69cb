import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis import cluster_count, count_choice
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.cluster_count import suggest_count


def blobs(n, k, d=16, seed=0, spread=10.0):
    from sklearn.datasets import make_blobs

    X, truth = make_blobs(n, d, centers=k, center_box=(-spread, spread), random_state=seed)
    return X.astype(np.float32), truth


def digits():
    from sklearn.datasets import load_digits

    return load_digits().data.astype(np.float32)


@pytest.mark.parametrize("seed", [0, 7])
def test_handwritten_digits(seed):
    found = suggest_count(digits(), seed=seed)
    assert abs(found["natural"] - 10) <= 3
    assert found["coarse"] <= found["natural"] // 2 and found["fine"] >= 2 * found["natural"]


@pytest.mark.parametrize(("n", "k"), [(1000, 5), (1000, 12), (1500, 30), (2400, 60)])
def test_planted_blobs(n, k):
    found = suggest_count(blobs(n, k, seed=k)[0], seed=k)
    assert abs(found["natural"] - k) <= 0.1 * k and found["verdict"] == "clear"
    assert found["reasons"]["natural"].startswith("the smallest within 3 % of the best product of silhouette 0.")


def test_blobs_of_unequal_size_and_spread():
    rng = np.random.default_rng(3)
    which = rng.choice(12, 1500, p=np.linspace(1, 4, 12) / 30)
    centers = rng.normal(size=(12, 64))
    X = centers[which] + rng.normal(size=(1500, 64)) * rng.uniform(0.2, 0.45, 12)[which, None]
    assert abs(suggest_count(X.astype(np.float32))["natural"] - 12) <= 1


def test_groups_of_groups_are_natural_and_fine():
    rng = np.random.default_rng(0)
    far = rng.normal(size=(4, 16)) * 20
    centers = np.repeat(far, 5, axis=0) + rng.normal(size=(20, 16)) * 3
    X = (centers[np.arange(1200) % 20] + rng.normal(size=(1200, 16)) * 0.5).astype(np.float32)
    found = suggest_count(X)
    assert found["natural"] == 4 and abs(found["fine"] - 20) <= 2


def test_nothing_is_said_to_be_nothing():
    found = suggest_count(np.random.default_rng(0).normal(size=(800, 64)).astype(np.float32))
    assert found["verdict"] == "none"


def test_the_same_seed_gives_the_same_answer():
    X = blobs(400, 6)[0]
    assert suggest_count(X, seed=3, max_clusters=20) == suggest_count(X, seed=3, max_clusters=20)


def test_many_vectors_are_sampled():
    X = blobs(4000, 5)[0]
    found = suggest_count(X, sample=300, max_clusters=12)
    assert found["n_used"] == 300 and found["natural"] == 5


@pytest.mark.parametrize("n", [8, 9, 20])
def test_few_vectors_allow_few_clusters(n):
    found = suggest_count(blobs(n, 3, d=2)[0], max_clusters=50)
    assert max(trial["n_clusters"] for trial in found["trials"]) <= n // 2
    assert 2 <= found["coarse"] <= found["natural"] <= found["fine"]


@pytest.mark.parametrize("d", [16, 64, 300])
def test_duplicates_do_not_make_clusters(d):
    X = np.repeat(blobs(5, 5, d=d)[0], 40, axis=0)
    found = suggest_count(X, max_clusters=40)
    assert found["natural"] == 5 and max(trial["n_clusters"] for trial in found["trials"]) == 5
    assert found["values"]["natural"] == 5 and [trial["value"] for trial in found["trials"]] == [2, 3, 4, 5]


def test_hdbscan_sweeps_its_least_size():
    X = np.r_[blobs(600, 8, d=4)[0], np.random.default_rng(1).uniform(-12, 12, (40, 4)).astype(np.float32)]
    found = suggest_count(X, method="hdbscan")
    assert found["parameter"] == "min_cluster_size" and found["natural"] == 8
    assert found["values"]["natural"] >= 5 and "noise" in found["reasons"]["natural"]
    sizes = [trial["value"] for trial in found["trials"]]
    assert sizes == sorted(sizes) and all(trial["n_clusters"] >= 2 for trial in found["trials"])


@pytest.mark.parametrize("k", [5, 12, 30])
def test_hdbscan_finds_planted_blobs(k):
    found = suggest_count(blobs(60 * k, k, seed=k)[0], method="hdbscan", seed=k)
    assert abs(found["natural"] - k) <= 0.1 * k and found["verdict"] == "clear"


def test_hdbscan_on_handwritten_digits():
    assert abs(suggest_count(digits(), method="hdbscan")["natural"] - 10) <= 3


def test_what_hdbscan_finds_in_nothing_is_not_found_in_halves():
    X = np.random.default_rng(0).uniform(size=(800, 16)).astype(np.float32)
    found = suggest_count(X, method="hdbscan")
    assert found["verdict"] == "none"
    assert max(trial["stability"] for trial in found["trials"]) < 0.5


def test_agreement_is_the_mean_over_all_pairs():
    a, b = np.array([0, 0, 1, 1, -1]), np.array([1, 1, 0, 0, 2])
    assert cluster_count.agreement([a, b, a]) == 1
    mixed = np.array([0, 1, 0, 1, 0])
    assert cluster_count.agreement([a, b, mixed]) == pytest.approx((1 + 2 * cluster_count.ari(a, mixed)) / 3)


@pytest.mark.parametrize(
    ("X", "kwargs", "words"),
    [
        (np.ones((7, 3)), {}, "7 vectors are too few to look for groups in; use at least 8"),
        (np.ones((50, 3)), {}, "all 50 vectors are identical"),
        (np.eye(50), {"method": "birch"}, "method='birch' has no number"),
        (np.eye(50), {"max_clusters": 1}, "max_clusters=1 leaves nothing to sweep; use at least 2"),
        (np.eye(50), {"sample": 3}, "sample=3 leaves nothing"),
    ],
)
def test_what_is_refused(X, kwargs, words):
    with pytest.raises(ValueError, match=words):
        suggest_count(X.astype(np.float32), **kwargs)


def test_progress_may_stop_it():
    def stop(fraction, message):
        if fraction > 0.3:
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match=r"\d+ clusters"):
        suggest_count(blobs(200, 4)[0], progress=stop)


def test_the_silhouette_is_scikit_learns():
    from sklearn.metrics import silhouette_score

    X, labels = blobs(200, 4, spread=3)
    assert cluster_count.silhouette(cluster_count._distances(X), labels) == pytest.approx(
        silhouette_score(X, labels), abs=1e-4
    )
    noisy = np.where(np.arange(200) < 9, -1, labels)
    kept = noisy >= 0
    assert cluster_count.silhouette(cluster_count._distances(X), noisy) == pytest.approx(
        silhouette_score(X[kept], labels[kept]), abs=1e-4
    )
    assert cluster_count.silhouette(cluster_count._distances(X), np.zeros(200)) is None


def test_copies_are_at_no_distance_and_at_one_from_others():
    which = np.random.default_rng(0).permutation(np.arange(300) % 50)
    X = (blobs(50, 5, d=40)[0] + 100)[which]
    D = cluster_count._distances(X)
    assert (D[which[:, None] == which] == 0).all() and (D[which[:, None] != which] > 0).all()
    for vector in range(50):
        assert len(np.unique(D[which == vector], axis=0)) == 1 == len(np.unique(D[:, which == vector].T, axis=0))


def test_the_coding_length_is_shortest_for_the_truth():
    X, truth = blobs(600, 6, d=4)
    rng = np.random.default_rng(0)
    halves = truth * 2 + rng.integers(0, 2, len(truth))
    lengths = [cluster_count.coding_length(X, labels) for labels in (truth, truth // 2, halves, rng.permutation(truth))]
    assert min(lengths) == lengths[0]


def trial(k, silhouette, stability, value=None, coverage=1.0):
    return count_choice.Trial(value or k, k, silhouette, stability, 1.0, 1.0, 1.0, coverage)


def test_of_equal_scores_the_smallest_number_wins():
    chosen = count_choice.choose([trial(2, 0.2, 1), trial(5, 0.495, 1), trial(9, 0.5, 1), trial(20, 0.3, 1)])
    assert (chosen["coarse"], chosen["natural"], chosen["fine"]) == (2, 5, 20) and chosen["verdict"] == "clear"
    assert "agreement between halves 1.00" in chosen["reasons"]["fine"]


def test_apart_and_found_again_both_count():
    chosen = count_choice.choose([trial(2, 0.3, 0.99), trial(8, 0.4, 0.9), trial(20, 0.5, 0.4)])
    assert chosen["natural"] == 8
    assert count_choice.choose([trial(2, 0.3, 0.4)])["verdict"] == "none"
    assert count_choice.choose([trial(2, 0.05, 0.9)])["verdict"] == "weak"


def test_nothing_coarser_or_finer_is_the_natural_number_again():
    chosen = count_choice.choose([trial(2, 0.5, 1), trial(3, 0.2, 1)])
    assert chosen["coarse"] == chosen["natural"] == chosen["fine"] == 2
    assert chosen["reasons"]["fine"] == "the natural number again: none of twice as many or more was tried"
    assert count_choice.choose([trial(2, 0.2, 1), trial(3, 0.5, 1)])["coarse"] == 2
    assert "largest number tried" in count_choice.choose([trial(2, 0.2, 1), trial(3, 0.5, 1)])["reasons"]["natural"]


def test_of_many_sizes_with_the_same_clusters_the_middle_one_is_taken():
    chosen = count_choice.choose([trial(4, 0.5, 1, size, 0.9) for size in (5, 8, 13)] + [trial(2, 0.1, 1, 20)])
    assert chosen["natural"] == 4 and chosen["values"]["natural"] == 8 and "10% noise" in chosen["reasons"]["natural"]
    assert "largest" not in chosen["reasons"]["natural"]


def test_noise_alone_has_no_number():
    X = np.random.default_rng(0).uniform(size=(60, 8)).astype(np.float32)
    with pytest.raises(ValueError, match="no trial found two groups in these vectors; use method='kmeans'"):
        suggest_count(X, method="hdbscan")


def test_grids():
    assert cluster_count.geometric(2, 12) == [2, 3, 4, 5, 6, 8, 10, 12]
    assert cluster_count.between([2, 6, 20], 6)[0] == 3 and len(cluster_count.between([2, 6, 200], 6)) == 5
    assert cluster_count.between([2], 2) == []


def test_trials_without_a_silhouette_are_not_chosen():
    chosen = count_choice.choose([trial(3, -0.1, 1, 5), trial(3, None, 1, 8), trial(3, None, 1, 13)])
    assert chosen["values"] == {"coarse": 5, "natural": 5, "fine": 5} and chosen["verdict"] == "weak"
