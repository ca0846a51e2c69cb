"""Safety of a training: stops within a step, refusals before work, one writer, and remarks that are true."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.training import recipe_class, store
from fiftyone.plugins.orgs.constellation.clusters.models.training.augmentation import Augmentation
from fiftyone.plugins.orgs.constellation.clusters.models.training.checkpoint import write_checkpoint
from fiftyone.plugins.orgs.constellation.clusters.models.training.diagnostics import verdict
from fiftyone.plugins.orgs.constellation.clusters.models.training.optimizers import LARS
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import describe
from fiftyone.plugins.orgs.constellation.clusters.models.training.trainer import Training

ROOT = Path(__file__).resolve().parents[3]
TINY = {"batch_size": 16, "hidden": 32, "projection": 16, "warmup_epochs": 0, "precision": "float32", "device": "cpu"}


def noise(n=40, side=16):
    array = np.random.default_rng(0).integers(0, 256, (n, 3, side, side), dtype=np.uint8)
    return describe(array, [str(i) for i in range(n)], {})


def simclr(**params):
    return recipe_class("simclr")(**{**TINY, **params})


def test_too_few_images_are_refused_with_the_reasons_of_the_others(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (10, 3, 16, 16), dtype=np.uint8)
    some = describe(array, [str(i) for i in range(10)], {"missing file": 5, "truncated image": 2})
    why = "exceeds the 10 readable images; .* cannot be read \\(5 missing file, 2 truncated image\\)"
    with pytest.raises(ValueError, match=why):
        Training(simclr(), some, tmp_path / "e.safetensors", 1)
    with pytest.raises(ValueError, match="batch_size=32 exceeds the 10 readable images; choose at most 10$"):
        Training(simclr(batch_size=32), some, tmp_path / "e.safetensors", 1)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A model store of the test's own."""
    monkeypatch.setenv(store.ENVIRONMENT, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.mark.parametrize("micro_batch", [None, 4])
def test_a_stop_is_looked_for_within_steps_and_evaluations(micro_batch, tmp_path):
    """A step of a large network on a CPU, or the evaluation after an epoch, takes longer than a user waits."""
    calls, inside = [], []
    training = Training(simclr(micro_batch=micro_batch), noise(), tmp_path / "e.safetensors", 1)
    forward = []
    training_step = Training._step
    original = Training.features

    def step(self, *args):
        before = len(calls)
        found = training_step(self, *args)
        forward.append(len(calls) - before)
        return found

    def features(self, *args):
        before = len(calls)
        found = original(self, *args)
        inside.append(len(calls) - before)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_step", step)
        patch.setattr(Training, "features", features)
        training.run(progress=lambda fraction, message="": calls.append(fraction))
    parts = 1 if micro_batch is None else 2 * 16 // 4
    assert forward == [parts] * 2 and len(inside) >= 2 and min(inside) >= 1
    assert calls.count(1.0) == 1  # the end is told once


def test_views_of_noise_teach_nothing_and_the_run_says_so(tmp_path):
    hopeless = simclr(crop=0.05, rotation=180.0, flip="both", color=2.0, learning_rate=1e-9, temperature=1.0)
    record = Training(hopeless, noise(side=32), tmp_path / "e.safetensors", 1).run()
    assert record["curve"][-1]["loss"] > 0.99 * record["trivial_loss"]
    assert "is not below" in record["note"] and "constant embedding" in record["note"]


def test_remarks_do_not_contradict_the_numbers():
    collapsed = verdict(1.0, 3.4, 0.01, True)
    assert "nearly the same vector" in collapsed and "is not below" not in collapsed
    assert verdict(0.01, 0.06, 0.001, False) is None  # a code that works, though its directions are alike


def test_blur_is_seen_at_every_size_and_has_a_strength():
    def change(side, **blur):
        images = torch.randint(
            0, 256, (8, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        still = Augmentation(crop=1.0, flip="none", color=0.0, grey=0.0, blur=1.0, **blur)
        views = still.draw(8, torch.Generator().manual_seed(1))(images)
        return float((views - images / 255).abs().mean())

    assert min(change(side) for side in (28, 32, 64, 224)) > 0.03
    assert change(32, blur_sigma=0.3) < change(32) < change(32, blur_sigma=3.0)


def test_blur_equals_torchvision_s():
    from torchvision.transforms.v2 import functional as tv

    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    draw = Augmentation(1.0, "none", 0.0, 0.0, blur=1.0, blur_sigma=1.5).draw(4, torch.Generator())
    object.__setattr__(draw, "blur", torch.ones(4))
    radius = 4  # 2.5 standard deviations
    expected = tv.gaussian_blur(images / 255, [2 * radius + 1] * 2, [1.5, 1.5])
    assert (draw(images) - expected).abs().max() < 1e-4


def test_lars_equals_its_definition():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(3, 4))
    optimizer, velocity, expected = LARS([weight], lr=0.5, weight_decay=0.1, trust=0.01), 0.0, weight.detach().clone()
    for step in range(4):
        weight.grad = torch.full((3, 4), 0.3 * (step + 1))
        update = weight.grad + 0.1 * expected
        velocity = 0.9 * velocity + 0.01 * expected.norm() / update.norm() * update
        expected = expected - 0.5 * velocity
        optimizer.step()
        assert (weight - expected).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("params", "side", "words"),
    [
        ({"backbone": "efficientnet_lite0"}, 16, "image_size=16 is below the stride 32"),
        ({"backbone": "timm", "timm_model": "mobilenetv3_small_050"}, 16, "image_size=16 is below the stride 32"),
        ({"backbone": "timm", "timm_model": "mobilnet"}, 64, "'mobilnet' is not a model of timm"),
        ({"pretrained": True}, 32, "no pretrained weights"),
    ],
)
def test_sizes_and_models_are_refused_without_any_image(params, side, words):
    with pytest.raises(ValueError, match=words) as error:
        simclr(**params).check_side(side)
    assert "\n" not in str(error.value)


def test_published_weights_get_the_constants_they_were_trained_with():
    images = noise(4, 32)
    half = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert simclr(backbone="efficientnet_lite0", pretrained=True).constants(images) == half
    assert simclr(backbone="efficientnet_lite0").constants(images) == (images.mean, images.std)
    mean, std = simclr(backbone="timm", timm_model="resnet18", pretrained=True).constants(images)
    assert mean == (0.485, 0.456, 0.406) and std == (0.229, 0.224, 0.225)


def test_one_writer_per_encoder_and_a_killed_one_is_forgotten(models):
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from models.training.store import claimed
with claimed("a"):
    print("held", flush=True)
    sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", code], **pipes)
    assert process.stdout.readline().strip() == "held"
    write_checkpoint(store.path_of("a"), {"name": "a"}, {})
    (models / "a" / ".encoder.safetensors.1.partial").write_bytes(b"half")
    with pytest.raises(ValueError, match="encoder 'a' is in use by a training that still runs"):
        store.delete("a")
    assert store.path_of("a").is_file()
    process.kill()
    process.wait()
    with store.claimed("a"):
        assert [path.name for path in (models / "a").iterdir()] == [store.FILE]  # what it left half-written is gone
        with store.claimed("b"), pytest.raises(ValueError, match="in use"), store.claimed("a"):
            pass
    assert store.delete("a")["name"] == "a"


def test_a_full_disk_leaves_the_old_picture_and_a_sentence(tmp_path):
    recipe = recipe_class("autoencoder")(layers="8", code=2, batch_size=16, device="cpu")
    training = Training(recipe, noise(), tmp_path / "e.safetensors", 1)
    training.run()
    picture = tmp_path / store.PICTURE
    before, size = picture.read_bytes(), (tmp_path / "e.safetensors").stat().st_size
    assert len(before) > 1000
    from fiftyone.plugins.orgs.constellation.clusters.models.training.reconstruction import save_picture

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(ValueError, match="reconstruction.png cannot be written .* is intact") as error:
            save_picture(training.network, training.images(np.arange(12)) / 255, picture)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value) and picture.read_bytes() == before
    assert (tmp_path / "e.safetensors").stat().st_size == size and len(list(tmp_path.iterdir())) == 2


def test_a_store_that_is_no_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(store.ENVIRONMENT, str(tmp_path / "file"))
    with pytest.raises(ValueError, match="cannot be written .*nothing was kept"):
        write_checkpoint(store.path_of("a"), {}, {})
    with pytest.raises(ValueError, match="the model store .* cannot be written"), store.claimed("a"):
        pass


def test_the_record_names_the_plugin_s_version(tmp_path):
    record = Training(simclr(), noise(), tmp_path / "e.safetensors", 1).run()
    assert record["versions"]["constellation"] in (ROOT / "fiftyone.yml").read_text()
