"""DEC and IDEC on embeddings: where they start, what they aim at, and when they end."""

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import autoencoder as _autoencoder
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.heads import Task
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.steps import seeded
from sklearn.metrics import adjusted_rand_score

from .test_deep_methods import blobs


def test_dec_finds_planted_groups():
    X, truth = blobs()
    model = get_clusterer("dec")(n_clusters=4, pretrain_steps=150, steps=30).fit(X)
    assert model.spec_["output"] == "student_t" and model.arrays_["codes"].shape == (4, 10)
    assert adjusted_rand_score(truth, model.labels_) > 0.95
    # far nearer to the own than to the others, Student's t is well above even odds
    assert model.confidence_.mean() > 0.5


@pytest.mark.parametrize(("width", "expected"), [(0.01, 1.0), (50.0, None)])
def test_narrow_codes_are_widened_and_wide_ones_stay(width, expected):
    X = torch.as_tensor(blobs()[0])
    model = get_clusterer("dec")(n_clusters=4, start="none")
    task = Task(X, None, None, 4, [X.shape[1]])
    with seeded(0):
        encoder, decoder = model._networks(task)
    with torch.no_grad():
        encoder[-1].weight.mul_(width)
        before, reconstruction = encoder(X), decoder(encoder(X))
        _, squares = _autoencoder.starting_centers(before.numpy(), None, 4, 0)
        encoder, decoder, centers = model._begin(task, encoder, decoder, 0, None)
        after = encoder(X)
        distances = ((after[:, None] - centers) ** 2).sum(dim=2).min(dim=1).values.mean()
        assert float(distances) == pytest.approx(expected or squares / len(X), rel=1e-3)
        assert torch.equal(after, before) == (expected is None)
        assert torch.allclose(decoder(after), reconstruction, atol=1e-4)


def test_dec_remembers_everyone_as_last_seen():
    rng = np.random.default_rng(0)
    start = rng.dirichlet(np.ones(3), 20)
    seen, by_hand = _autoencoder.RunningAssignments(torch.tensor(start)), start.copy()
    for _ in range(15):
        rows, fresh = rng.permutation(20)[:6], rng.dirichlet(np.ones(3), 6)
        sizes = seen.update(rows, torch.as_tensor(fresh))
        by_hand[rows] = fresh
        np.testing.assert_allclose(sizes.numpy(), by_hand.sum(axis=0))
    moved = np.mean(by_hand.argmax(axis=1) != start.argmax(axis=1))
    assert 0 < moved < 1 and seen.moved() == pytest.approx(moved)
    assert seen.moved() == 0


def clustering(name, n, steps, monkeypatch, boost=1.0, tol=1e-3):
    """The targets asked for while ``n`` easy samples are clustered: assignments, evening and sizes of each."""
    X, _ = blobs(n=n)
    asked, real = [], _autoencoder.target_distribution

    def spy(q, evening=1.0, sizes=None):
        asked.append((q.clone(), evening, sizes.clone()))
        return real(q, evening, sizes)

    monkeypatch.setattr(_autoencoder, "target_distribution", spy)
    model = get_clusterer(name)(n_clusters=4, pretrain_steps=100, steps=steps, start="none", tol=tol)
    task = Task(torch.as_tensor(X), torch.arange(n)[:, None], None, 4, [X.shape[1]])
    with seeded(0):
        encoder, decoder = model._networks(task)
        model._pretrain(task, encoder, decoder, 0, lambda step: None)
        start = model._begin(task, encoder, decoder, 0, None)
        Q = _autoencoder.assign_all(encoder, start[-1], task.X)
        model._cluster(task, start, boost, 0, lambda step: None)
    return asked, Q


@pytest.mark.parametrize("boost", [1.0, 2.0])
def test_dec_evens_out_by_the_sizes_of_all_samples_not_of_the_batch(boost, monkeypatch):
    asked, Q = clustering("idec", 600, 30, monkeypatch, boost)
    assert [len(q) for q, _, _ in asked] == [256] * 30 and {evening for _, evening, _ in asked} == {boost}
    rows = next(_autoencoder.batches(600, 256, 1, 0))
    by_hand = Q.clone()
    by_hand[rows] = asked[0][0]
    torch.testing.assert_close(asked[0][2], by_hand.sum(dim=0))
    for _, _, sizes in asked:
        assert float(sizes.sum()) == pytest.approx(600, rel=1e-4)


@pytest.mark.parametrize(("share", "expected"), [(1e-3, 500), (0.0, 620)])
def test_dec_ends_once_clusters_settle_and_no_sooner(share, expected, monkeypatch):
    assert len(clustering("dec", 300, 620, monkeypatch, tol=share)[0]) == expected


def test_dec_starts_from_the_means_of_the_clusters_it_is_given():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(30, 3)).astype(np.float32), rng.integers(4, size=30)
    centers, squares = _autoencoder.starting_centers(codes, torch.as_tensor(labels), 4, 0)
    expected = np.stack([np.mean([codes[i] for i in range(30) if labels[i] == c], axis=0) for c in range(4)])
    by_hand = sum(((codes[i] - expected[labels[i]]) ** 2).sum() for i in range(30))
    np.testing.assert_allclose(centers, expected, atol=1e-6)
    assert squares == pytest.approx(by_hand, rel=1e-4)
    centers, squares = _autoencoder.starting_centers(codes, None, 4, 0)
    assert squares < by_hand and centers.shape == (4, 3)


@pytest.mark.parametrize("name", ["dec", "idec"])
def test_codes_learn_the_clusters_they_start_from(name, monkeypatch):
    # rings are no balls in any code of an autoencoder, and k-means in it cuts through both
    rng = np.random.default_rng(0)
    angle, truth = rng.uniform(0, 2 * np.pi, 300), np.arange(300) % 2
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 2 * truth)[:, None] + 0.1 * rng.normal(size=(300, 2))
    params = dict(n_clusters=2, pretrain_steps=100, steps=100, code_size=4)
    cold = get_clusterer(name)(**params, start="none").fit(X)
    base = _autoencoder.HeadClusterer
    monkeypatch.setattr(base, "_start", lambda self, codes, *rest: truth)
    warm = get_clusterer(name)(**params, start="umap").fit(X)
    assert adjusted_rand_score(truth, warm.labels_) > 0.9 > 0.5 > adjusted_rand_score(truth, cold.labels_)


@pytest.mark.parametrize(("architecture", "width"), [("500-500-2000", 140), ("512-256", 128)])
def test_the_architecture_for_pixels_sees_all_of_them(architecture, width):
    X, _ = blobs(n=160, d=140)
    learned = []
    cls = type("Spied", (get_clusterer("dec"),), {"_pretrain": lambda self, task, *args: learned.append(task.X.shape)})
    cls(n_clusters=4, architecture=architecture, steps=1, start="kmeans").fit(X)
    assert learned[0] == (160, width)


def test_dec_sharpens_and_idec_reconstructs():
    X, _ = blobs(spread=0.3)
    params = dict(n_clusters=4, pretrain_steps=150, steps=200)
    dec = get_clusterer("dec")(**params).fit(X).history_
    idec = get_clusterer("idec")(**params).fit(X).history_
    assert dec["confidence"][-1] > dec["confidence"][0]
    assert set(idec) - set(dec) == {"reconstruction"}
    assert idec["reconstruction"][-1] < 1.2 * idec["reconstruction"][0]
