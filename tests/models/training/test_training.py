"""Training: it learns, resumes to the same curve, survives kill -9 and a full disk, and refuses what cannot work."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.images.preprocessing import Preprocessing
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters, validated
from fiftyone.plugins.orgs.constellation.clusters.models.training import list_recipes, recipe_class
from fiftyone.plugins.orgs.constellation.clusters.models.training.checkpoint import (
    read_record,
    read_tensors,
    write_checkpoint,
)
from fiftyone.plugins.orgs.constellation.clusters.models.training.diagnostics import (
    knn_accuracy,
    neighbor_agreement,
    spread,
    verdict,
)
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import decode, propose_side
from fiftyone.plugins.orgs.constellation.clusters.models.training.trainer import Training
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
TINY = {
    "simclr": {"batch_size": 16, "hidden": 32, "projection": 16, "warmup_epochs": 1},
    "autoencoder": {"batch_size": 16, "layers": "32-64", "code": 4, "learning_rate": 0.003},
    "conv_autoencoder": {"batch_size": 16, "channels": "8-8-16", "code": 4, "learning_rate": 0.003},
}
EXACT = {"precision": "float32", "device": "cpu"}


def recipe_of(kind="simclr", **params):
    cls = recipe_class(kind)
    return cls(**validated(cls, {**TINY[kind], **EXACT, **params}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """70 images of 20 x 20 pixels in two classes: a disc or a bar, anywhere, in any colour."""
    where, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    y, x = np.mgrid[:20, :20]
    for i in range(70):
        cy, cx = rng.uniform(6, 14, 2)
        shape = (y - cy) ** 2 + (x - cx) ** 2 < 25 if i % 2 else np.abs(y - cy) < 3
        image = rng.uniform(0, 90, 3) + shape[..., None] * rng.uniform(60, 160, 3)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(where / f"{i:03d}.png")
    return where


def pixels_of(folder, side=16, tmp=None):
    files = sorted(str(path) for path in folder.glob("*.png"))
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return decode([(path, None) for path in files], files, Preprocessing((side, side), zero, one), tmp or folder)


@pytest.fixture(scope="module")
def pixels(folder):
    return pixels_of(folder)


def train(recipe, pixels, path, epochs, resume=False, **kwargs):
    return Training(recipe, pixels, path, epochs, about={"name": "x"}, **kwargs).run(resume)


def losses(record):
    return np.array([entry["loss"] for entry in record["curve"]])


@pytest.mark.parametrize("kind", list_recipes())
def test_every_kind_learns_and_a_resumed_run_has_the_same_curve(kind, pixels, tmp_path):
    extra = {"denoising": 0.1} if kind != "simclr" else {}
    whole = train(recipe_of(kind, **extra), pixels, tmp_path / "whole" / "e.safetensors", 4)
    assert losses(whole)[-1] < losses(whole)[0] and np.isfinite(losses(whole)).all()

    class Enough(Exception):
        pass

    def stop_in_epoch_3(fraction, message=""):
        if fraction > 0.6:
            raise Enough

    path = tmp_path / "parts" / "e.safetensors"
    with pytest.raises(Enough):
        Training(recipe_of(kind, **extra), pixels, path, 4, about={"name": "x"}).run(progress=stop_in_epoch_3)
    assert read_record(path)["epoch"] == 2
    resumed = train(recipe_of(kind, **extra), pixels, path, 4, resume=True)
    assert np.abs(losses(resumed) - losses(whole)).max() < 1e-4
    assert [e["agreement"] for e in resumed["curve"]] == [e["agreement"] for e in whole["curve"]]
    first, second = (read_tensors(p, "network.") for p in (path, tmp_path / "whole" / "e.safetensors"))
    assert all((first[k].float() - second[k].float()).abs().max() < 1e-4 for k in first)


def test_the_caller_s_random_numbers_are_left_alone(pixels, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(recipe_of("autoencoder"), pixels, tmp_path / "e.safetensors", 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("kind", ["simclr", "autoencoder"])
def test_parts_of_a_batch_leave_loss_and_gradient_as_they_are(kind, pixels, tmp_path):
    """Without batch normalisation a batch in parts is the same step, negatives included."""
    found = []
    for micro in (None, 5):
        extra = {"denoising": 0.3} if kind == "autoencoder" else {}
        training = Training(recipe_of(kind, micro_batch=micro, **extra), pixels, tmp_path / "e.safetensors", 1)
        training.progress = lambda f, m: None
        torch.manual_seed(0)
        training._start()
        training.network.eval()  # batch normalisation has its own statistics per part; with fixed ones it is exact
        if kind == "autoencoder":
            training.network.denoising = 0.0
        inputs, targets = training.recipe.inputs(
            training.images(np.arange(16)), torch.Generator().manual_seed(0), 16, slice(None)
        )
        training._set_rate(0, 0)
        loss = training._step(training.normalized(inputs), targets, 16, 1)
        found.append((float(loss), torch.cat([w.grad.flatten() for w in training.network.parameters()])))
    assert abs(found[0][0] - found[1][0]) < 1e-5
    assert (found[0][1] - found[1][1]).abs().max() < 1e-5


def test_layers_are_trained_alone_first(pixels, tmp_path):
    record = train(recipe_of("autoencoder", layerwise_epochs=1, denoising=0.2), pixels, tmp_path / "e.safetensors", 2)
    assert [e["stage"] for e in record["curve"]] == ["layer 1", "layer 2", "layer 3", "autoencoder", "autoencoder"]
    assert record["planned"] == 5 and record["epochs"] == 2


@pytest.mark.parametrize("side", [16, 21, 28])
def test_conv_autoencoder_returns_any_size(side):
    recipe = recipe_of("conv_autoencoder")
    network = recipe.build({"image_size": side, "channels": 1, "filters": [8, 8, 16], "code": 4})
    images = torch.rand(3, 3, side, side)
    assert network.encoder(images).shape == (3, 4) and network.decoder(network.encoder(images)).shape[-1] == side
    assert network(images).shape == (3,)


def test_a_reconstruction_picture_is_saved(pixels, tmp_path):
    train(recipe_of("autoencoder"), pixels, tmp_path / "e.safetensors", 1)
    with Image.open(tmp_path / "reconstruction.png") as picture:
        assert picture.size == (12 * 16, 2 * 16)
        shown = np.asarray(picture)[:16, :16]
    assert np.abs(shown.astype(int) - pixels.array[0].transpose(1, 2, 0)).max() <= 1


def test_a_run_that_learns_nothing_says_so_and_why(pixels, tmp_path):
    frozen = train(recipe_of(learning_rate=1e-12, warmup_epochs=0), pixels, tmp_path / "a" / "e.safetensors", 1)
    assert frozen["note"] is None or "not below" in frozen["note"]
    trivial = 3.434
    assert verdict(trivial, trivial, 0.3, True).startswith("the loss 3.434 is not below 3.434, that of a constant")
    assert "collapsed" in verdict(trivial, trivial, 0.001, True) and "augment less" in verdict(3.5, trivial, 0.3, True)
    assert "mean image" in verdict(0.06, 0.06, 0.3, False)
    assert verdict(2.0, trivial, 0.3, True) is None
    hopeless = recipe_of(learning_rate=1e-12, warmup_epochs=0, temperature=1.0, crop=0.01, blur=1.0, rotation=180.0)
    record = train(hopeless, pixels, tmp_path / "b" / "e.safetensors", 1)
    assert (record["note"] is not None) == (losses(record)[-1] >= 0.99 * record["trivial_loss"])


def test_a_loss_that_explodes_ends_the_run_and_keeps_the_epoch_before(pixels, tmp_path):
    with pytest.raises(ValueError, match="the loss became (nan|inf).*lower learning_rate") as error:
        train(recipe_of("autoencoder", optimizer="sgd", learning_rate=1e12), pixels, tmp_path / "e.safetensors", 3)
    assert "\n" not in str(error.value)
    assert np.isfinite(losses(read_record(tmp_path / "e.safetensors"))).all()


def test_signs_of_learning():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 8, generator=generator)
    assert neighbor_agreement(x, x) > 0.999
    assert neighbor_agreement(torch.ones(200, 8), torch.ones(200, 8)) < 0.15
    assert neighbor_agreement(x, torch.randn(200, 8, generator=generator)) < 0.15
    assert spread(torch.ones(9, 4)) < 1e-6 < 0.9 < spread(x) <= 1
    labels = [0] * 100 + [1] * 98 + [None] * 2
    groups = torch.cat([torch.tensor([[5.0, 0.0]]), torch.tensor([[0.0, 5.0]])]).repeat_interleave(100, 0)
    groups = groups + 0.1 * torch.randn(200, 2, generator=generator)
    assert knn_accuracy(groups, labels) == 1.0 and np.isnan(knn_accuracy(groups, [None] * 200))


def test_knn_accuracy_equals_scikit_learn():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 6)).astype(np.float32), rng.integers(0, 3, 120)
    right = 0
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        model = KNeighborsClassifier(5, metric="cosine").fit(X[others], y[others])
        votes = np.bincount(y[others][model.kneighbors(X[i : i + 1])[1][0]], minlength=3)
        right += votes[y[i]] == votes.max() and (votes == votes.max()).sum() == 1
        tie = (votes == votes.max()).sum() > 1 and votes[y[i]] == votes.max()
        right += 0.5 * tie
    assert abs(knn_accuracy(torch.from_numpy(X), list(y), 5) - right / len(X)) < 0.08


def test_images_are_decoded_once_and_failures_are_counted(folder, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    files = [str(tmp_path / "broken.png"), str(folder / "000.png"), str(tmp_path / "gone.png"), str(folder / "001.png")]
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    found = decode([(f, None) for f in files], list("abcd"), Preprocessing((20, 20), zero, one), tmp_path)
    assert found.ids == ["b", "d"] and sum(found.skipped.values()) == 2 and "missing file" in found.skipped
    with Image.open(files[1]) as image:
        assert (found.array[0] == np.asarray(image).transpose(2, 0, 1)).all()
    assert not found.grey and abs(found.mean[0] - found.array[:, 0].mean() / 255) < 1e-3
    with pytest.raises(ValueError, match="none of the 1 images can be read"):
        decode([(files[0], None)], ["a"], Preprocessing((20, 20), zero, one), tmp_path)
    with pytest.raises(ValueError, match="all 3 images are identical"):
        decode([(files[1], None)] * 3, list("abc"), Preprocessing((20, 20), zero, one), tmp_path)


def test_images_that_do_not_fit_into_memory_go_to_a_file(folder, pixels, tmp_path, monkeypatch):
    import psutil

    class Full:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Full)
    mapped = pixels_of(folder, tmp=tmp_path)
    assert isinstance(mapped.array, np.memmap) and mapped.digest == pixels.digest
    assert list(tmp_path.iterdir()) == []  # nothing to clean up, even after kill -9


def test_the_image_size_follows_the_images(folder):
    files = [str(path) for path in folder.glob("*.png")]
    assert propose_side([(file, None) for file in files]) == 32 and propose_side([]) == 32
    assert propose_side([(str(ROOT / "nothing.png"), None)]) == 32


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"batch_size": 71}, "batch_size=71 exceeds the 70 readable images; choose at most 70"),
        ({"backbone": "timm", "timm_model": "resnet_18"}, "timm_model='resnet_18' is not a model of timm"),
        ({"backbone": "timm"}, "timm_model=None"),
        ({"pretrained": True}, "no pretrained weights"),
        ({"backbone": "efficientnet_lite0"}, "image_size=16 is below the stride 32"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(params, words, pixels, tmp_path):
    with pytest.raises(ValueError, match=words) as error:
        train(recipe_of(**params), pixels, tmp_path / "e.safetensors", 1)
    assert "\n" not in str(error.value) and not (tmp_path / "e.safetensors").exists()


def test_parameters_are_validated_by_their_signature():
    for kind in list_recipes():
        for key, info in parameters(recipe_class(kind)).items():
            assert info.description, f"{kind}.{key}"
    with pytest.raises(ValueError, match="temprature.*did you mean 'temperature'"):
        recipe_of(temprature=0.1)
    with pytest.raises(ValueError, match="no kind of training 'simclt'; did you mean 'simclr'"):
        recipe_class("simclt")


@pytest.mark.parametrize(
    ("backbone", "side", "length"),
    [("small", 16, 256), ("resnet18", 32, 512), ("resnet18", 64, 512), ("efficientnet_lite0", 32, 1280)],
)
def test_backbones_make_features(backbone, side, length):
    recipe = recipe_of(backbone=backbone)
    architecture = {"backbone": backbone, "timm_model": None, "image_size": side, "hidden": 8, "projection": 8}
    network = recipe.build(architecture)
    assert network.encoder(torch.zeros(2, 3, side, side)).shape == (2, length)
    if backbone == "small":
        from fiftyone.plugins.orgs.constellation.clusters.models.training.backbones import count_weights

        assert 3.5e5 < count_weights(network.encoder) < 4.5e5
    if backbone.startswith("resnet"):
        assert (network.encoder.conv1.stride == (1, 1)) == (side < 64)


def test_pretrained_weights_are_the_offline_encoder_s(tmp_path):
    from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder

    architecture = {
        "backbone": "efficientnet_lite0",
        "timm_model": None,
        "image_size": 32,
        "hidden": 8,
        "projection": 8,
    }
    network = recipe_of(backbone="efficientnet_lite0").build(architecture, pretrained=True)
    expected = get_encoder("efficientnet_lite0").build()[0].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in network.encoder.state_dict().items())


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "e.safetensors"
    write_checkpoint(path, {"name": "old"}, {"network.a": torch.zeros(10)})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the kernel then refuses to write on
    try:
        with pytest.raises(ValueError, match="cannot be written .* is intact; free space") as error:
            write_checkpoint(path, {"name": "new"}, {"network.a": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["e.safetensors"]


def test_damaged_and_foreign_files_are_refused(tmp_path):
    import pickle

    path = tmp_path / "e.safetensors"
    write_checkpoint(path, {"name": "a"}, {"network.a": torch.zeros(100)})
    whole = path.read_bytes()
    for data in (whole[:-1], whole[: len(whole) // 4], whole[:5], b"", os.urandom(300)):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="truncated or damaged") as error:
            read_record(path)
        assert "\n" not in str(error.value)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, str(path))
    with pytest.raises(ValueError, match="not an encoder trained here"):
        read_record(path)

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "unpickled",))

    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_record(path)
    assert not (tmp_path / "unpickled").exists()
    with pytest.raises(ValueError, match="there is no checkpoint"):
        read_record(tmp_path / "nowhere")


def test_resuming_on_other_images_is_refused(folder, pixels, tmp_path):
    train(recipe_of("autoencoder"), pixels, tmp_path / "e.safetensors", 1)
    other = pixels_of(folder, side=20)
    with pytest.raises(ValueError, match="differ from the 70 that"):
        train(recipe_of("autoencoder"), other, tmp_path / "e.safetensors", 2, resume=True)


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import pathlib, time, torch
torch.set_num_threads(1)
from models.images.preprocessing import Preprocessing
from models.training import recipe_class
from models.training.pixels import decode
from models.training.trainer import Training
files = sorted(str(path) for path in pathlib.Path({folder!r}).glob("*.png"))
prepare = Preprocessing((16, 16), (0.0,) * 3, (1.0,) * 3)
pixels = decode([(f, None) for f in files], files, prepare, pathlib.Path("/tmp"))
recipe = recipe_class("simclr")(**{params!r})
def wait_to_be_killed(fraction, message=""):
    print(fraction, flush=True)
    if fraction > {at}:
        time.sleep(600)
Training(recipe, pixels, pathlib.Path({path!r}), 4, about={{"name": "x"}}).run(progress=wait_to_be_killed)
"""


