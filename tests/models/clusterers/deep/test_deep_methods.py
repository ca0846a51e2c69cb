"""Particulars of single deep methods: their steps, written a second time, and consensus."""

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import consensus, spice, temi, turtle
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.networks import (
    perceptron,
    probabilities,
    to_arrays,
    without_unused,
)
from sklearn.metrics import adjusted_rand_score

pytestmark = pytest.mark.usefixtures("one_thread")


def blobs(n=240, d=16, k=4, seed=0, spread=0.15):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    return (np.eye(d)[truth] + spread * rng.normal(size=(n, d))).astype(np.float32), truth


def test_temi_exports_its_teacher():
    torch.manual_seed(0)
    network, X = perceptron([8, *temi._WIDTHS, 5], batch_norm=False), torch.randn(20, 8)
    expected = temi._soft([network], X)[0].numpy()
    found = probabilities(X.numpy(), *to_arrays(temi._layers(network), unit=True))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_temi_teachers_follow_their_students():
    teacher, student = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    before, goal = teacher.weight.detach().clone(), student.weight.detach().clone()
    temi._follow([teacher], [student], 0.9)
    assert torch.allclose(teacher.weight, 0.9 * before + 0.1 * goal)
    assert torch.equal(student.weight, goal)


def test_turtle_fits_its_classifier_as_adam_does():
    rng = torch.Generator().manual_seed(0)
    X = torch.randn(50, 6, generator=rng)
    labels = torch.randn(50, 3, generator=rng).softmax(dim=1)
    weight = torch.zeros(6, 3, requires_grad=True)
    adam = torch.optim.Adam([weight], lr=0.01)
    for _ in range(10):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(X @ weight, labels).backward()
        adam.step()
    assert torch.allclose(turtle.fitted_classifier(X, labels), weight, atol=1e-5)


