"""Deep methods on embeddings: warm starts, health, what happens at a collapse, and plain arrays."""

import json
import pickle
import warnings

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import heads as _heads
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import networks as _networks
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import steps as _training
from sklearn.metrics import adjusted_rand_score

NAMES = [name for name in list_clusterers() if get_clusterer(name).placed_by == "head"]
PAIRS = [name for name in NAMES if name in ("scan", "cc", "pica")]


pytestmark = pytest.mark.usefixtures("one_thread")


def blobs(sizes=(60, 60, 60, 60), d=16, seed=0, spread=0.15):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return (np.eye(d)[truth] + spread * rng.normal(size=(len(truth), d))).astype(np.float32), truth


def make(name, **params):
    known = get_clusterer(name)().get_params()
    quick = {"n_clusters": 4, "steps": 60, "heads": 1, "pretrain_steps": 60}
    return get_clusterer(name)(**{key: value for key, value in {**quick, **params}.items() if key in known})


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_confidence_and_history(name):
    X, _ = blobs()
    model = make(name).fit(X)
    P = model.predict_proba(X)
    assert P.shape == (len(X), 4) and np.allclose(P.sum(axis=1), 1)
    np.testing.assert_array_equal(P.argmax(axis=1), model.labels_)
    np.testing.assert_allclose(P.max(axis=1), model.confidence_, atol=1e-6)
    history = model.history_
    assert {"step", "loss", "entropy", "used", "largest", "agreement"} < set(history)
    assert len({len(column) for column in history.values()}) == 1 < len(history["step"])
    assert json.loads(json.dumps(history)) == history
    assert 0 < history["entropy"][-1] <= 1.001 and history["used"][-1] == 4
    assert not model.fallback_ and model.collapsed_ == []


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_the_loss_add_up(name):
    history = make(name).fit(blobs()[0]).history_
    health = {"step", "loss", "entropy", "used", "largest", "confidence", "agreement"}
    parts = [column for key, column in history.items() if key not in health]
    assert len(parts) >= (1 if name in ("dec", "spice", "temi") else 2)
    np.testing.assert_allclose(np.sum(parts, axis=0), history["loss"], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_fitted_head_is_plain_and_small(name):
    X, _ = blobs(d=200)
    model = make(name).fit(X)
    assert all(array.dtype == np.float32 for array in model.arrays_.values())
    assert json.loads(json.dumps(model.spec_)) == model.spec_
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not any("torch" in type(value).__module__ for value in vars(model).values())


@pytest.mark.parametrize("name", NAMES)
def test_shifts_and_scales_change_nothing(name):
    X, truth = blobs()
    assert adjusted_rand_score(truth, make(name).fit(100 * X + 50).labels_) > 0.95


@pytest.mark.parametrize("name", NAMES)
def test_torch_generators_are_left_alone(name):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    make(name).fit(blobs()[0])
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("start", ["kmeans", "none"])
def test_scan_starts(start):
    X, truth = blobs()
    model = make("scan", start=start, balance="uniform", steps=150).fit(X)
    assert adjusted_rand_score(truth, model.labels_) > 0.95


def test_from_a_thousand_samples_it_starts_from_umap(monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors import reduction

    calls = []

    def fit_transform(self, X, knn=None, progress=None):
        calls.append(knn[0].shape)
        return X

    monkeypatch.setattr(reduction.UMAPReduction, "fit_transform", fit_transform)
    make("scan", steps=2).fit(blobs(sizes=(250,) * 4)[0])
    make("scan", steps=2).fit(blobs(sizes=(249,) * 4)[0])
    assert calls == [(1000, 20)]


@pytest.mark.parametrize("name", ["scan", "temi", "spice"])
def test_neighbors_that_would_lead_out_of_their_cluster_are_not_used_and_said(name):
    X, _ = blobs()  # 240 in 4
    said = f"{name}: n_neighbors=21 would lead out of clusters of some 60 samples; the 20 nearest were used"
    with pytest.warns(UserWarning, match="^" + said):
        make(name, n_neighbors=21, steps=2).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make(name, n_neighbors=20, steps=2).fit(X)
        make("turtle", steps=2).fit(X[:40])  # has no such parameter


def test_the_hinge_keeps_unequal_sizes_and_uniform_does_not():
    X, truth = blobs(sizes=(300, 60, 20, 20), spread=0.25)
    hinge = make("scan", min_entropy=0.5, steps=200).fit(X)
    uniform = make("scan", balance="uniform", balance_weight=20.0, steps=200).fit(X)
    assert adjusted_rand_score(truth, hinge.labels_) > 0.95
    assert hinge.history_["largest"][-1] > uniform.history_["largest"][-1] + 0.15


def test_self_label_raises_confidence():
    X, truth = blobs(spread=0.2)
    plain, labelled = make("scan").fit(X), make("scan", self_label=True).fit(X)
    assert adjusted_rand_score(truth, labelled.labels_) > 0.9
    assert labelled.history_["step"][-1] > plain.history_["step"][-1]
    assert labelled.confidence_.mean() > plain.confidence_.mean() - 0.01
    history, before = labelled.history_, len(plain.history_["step"])
    rounds = len(history["step"]) - before
    assert history["self_label"][:before] == [None] * before and history["consistency"][before:] == [None] * rounds
    assert 4 <= rounds <= 10
    assert history["loss"][before:] == history["self_label"][before:]
    # not the loss: the samples that join the teachers are harder than those before
    sure, sure_before = ((found.confidence_ >= 0.99).mean() for found in (labelled, plain))
    assert sure > sure_before + 0.1
    assert len({len(column) for column in history.values()}) == 1 and json.loads(json.dumps(history)) == history


def test_self_labelling_ends_when_confident_samples_are_no_longer_more(monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import scan

    plain, shares = scan._sure_samples, []

    def saturated(network, task):
        chosen, labels, share = plain(network, task)
        shares.append(min(share, 0.7))  # which the first rounds pass
        return chosen, labels, shares[-1]

    monkeypatch.setattr(scan, "_sure_samples", saturated)
    make("scan", self_label=True).fit(blobs(spread=0.2)[0])
    reached = shares.index(0.7)
    assert shares[reached:] == [0.7] * 4 and len(shares) < 10, "three rounds without growth are the last"


def test_teachers_are_chosen_anew_in_every_round(monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import scan

    plain, shares = scan._sure_samples, []

    def watched(network, task):
        found = plain(network, task)
        shares.append((len(found[0]), found[2]))
        return found

    monkeypatch.setattr(scan, "_sure_samples", watched)
    make("scan", steps=20, self_label=True).fit(blobs(spread=0.3)[0])
    counts = [count for count, _ in shares[1:]]
    assert counts[-1] > counts[0], "more and more of them teach"
    assert all(count == round(240 * share) for count, share in shares if share > 0.1)


def test_self_labelling_that_loses_clusters_is_undone(monkeypatch):
    X, _ = blobs()
    plain = make("scan").fit(X)

    def spoiled(self, task, network, *args):
        with torch.no_grad():
            network[-1].weight.zero_()

    monkeypatch.setattr(get_clusterer("scan"), "_learn_labels", spoiled)
    with pytest.warns(UserWarning, match=r"^scan's self-labeling was undone: it left 1 of 4 clusters$"):
        labelled = make("scan", self_label=True).fit(X)
    np.testing.assert_array_equal(labelled.labels_, plain.labels_)


def test_self_labelling_without_sure_samples_is_left_out():
    X = np.repeat(np.eye(3, 8, dtype=np.float32), 20, axis=0)
    with pytest.warns(
        UserWarning, match=r"self-labeling was left out: the most confident samples cover \d of 6 clusters; raise"
    ):
        make("scan", n_clusters=6, self_label=True).fit(X)


@pytest.mark.parametrize(
    ("failing", "words"),
    [(1, "^warm start: the loss part 'start' became nan at step 0"), (21, "^scan: the loss part 'self_label' .* 60;")],
)
def test_teaching_labels_stops_at_nan_too(failing, words, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import losses as _losses
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import scan

    plain, calls = _losses.label_cross_entropy, []

    def spoiled(logits, labels, weights=None):
        calls.append(1)
        return plain(logits, labels, weights) * (float("nan") if len(calls) == failing else 1.0)

    monkeypatch.setattr(_losses, "label_cross_entropy", spoiled)
    monkeypatch.setattr(scan, "label_cross_entropy", spoiled)
    with pytest.raises(ValueError, match=words):
        make("scan", self_label=True).fit(blobs()[0])


@pytest.mark.parametrize("name", PAIRS)
def test_a_collapse_is_retried_and_then_replaced_by_kmeans(name, monkeypatch):
    X, truth = blobs(sizes=(40,) * 6)
    seen = []
    train = get_clusterer(name)._train

    def collapsing(self, task, boost, seed, progress):
        head = train(self, task, boost, seed, progress)
        seen.append((boost, seed, task.start is not None))
        weight, bias = head.layers[-1]
        return head._replace(layers=[*head.layers[:-1], (0 * weight, 0 * bias - np.arange(6))])

    monkeypatch.setattr(get_clusterer(name), "_train", collapsing)
    with pytest.warns(UserWarning) as caught:
        model = make(name, n_clusters=6, n_neighbors=13, start="none", steps=3).fit(X)
    said = [str(warning.message) for warning in caught if warning.category is UserWarning]
    assert said[0] == (
        f"{name} collapsed: 1 of 6 clusters were used; it was trained again from k-means, with twice the balance"
    )
    assert said[1].endswith("1 of 6 clusters were used; these clusters are those of k-means instead")
    assert [(boost, warm) for boost, _, warm in seen] == [(1, False), (2, True)] and seen[0][1] != seen[1][1]
    assert model.fallback_ and adjusted_rand_score(truth, model.labels_) > 0.95
    assert adjusted_rand_score(make("kmeans", n_clusters=6).fit(X).labels_, model.labels_) > 0.95


@pytest.mark.parametrize(("name", "retry_note"), [("spice", "with another seed"), ("dec", "with twice the balance")])
def test_a_repetition_says_what_it_has(name, retry_note, monkeypatch):
    X, truth = blobs(sizes=(40,) * 6)
    train, seen = get_clusterer(name)._train, []

    def collapsing(self, task, boost, seed, progress):
        seen.append((boost, task.start is not None))
        head = train(self, task, boost, seed, progress)
        if len(seen) > 1:
            return head
        weight, bias = head.layers[-1]
        centers = None if head.centers is None else head.centers + np.arange(6)[:, None] * 100
        return head._replace(layers=[*head.layers[:-1], (0 * weight, 0 * bias - np.arange(len(bias)))], centers=centers)

    monkeypatch.setattr(get_clusterer(name), "_train", collapsing)
    with pytest.warns(UserWarning, match=f"^{name} collapsed: 1 of 6 .* again from k-means, {retry_note}$"):
        model = make(name, n_clusters=6, start="none", steps=150, pretrain_steps=150).fit(X)
    assert seen == [(1.0, False), (2.0, True)] and model.collapsed_ == ["1 of 6 clusters were used"]
    assert not model.fallback_ and adjusted_rand_score(truth, model.labels_) > 0.9


def test_a_real_collapse_is_caught():
    # no balance, no warm start: the loss alone is content with one cluster
    X, _ = blobs(sizes=(40,) * 6, spread=0.6)
    with pytest.warns(UserWarning, match="scan collapsed"):
        model = make("scan", n_clusters=6, start="none", balance_weight=0.0, steps=200).fit(X)
    assert len(set(model.labels_)) >= 3


def test_collapse_is_judged_against_kmeans():
    even, skewed = np.repeat(np.arange(10), 10), np.repeat(np.arange(10), [82] + [2] * 9)
    assert _heads.collapse(even, even, 10) is None
    assert _heads.collapse(skewed, skewed, 10) is None
    assert _heads.collapse(skewed, even, 10) == "82% of the samples were in one cluster, 10% with k-means"
    assert _heads.collapse(np.repeat(np.arange(4), 25), even, 10) == "4 of 10 clusters were used"
    assert _heads.collapse(np.repeat(np.arange(5), 20), even, 10) is None


def test_fewer_clusters_come_with_a_warning():
    X = np.repeat(np.eye(3, 8, dtype=np.float32), 20, axis=0)
    with pytest.warns(UserWarning, match=r"scan found \d clusters, fewer than n_clusters=8; ask for fewer"):
        make("scan", n_clusters=8).fit(X)


def test_no_warning_without_a_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make("scan").fit(blobs()[0])


def test_a_loss_that_is_not_a_number_stops_with_step_and_part(monkeypatch):
    cls = get_clusterer("scan")
    plain = cls._losses
    calls = []

    def failing(self, p, q, boost):
        calls.append(1)
        parts = plain(self, p, q, boost)
        return parts | {"balance": parts["balance"] * float("nan")} if len(calls) == 8 else parts

    monkeypatch.setattr(cls, "_losses", failing)
    with pytest.raises(ValueError, match=r"^scan: the loss part 'balance' became nan at step 7; lower learning_rate$"):
        make("scan").fit(blobs()[0])


def test_the_head_of_lowest_loss_is_kept(monkeypatch):
    cls = get_clusterer("scan")
    train, scored = cls._train, []

    def watched(self, *args):
        head = train(self, *args)
        scored.append(head)
        return head

    monkeypatch.setattr(cls, "_train", watched)
    model = make("scan", heads=4, steps=20).fit(blobs(spread=0.3)[0])
    best = min(scored, key=lambda head: head.loss)
    assert len({head.loss for head in scored}) == 4 and model.history_ == best.history


@pytest.mark.parametrize("name", ["dec", "idec"])
def test_of_several_autoencoders_the_one_of_lowest_loss_over_all_samples_is_kept(name, monkeypatch):
    cls = get_clusterer(name)
    train, found = cls._train, []

    def watched(self, *args):
        found.append(train(self, *args))
        return found[-1]

    monkeypatch.setattr(cls, "_train", watched)
    X, _ = blobs(spread=0.3)
    model = make(name, heads=3, steps=30).fit(X)
    best = min(found, key=lambda head: head.loss)
    assert len({head.loss for head in found}) == 3 and model.history_ == best.history
    if name == "dec":  # the divergence of all assignments from their own target, by loops
        Q = model.predict_proba(X)
        weights = [[q[j] ** 2 / Q[:, j].sum() for j in range(4)] for q in Q]
        P = [[w / sum(row) for w in row] for row in weights]
        by_hand = sum(p * np.log(p / q) for row, mine in zip(P, Q, strict=True) for p, q in zip(row, mine, strict=True))
        assert best.loss == pytest.approx(by_hand / len(X), rel=1e-3)


def test_exported_layers_say_what_the_network_says():
    X, _ = blobs(d=200)
    space = _networks.Space(X, seed=0)
    with _training.seeded(0):
        network = _networks.perceptron([128, 32, 16, 5])
    Z = torch.as_tensor(space(X))
    _networks.update_bn(network, Z)
    network.eval()
    with torch.no_grad():
        expected = network(Z).softmax(dim=1).numpy()
    spec, arrays = _networks.to_arrays(space.fold(_networks.to_layers(network)))
    np.testing.assert_allclose(_networks.probabilities(X, spec, arrays), expected, atol=1e-5)
    kept = _networks.without_unused(spec, arrays, np.array([1, 3]))
    found = _networks.probabilities(X, spec, kept)
    np.testing.assert_allclose(found, expected[:, [1, 3]] / expected[:, [1, 3]].sum(axis=1, keepdims=True), atol=1e-5)


def test_calibration_uses_all_samples():
    X = torch.as_tensor(blobs()[0]) * 3 + 1
    network = _networks.perceptron([16, 8, 4])
    _networks.update_bn(network, X)
    with torch.no_grad():
        hidden = network[0](X)
    assert torch.allclose(network[1].running_mean, hidden.mean(dim=0), atol=1e-5)
    assert torch.allclose(network[1].running_var, hidden.var(dim=0), atol=1e-4)


def test_batches_are_shuffled_passes():
    drawn = list(_training.batches(10, 4, 5, seed=0))
    assert [len(rows) for rows in drawn] == [4] * 5
    assert len(set(np.concatenate(drawn[:2]))) == 8
    assert len(next(_training.batches(3, 8, 1, seed=0))) == 3


def test_training_runs_on_one_thread_and_gives_the_others_back():
    torch.set_num_threads(2)
    with pytest.raises(KeyError), _training.seeded(0):
        assert torch.get_num_threads() == 1
        raise KeyError
    found = torch.get_num_threads()
    torch.set_num_threads(1)
    assert found == 2


def test_health():
    neighbors = torch.tensor([[1], [0], [3], [2]])
    even = torch.eye(2)[[0, 0, 1, 1]]
    assert _training.health(even, neighbors) == pytest.approx(
        {"entropy": 1, "used": 2, "largest": 0.5, "confidence": 1, "agreement": 1}
    )
    one = torch.eye(2)[[0, 0, 0, 0]]
    assert _training.health(one, neighbors)["used"] == 1 and _training.health(one, neighbors)["entropy"] < 1e-6
    assert _training.health(torch.eye(2)[[0, 1, 1, 1]], neighbors)["agreement"] == 0.5