def test_kill_9_in_the_middle_of_an_epoch_then_resume(folder, pixels, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        params = {**TINY["simclr"], **EXACT}
        whole = train(recipe_of(), pixels, tmp_path / "whole" / "e.safetensors", 4)
        path = tmp_path / "killed" / "e.safetensors"
        at = 0.6  # after batch 10 of 16, which is in epoch 3
        names = {"root": str(ROOT), "folder": str(folder), "params": params, "path": str(path), "at": at}
        code = textwrap.dedent(SCRIPT).format(**names)
        process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if float(line) > at:
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(30) == -signal.SIGKILL
        assert read_record(path)["epoch"] == 2
        resumed = train(recipe_of(), pixels, path, 4, resume=True)
    finally:
        torch.set_num_threads(threads)
    assert np.abs(losses(resumed) - losses(whole)).max() < 1e-4


def test_the_record_is_plain_json_and_complete(pixels, tmp_path):
    record = train(recipe_of(), pixels, tmp_path / "e.safetensors", 2, truth=["ab"[i % 2] for i in range(70)])
    stored = read_record(tmp_path / "e.safetensors")
    assert json.loads(json.dumps(record)) == {k: v for k, v in stored.items() if k != "format"}
    assert {"kind", "params", "architecture", "preprocessing", "data", "versions", "curve", "seed"} <= set(record)
    assert record["data"]["n"] == 70 and len(record["data"]["digest"]) == 64 and record["dimension"] == 256
    assert all(0 <= entry["knn_accuracy"] <= 1 for entry in record["curve"])