def two_spaces(n=240, seed=0):
    """Four groups, of which the first space tells halves apart, and the second other halves; nothing else does."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 4
    halves = (np.eye(2)[truth // 2], np.zeros((n, 4))), (np.eye(2)[truth % 2], np.zeros((n, 9)))
    spaces = [np.hstack(columns) for columns in halves]
    return [X + 0.1 * rng.normal(size=X.shape) for X in spaces], truth


def test_turtle_needs_both_spaces_to_tell_four_groups_apart():
    (first, second), truth = two_spaces()
    params = dict(n_clusters=4, steps=100, heads=1, start="kmeans")
    both = get_clusterer("turtle")(widths=[6, 11], **params).fit(np.hstack([first, second]))
    alone = get_clusterer("turtle")(**params).fit(first)
    assert adjusted_rand_score(truth, both.labels_) > 0.95 > 0.6 > adjusted_rand_score(truth, alone.labels_)
    assert both.spec_["votes"] == 2 and "votes" not in alone.spec_
    P = both.predict_proba(np.hstack([first, second]))
    assert P.shape == (240, 4) and np.allclose(P.sum(axis=1), 1)
    np.testing.assert_array_equal(P.argmax(axis=1), both.labels_)


def test_turtle_of_several_spaces_is_the_mean_of_their_assignments():
    (first, second), _ = two_spaces()
    spaces = [torch.as_tensor(X, dtype=torch.float32) for X in (first, second)]
    encoders = [torch.nn.Linear(X.shape[1], 3) for X in spaces]
    expected = sum(encoder(X).softmax(dim=1) for encoder, X in zip(encoders, spaces, strict=True)) / 2
    spec, arrays = to_arrays(turtle._layers(encoders), votes=2)
    found = probabilities(np.hstack([first, second]), spec, arrays)
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-6)
    fewer = without_unused(spec, arrays, np.array([0, 2]))
    logits = [encoder(X)[:, [0, 2]].softmax(dim=1) for encoder, X in zip(encoders, spaces, strict=True)]
    kept = probabilities(np.hstack([first, second]), spec, fewer)
    np.testing.assert_allclose(kept, (sum(logits) / 2).detach().numpy(), atol=1e-6)


def test_turtle_losses_of_two_spaces_as_loops():
    (first, second), _ = two_spaces(n=12)
    spaces = [torch.as_tensor(X, dtype=torch.float32) for X in (first, second)]
    encoders = [torch.nn.Linear(X.shape[1], 3) for X in spaces]
    parts = get_clusterer("turtle")(gamma=2.0)._parts(encoders, spaces, boost=3.0)
    votes = [encoder(X).softmax(dim=1).detach() for encoder, X in zip(encoders, spaces, strict=True)]
    labels = (votes[0] + votes[1]) / 2
    missed = balance = 0.0
    for X, vote in zip(spaces, votes, strict=True):
        logits = X @ turtle.fitted_classifier(X, labels)
        missed -= sum(float(labels[i, j] * logits.log_softmax(dim=1)[i, j]) for i in range(12) for j in range(3)) / 12
        means = [float(vote[:, j].mean()) for j in range(3)]
        balance += sum(mean * np.log(mean) for mean in means)
    assert float(parts["generalization"]) == pytest.approx(missed, rel=1e-4)
    assert float(parts["balance"]) == pytest.approx(3 * 2 * balance, rel=1e-4)


@pytest.mark.parametrize("widths", [[6, 12], [0, 17], []])
def test_widths_that_do_not_fit_are_refused(widths):
    (first, second), _ = two_spaces()
    with pytest.raises(ValueError, match="do not divide the 17 columns"):
        get_clusterer("turtle")(n_clusters=4, widths=widths).fit(np.hstack([first, second]))


def test_spice_names_as_many_of_every_cluster():
    X, truth = blobs(n=40, spread=0.05)
    unit = torch.as_tensor(X / np.linalg.norm(X, axis=1, keepdims=True))
    P = torch.eye(4)[truth] * 0.6 + 0.1
    rows, names = spice.pseudo_labels(unit, P, 0.5)
    assert names.bincount().tolist() == [10] * 4
    assert np.mean(truth[rows.numpy()] == names.numpy()) == 1


def test_spice_prototypes_as_loops():
    rng = torch.Generator().manual_seed(0)
    unit = torch.nn.functional.normalize(torch.randn(30, 5, generator=rng))
    P = torch.randn(30, 3, generator=rng).softmax(dim=1)
    rows, names = spice.pseudo_labels(unit, P, 0.5)
    for cluster in range(3):
        surest = sorted(range(30), key=lambda i: -float(P[i, cluster]))[:5]
        prototype = sum(unit[i] for i in surest) / 5
        nearest = sorted(range(30), key=lambda i: -float(unit[i] @ prototype))[:10]
        assert set(rows[names == cluster].tolist()) == set(nearest)


def test_spice_trusts_only_samples_whose_neighbours_agree():
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 1, 0])
    P = torch.eye(2)[labels] * 0.8 + 0.1
    neighbors = torch.tensor([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4], [3, 0], [3, 4]])
    rows = spice.reliable(P, neighbors, 0.9)
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4, 5]
    assert spice.reliable(torch.eye(3)[labels], neighbors, 0.9) is None


def test_spice_without_reliable_samples_keeps_what_it_has():
    X, truth = blobs()
    model = get_clusterer("spice")(n_clusters=4, steps=60, heads=1, agreement=1.0).fit(X)
    assert adjusted_rand_score(truth, model.labels_) > 0.95


def test_consensus_of_equal_runs_is_that_run():
    labels = np.arange(60) % 3
    permuted = (labels + 1) % 3
    spectrum = consensus._spectrum(consensus._memberships(np.stack([labels, permuted])), 3)
    assert np.allclose(spectrum[labels == 0] @ spectrum[labels == 0].T, 1, atol=1e-5)
    assert np.allclose(spectrum[labels == 0] @ spectrum[labels == 1].T, 0, atol=1e-5)
    np.testing.assert_allclose(consensus._agreement(np.stack([labels, permuted]), labels), 1)


def test_consensus_agreement_as_loops():
    rng = np.random.default_rng(0)
    runs, labels = rng.integers(3, size=(4, 30)), rng.integers(3, size=30)
    found = consensus._agreement(runs, labels)
    for i in range(30):
        mates = np.flatnonzero(labels == labels[i])
        together = [np.mean([run[i] == run[j] for run in runs]) for j in mates]
        assert found[i] == pytest.approx(np.mean(together))


def test_consensus_outvotes_a_bad_run():
    truth = np.arange(90) % 3
    rng = np.random.default_rng(0)
    runs = np.stack([truth, (truth + 1) % 3, rng.integers(3, size=90), (truth + 2) % 3])
    labels = consensus.kmeans(consensus._spectrum(consensus._memberships(runs), 3), 3, 0).labels_
    assert adjusted_rand_score(truth, labels) == 1


def test_consensus_of_heads():
    X, truth = blobs(n=120)
    model = get_clusterer("consensus")(n_clusters=4, base="pica", runs=2).fit(X)
    assert model.runs_.shape == (2, 120) and adjusted_rand_score(truth, model.labels_) > 0.95
    np.testing.assert_array_equal(model.agreement_, model.confidence_)
    P = model.predict_proba(X)
    assert P.shape == (120, 4) and np.allclose(P.sum(axis=1), 1)
    np.testing.assert_array_equal(P.argmax(axis=1), model.predict(X))
    between = (X[:20] + X[1:21]) / 2
    P = model.predict_proba(between)
    np.testing.assert_array_equal(P.argmax(axis=1), model.predict(between))
    assert 0.3 < P.max(axis=1).min() < 1


def test_consensus_keeps_the_health_of_every_run():
    X, _ = blobs(n=120)
    model = get_clusterer("consensus")(n_clusters=4, base="kmeans", runs=3).fit(X)
    assert model.history_["step"] == [1, 2, 3] and model.history_["used"] == [4, 4, 4]
    assert model.history_["entropy"] == [1, 1, 1] and model.history_["largest"] == [0.25] * 3
    assert min(model.history_["agreement"]) > 0.95
    skewed = consensus._health(X, np.stack([np.repeat([0, 2], [90, 30])]), 4, 0)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(4)
    assert skewed["entropy"] == [pytest.approx(entropy, abs=1e-6)]
    assert skewed["used"] == [2] and skewed["largest"] == [0.75] and skewed["agreement"][0] < 0.75


def test_a_consensus_knows_which_of_its_runs_collapsed(monkeypatch):
    X, truth = blobs(n=120)
    train, seen = get_clusterer("scan")._train, []

    def collapsing(self, *args):
        head = train(self, *args)
        seen.append(head)
        weight, bias = head.layers[-1]
        spoiled = head._replace(layers=[*head.layers[:-1], (0 * weight, 0 * bias - np.arange(4))])
        return spoiled if len(seen) == 2 else head

    monkeypatch.setattr(get_clusterer("scan"), "_train", collapsing)
    with pytest.warns(UserWarning, match="scan collapsed: 1 of 4 clusters were used; it was trained again"):
        model = get_clusterer("consensus")(n_clusters=4, base="scan", runs=2).fit(X)
    assert len(seen) == 3 and model.collapsed_ == ["run 2: 1 of 4 clusters were used"]
    assert adjusted_rand_score(truth, model.labels_) > 0.95


def test_every_deep_method_can_be_the_base_of_a_consensus():
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import list_clusterers
    from fiftyone.plugins.orgs.constellation.clusters.models.parameters import choices, parameters

    heads = {name for name in list_clusterers() if get_clusterer(name).placed_by == "head"}
    assert heads < set(choices(parameters(get_clusterer("consensus"))["base"]))
    for name in heads:
        assert get_clusterer("consensus").estimate(60, 16, {"n_clusters": 4, "base": name, "runs": 2}).seconds > 0
