"""Encoders: by name, lazy, equal to their libraries, and honest about weights they cannot have."""

import contextlib
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import encoders
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import (
    default_encoder,
    encoder_class,
    get_encoder,
    list_encoders,
)
from fiftyone.plugins.orgs.constellation.clusters.models.encoders.base import digest, same_encoder
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
EXACT = {"precision": "float32", "normalize": False, "device": "cpu"}


@pytest.fixture(scope="module")
def photos():
    """Six photographs of different sizes and shapes."""
    from skimage import data

    images = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    images += [data.astronaut()[:100, :400], data.coffee()[:333, :101]]
    return [Image.fromarray(image) for image in images]


@pytest.fixture
def empty_hub(monkeypatch, tmp_path):
    """A hub cache without files, and a hub that nobody answers at."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path


@pytest.fixture(scope="module")
def lite0():
    return get_encoder("efficientnet_lite0", EXACT).load()


def test_lists_encoders_without_importing_torch():
    code = (
        "import sys; from fiftyone.plugins.context import PluginContext;"
        "from fiftyone.plugins.definitions import PluginDefinition;"
        f"PluginContext(PluginDefinition.from_disk({str(ROOT / 'fiftyone.yml')!r})).register_all();"
        "from fiftyone.plugins.orgs.constellation.clusters.models import encoders;"
        "from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters;"
        "names = encoders.list_encoders(); encoders.default_encoder();"
        "[(parameters(encoders.encoder_class(n)), encoders.get_encoder(n).is_cached()) for n in names if n != 'zoo'];"
        "print(names, [m for m in ('torch', 'open_clip', 'timm') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().splitlines()[-1] == f"{list_encoders()} []"


def test_every_parameter_has_help_and_a_default():
    for name in list_encoders():
        for key, info in parameters(encoder_class(name)).items():
            assert info.description, f"{name}.{key}"
            assert not info.is_required(), f"{name}.{key}"


def test_name_carries_the_main_argument():
    clip = get_encoder("clip:ViT-B-32/openai")
    assert (clip.architecture, clip.pretrained) == ("ViT-B-32", "openai")
    assert get_encoder("clip:ViT-L-14//data/mine.pt").pretrained == "/data/mine.pt"
    assert get_encoder("clip:hf-hub:laion/CLIP-x").architecture == "hf-hub:laion/CLIP-x"
    assert get_encoder("timm:vit_small_patch14_dinov2").model == "vit_small_patch14_dinov2"
    assert get_encoder("zoo:resnet18-imagenet-torch").model == "resnet18-imagenet-torch"
    assert get_encoder("timm:resnet18", {"image_size": 64}).image_size == 64


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("clap", {}, "did you mean 'clip'"),
        ("efficientnet_lite0:b7", {}, "takes no argument but got 'b7'"),
        ("efficientnet_lite0", {"image_sze": 128}, "did you mean 'image_size'"),
        ("efficientnet_lite0", {"image_size": 100}, "image_size=100"),
        ("clip", {"precision": "int8"}, "precision='int8'"),
        ("clip", {"device": "gpu"}, "device='gpu'"),
        ("clip", {"image_mean": "0.5"}, "image_mean='0.5'"),
    ],
)
def test_wrong_names_and_values_are_refused_in_one_sentence(name, params, words):
    with pytest.raises(ValueError, match=words.replace("'", "['\"]")) as error:
        get_encoder(name, params)
    assert "\n" not in str(error.value)


def test_absent_device_is_refused():
    with pytest.raises(ValueError, match="device='cuda:99' is not there"):
        get_encoder("efficientnet_lite0", {"device": "cuda:99"}).load()


def test_default_is_clip_only_if_its_weights_are_here(empty_hub):
    assert default_encoder()[0] == "efficientnet_lite0"
    weights = empty_hub / "models--laion--CLIP-ViT-B-32-laion2B-s34B-b79K" / "snapshots" / "abc"
    weights.mkdir(parents=True)
    (weights / "open_clip_model.safetensors").symlink_to(empty_hub / "interrupted")
    assert default_encoder()[0] == "efficientnet_lite0"
    (empty_hub / "interrupted").write_bytes(b"x")
    assert default_encoder() == ("clip", "CLIP's weights are on this disk")
    assert get_encoder("clip").is_cached() is True
    assert get_encoder("clip:ViT-B-32/openai").is_cached() is None


def test_timm_cache_is_found_with_and_without_tag(empty_hub):
    assert get_encoder("timm:vit_small_patch14_dinov2").is_cached() is False
    folder = empty_hub / "models--timm--vit_small_patch14_dinov2.lvd142m" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x")
    assert get_encoder("timm:vit_small_patch14_dinov2").is_cached() is True
    assert get_encoder("timm:vit_small_patch14_dinov2.lvd142m").is_cached() is True
    assert get_encoder("timm:vit_small_patch14_dinov2.other").is_cached() is False


@pytest.mark.parametrize("name", ["clip", "timm:vit_small_patch14_dinov2"])
def test_offline_the_hub_is_called_once_and_the_remedy_is_named(empty_hub, name, monkeypatch):
    """Left to itself, huggingface_hub tries again and again for most of a minute."""
    from huggingface_hub import constants

    calls = []
    with socket.create_server(("127.0.0.1", 0)) as hub:

        def hang_up():
            with contextlib.suppress(OSError):
                while True:
                    connection, address = hub.accept()
                    calls.append(address)
                    connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        with pytest.raises(ValueError, match=r"not on this disk .* does not answer.*efficientnet_lite0") as error:
            get_encoder(name).load()
    assert "\n" not in str(error.value) and len(calls) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("clip:ViT-B-31/openai", "no architecture 'ViT-B-31'"),
        ("clip:ViT-B-32/mine", "no weights 'mine' for ViT-B-32, it has openai"),
        ("clip:ViT-B-32//nowhere/x.pt", "no checkpoint '/nowhere/x.pt'"),
        ("timm:resnet_18", "did you mean"),
        ("zoo:no-such-model", "'no-such-model' cannot be loaded"),
    ],
)
def test_unknown_models_are_refused(name, words):
    with pytest.raises(ValueError, match=words):
        get_encoder(name).load()


def test_lite0_weights_are_loaded_right(lite0, photos):
    """The classifier that the weights came with must name the photographs."""
    import timm
    import torch
    from fiftyone.plugins.orgs.constellation.clusters.models.weights import lite0_checkpoint

    *_, weight, bias = torch.load(lite0_checkpoint(), weights_only=True).values()
    assert weight.shape == (1000, 1280)
    names = timm.data.ImageNetInfo()
    features = torch.from_numpy(lite0.embed_all(photos[1:4]))
    top = [names.index_to_description(int(i)) for i in (features @ weight.T + bias).argmax(1)]
    assert top == ["espresso", "Egyptian cat", "missile"]


def test_lite0_neighbors_are_views_of_the_same_photograph(photos):
    encoder = get_encoder("efficientnet_lite0")
    halves = [p.crop((0, 0, int(p.width * s), int(p.height * s))) for p in photos[:4] for s in (0.8, 1)]
    vectors = encoder.embed_all(halves)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similar = vectors @ vectors.T - 2 * np.eye(8)
    assert (similar.argmax(1) == np.arange(8) ^ 1).all()


def test_16_bit_vectors_agree_with_float32(lite0, photos):
    low = get_encoder("efficientnet_lite0", {**EXACT, "precision": "bfloat16"})
    a, b = lite0.embed_all(photos), low.embed_all(photos)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.mean() >= 0.999
    assert low.identity["precision"] == "bfloat16"
    assert same_encoder(low.identity, lite0.identity)


def test_identity_is_stable_and_tells_weights_and_preprocessing_apart(lite0):
    import json

    identity = lite0.identity
    assert json.loads(json.dumps(identity)) == identity
    assert identity["digest"].startswith("da8957c591da38e0")
    assert identity["dimension"] == 1280
    smaller = {**identity, "preprocessing": {**identity["preprocessing"], "size": [128, 128]}}
    assert not same_encoder(identity, smaller)
    assert not same_encoder(identity, {**identity, "digest": "0"})
    assert not same_encoder(identity, {**identity, "normalize": True})
    assert not same_encoder(identity, None)
    assert same_encoder(identity, {**identity, "libraries": {}, "weights": "/elsewhere/copy.pt"})


def test_digest_sees_every_tensor():
    import torch

    state = {"a": torch.ones(2), "b": torch.tensor(3)}
    assert digest(state) != digest({**state, "b": torch.tensor(4)})
    assert digest(state) != digest({"a": torch.ones(2, 1), "b": torch.tensor(3)})
    assert digest(state) == digest({"renamed": torch.tensor(3), "a": torch.ones(2)})


def test_adding_an_encoder_is_adding_a_file(monkeypatch, tmp_path):
    (tmp_path / "house.py").write_text(
        "from fiftyone.plugins.orgs.constellation.clusters.models.encoders.base import Encoder\n"
        "class House(Encoder):\n    name = 'house'\n    argument = 'run'\n"
        "    def __init__(self, run: str = ''):\n        super().__init__()\n        self.run = run\n"
    )
    monkeypatch.setattr(encoders, "__path__", [*encoders.__path__, str(tmp_path)])
    encoders._encoders.cache_clear()
    try:
        assert "house" in list_encoders()
        assert get_encoder("house:simclr_1").run == "simclr_1"
    finally:
        encoders._encoders.cache_clear()
