"""Nothing makes float64 tensors on a device that may have none, as Apple's."""

import warnings

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import heads
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.training import list_clusterings, list_recipes, recipe_class
from fiftyone.plugins.orgs.constellation.clusters.models.training import trainer as trainers
from fiftyone.plugins.orgs.constellation.clusters.models.training.diagnostics import knn_accuracy
from fiftyone.plugins.orgs.constellation.clusters.models.training.engine import Engine
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import describe

from .other_device import OTHER, OnDevice, without_float64

QUICK = {
    "n_clusters": 3,
    "epochs": 1,
    "pretrain_epochs": 1,
    "self_label_epochs": 1,
    "semi_epochs": 1,
    "batch_size": 30,
    "first_clusters": "kmeans",
    "layers": "32-16",
    "code": 4,
    "precision": "float32",
    "device": "cpu",
}


pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_watch_sees_what_it_is_for():
    with without_float64() as doubles:
        there = torch.zeros(3).to(OTHER)
        assert isinstance(there, OnDevice) and isinstance(there * 2 + torch.ones(3), OnDevice) and not doubles
        home = there.cpu().double() + there.to("cpu").double()
        assert type(home) is torch.Tensor and not doubles
        there.double()
        torch.zeros(3, dtype=torch.float64, device=there.device)
        there.copy_(home)
    assert doubles == ["double", "zeros", "copy_"]


def test_k_nn_accuracy_is_counted_at_home():
    features = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    classes = (features[:, 0] > 0).tolist()
    with without_float64() as doubles:
        found = knn_accuracy(features.to(OTHER), classes)
    assert not doubles and found == knn_accuracy(features, classes) > 0.5


@pytest.mark.parametrize("kind", [*list_recipes(), *list_clusterings()])
def test_a_training_makes_none_on_its_device(kind, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    array = (80 * truth[:, None, None, None] + rng.integers(0, 40, (60, 3, 16, 16))).astype(np.uint8)
    pixels = describe(array, [str(i) for i in range(60)], {})

    def elsewhere(device):
        engine = Engine(device)
        engine.device = OTHER
        return engine

    monkeypatch.setattr(trainers, "create_engine", elsewhere)
    cls = recipe_class(kind)
    recipe = cls(**{name: value for name, value in QUICK.items() if name in parameters(cls)})
    with without_float64() as doubles, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training = trainers.Training(recipe, pixels, tmp_path / "e.safetensors", 1, 0, {"name": "x"}, truth.tolist())
        assert isinstance(training.images(np.arange(2)), OnDevice)
        training.run()
        if recipe.clusters:
            recipe.fall_back(training, recipe.kmeans(training))
    assert not doubles


@pytest.mark.parametrize("name", [n for n in list_clusterers() if get_clusterer(n).placed_by == "head"])
def test_a_head_makes_none_on_its_device(name, monkeypatch):
    rng = np.random.default_rng(0)
    X = (np.eye(8)[np.arange(120) % 3] + 0.1 * rng.normal(size=(120, 8))).astype(np.float64)
    params = {"n_clusters": 3, "steps": 5, "pretrain_steps": 5, "heads": 1, "start": "kmeans", "self_label": True}
    known = get_clusterer(name)().get_params()
    monkeypatch.setattr(heads, "default_device", lambda: OTHER)
    with without_float64() as doubles, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        get_clusterer(name)(**{key: value for key, value in params.items() if key in known}).fit(X)
    assert not doubles
