"""Images that teach come equally often, though the data lie sorted by class."""

from collections import Counter

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.training import clustering_class
from fiftyone.plugins.orgs.constellation.clusters.models.training.clustering.turns import Turns
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import describe, propose_side
from fiftyone.plugins.orgs.constellation.clusters.models.training.trainer import Training
from PIL import Image
from sklearn.datasets import load_digits

QUICK = {
    "n_clusters": 3,
    "epochs": 1,
    "pretrain_epochs": 1,
    "self_label_epochs": 2,
    "semi_epochs": 2,
    "batch_size": 40,
    "heads": 2,
    "first_clusters": "kmeans",
    "flip": "none",
    "color": 0.0,
    "threshold": 1.0,  # so that fewer teach than a batch has, or many more, by turns
    "precision": "float32",
    "device": "cpu",
}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def sorted_digits():
    """Ninety digits, as folders give them: one class after the other."""
    X, truth = load_digits(return_X_y=True)
    rows = np.concatenate([np.flatnonzero(truth == digit)[:n] for digit, n in ((0, 40), (1, 20), (4, 30))])
    array = (X[rows].reshape(-1, 1, 8, 8) * 15).astype(np.uint8).repeat(2, 2).repeat(2, 3).repeat(3, 1)
    return describe(np.ascontiguousarray(array), [str(row) for row in rows], {})


def draws_of(method, stage, pixels, path, of_batch):
    """How often each epoch of a stage showed each place of the list it draws from; ``of_batch`` finds the places."""
    cls = clustering_class(method)
    recipe = cls(**{name: value for name, value in QUICK.items() if name in parameters(cls)})
    epochs, plain = {}, recipe.cluster_inputs

    def watched(training, positions, generator):
        shown, images = [], training.images
        training.images = lambda rows: (shown.append(np.asarray(rows)), images(rows))[1]
        found = plain(training, positions, generator)
        training.images = images
        if training.stage == stage:
            epochs.setdefault(training.epoch, []).append(of_batch(recipe, training, shown))
        return found

    recipe.cluster_inputs = watched
    Training(recipe, pixels, path / "e.safetensors", recipe.epochs, 0, {"name": "x"}).run()
    return epochs


def differences(batches, listed):
    """The largest difference between how often two of the ``listed`` were drawn."""
    counts = Counter(np.concatenate(batches).tolist())
    assert set(counts) <= set(listed)
    drawn = [counts[place] for place in listed]
    return max(drawn) - min(drawn)


def test_scan_s_teachers_come_equally_often(sorted_digits, tmp_path):
    lists = {}

    def teachers(recipe, training, shown):
        lists[training.epoch] = recipe.teachers.tolist()
        return shown[0]

    epochs = draws_of("scan", "self-label", sorted_digits, tmp_path, teachers)
    assert len(epochs) == 2 and all(len(lists[epoch]) < 80 for epoch in epochs), "else nothing comes twice"
    assert all(differences(batches, lists[epoch]) <= 1 for epoch, batches in epochs.items())


def test_spice_s_reliable_images_come_equally_often(sorted_digits, tmp_path):
    lists = {}

    def taught(recipe, training, shown):
        lists[training.epoch] = training.state["reliable"].tolist()
        return shown[0]

    epochs = draws_of("spice", "semi", sorted_digits, tmp_path, taught)
    assert len(epochs) == 2 and all(len(lists[epoch]) < 80 for epoch in epochs)
    assert all(differences(batches, lists[epoch]) <= 1 for epoch, batches in epochs.items())


@pytest.mark.parametrize(("length", "taken"), [(7, [3, 3, 3, 20]), (100, [64, 64]), (1, [5])])
def test_turns_are_even_whatever_was_taken(length, taken):
    turns, generator = Turns(length), torch.Generator().manual_seed(0)
    counts = torch.zeros(length, dtype=torch.int64)
    for n in taken:
        found = turns.take(n, generator)
        assert found.shape == (n,)
        counts += found.bincount(minlength=length)
        assert int(counts.max() - counts.min()) <= 1


def test_turns_follow_their_generator_and_are_shuffled():
    first, second = (Turns(50).take(120, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first[:50], torch.arange(50)) and not torch.equal(first[:50], first[50:100])


def test_the_image_size_is_judged_by_images_from_all_over_the_set(tmp_path):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.new("RGB", (30, 30)).save(small)
    Image.new("RGB", (200, 200)).save(large)
    # 127 is one less than two of 64, so that every second would not do, and every first one would be the front
    assert propose_side([(str(small), None)] * 60 + [(str(large), None)] * 67) == 224
