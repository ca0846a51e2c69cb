"""Encoders against the libraries they stand on: the vectors must be those of open_clip, timm and the zoo."""

import json
import pickle

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
from fiftyone.plugins.orgs.constellation.clusters.models.encoders.base import same_encoder
from PIL import Image

EXACT = {"precision": "float32", "normalize": False, "device": "cpu"}
STATED = {
    "image_mean": "0.48, 0.45, 0.40",
    "image_std": "0.26,0.26,0.27",
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
SMALL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def photos():
    from skimage import data

    images = [data.astronaut(), data.coffee(), data.chelsea(), data.astronaut()[:100, :400], data.coffee()[:333, :101]]
    return [Image.fromarray(image) for image in images]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small CLIP with random weights: its architecture's name, the model and the path of its checkpoint."""
    import open_clip
    import torch

    folder = tmp_path_factory.mktemp("clip")
    (folder / "constellation-test.json").write_text(json.dumps(SMALL))
    open_clip.add_model_config(folder / "constellation-test.json")
    torch.manual_seed(51)
    model = open_clip.create_model("constellation-test").eval()
    torch.save(model.state_dict(), folder / "weights.pt")
    return "constellation-test", model, folder / "weights.pt"


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_clip_equals_open_clip_image_by_image(small, photos, mode, interpolation):
    import open_clip
    import torch

    architecture, model, path = small
    stated = {**STATED, "resize_mode": mode, "interpolation": interpolation}
    ours = get_encoder(f"clip:{architecture}/{path}", {**stated, **EXACT})
    theirs = open_clip.image_transform(
        64, False, (0.48, 0.45, 0.40), (0.26, 0.26, 0.27), resize_mode=mode, interpolation=interpolation
    )
    for photo in photos:
        with torch.inference_mode():
            expected = model.encode_image(theirs(photo)[None])[0].numpy()
        assert np.abs(ours.embed(photo) - expected).max() < 1e-5


@pytest.mark.slow
def test_clip_equals_open_clip_on_its_default_architecture(photos, tmp_path):
    import open_clip
    import torch

    torch.manual_seed(51)
    model, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32")
    torch.save({"state_dict": model.eval().state_dict()}, tmp_path / "b32.pt")
    clip = {"image_mean": "0.48145466,0.4578275,0.40821073", "image_std": "0.26862954,0.26130258,0.27577711"}
    ours = get_encoder(f"clip:ViT-B-32/{tmp_path / 'b32.pt'}", {**STATED, **clip, **EXACT})
    for photo in photos[:2]:
        with torch.inference_mode():
            expected = model.encode_image(preprocess(photo)[None])[0].numpy()
        assert np.abs(ours.embed(photo) - expected).max() < 1e-5
    assert ours.dimension == 512
    low = get_encoder(f"clip:ViT-B-32/{tmp_path / 'b32.pt'}", {**STATED, **clip, **EXACT, "precision": "bfloat16"})
    a, b = ours.embed_all(photos), low.embed_all(photos)
    assert ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean() >= 0.999


def test_clip_embeds_text_in_the_same_space(small):
    import open_clip
    import torch

    architecture, model, path = small
    ours = get_encoder(f"clip:{architecture}/{path}", {**STATED, **EXACT})
    texts = ["a photo of a cat", "a rocket"]
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer(architecture)(texts)).numpy()
    assert ours.can_embed_prompts
    assert np.abs(ours.embed_prompts(texts) - expected).max() < 1e-5
    assert ours.embed_prompt(texts[0]).shape == (ours.dimension,)


def test_clip_asks_for_the_preprocessing_of_a_local_checkpoint(small):
    architecture, _, path = small
    with pytest.raises(ValueError, match="set image_mean, image_std, interpolation, resize_mode, or put the open_clip"):
        get_encoder(f"clip:{architecture}/{path}").load()
    with pytest.raises(ValueError, match="set resize_mode, or"):
        get_encoder(f"clip:{architecture}/{path}", {**STATED, "resize_mode": None}).load()


def test_clip_reads_the_configuration_beside_a_checkpoint(small, tmp_path, photos):
    architecture, _, path = small
    (tmp_path / "weights.pt").write_bytes(path.read_bytes())
    config = {"mean": [0.48, 0.45, 0.40], "std": [0.26, 0.26, 0.27], "interpolation": "bicubic"}
    config["resize_mode"] = "shortest"
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"preprocess_cfg": config}))
    beside = get_encoder(f"clip:{architecture}/{tmp_path / 'weights.pt'}", EXACT)
    given = get_encoder(f"clip:{architecture}/{path}", {**STATED, **EXACT})
    assert (beside.embed(photos[0]) == given.embed(photos[0])).all()
    assert same_encoder(beside.identity, given.identity)
    assert beside.identity["weights"] != given.identity["weights"]


def test_clip_reads_safetensors(small, tmp_path, photos):
    from safetensors.torch import save_file

    architecture, model, path = small
    save_file({k: v.contiguous().clone() for k, v in model.state_dict().items()}, tmp_path / "w.safetensors")
    a = get_encoder(f"clip:{architecture}/{tmp_path / 'w.safetensors'}", {**STATED, **EXACT})
    b = get_encoder(f"clip:{architecture}/{path}", {**STATED, **EXACT})
    assert (a.embed(photos[0]) == b.embed(photos[0])).all()


class _Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("kind", ["clip", "timm"])
def test_a_checkpoint_never_runs_code(small, tmp_path, kind):
    import torch

    victim, path = tmp_path / "executed", tmp_path / "evil.pt"
    torch.save({"state_dict": _Payload(str(victim))}, path)
    name, params = "timm:resnet18", {"checkpoint": str(path)}
    if kind == "clip":
        name, params = f"clip:{small[0]}/{path}", STATED
    with pytest.raises(ValueError, match="does not load as"):
        get_encoder(name, params).load()
    path.write_bytes(pickle.dumps({"state_dict": _Payload(str(victim))}))
    with pytest.raises(ValueError, match="does not load as"):
        get_encoder(name, params).load()
    assert not victim.exists()


def test_a_checkpoint_of_another_architecture_is_refused(small):
    with pytest.raises(ValueError, match="does not load as RN50"):
        get_encoder(f"clip:RN50/{small[2]}", STATED).load()
    with pytest.raises(ValueError, match="does not load as resnet18"):
        get_encoder("timm:resnet18", {"checkpoint": str(small[2])}).load()


@pytest.mark.parametrize(
    ("model", "image_size"),
    [
        ("test_vit", None),
        ("test_convnext", None),
        ("test_resnet", 96),
        ("test_efficientnet", None),
        ("eva02_tiny_patch14_224", None),
    ],
)
def test_timm_equals_timm(model, image_size, photos, tmp_path):
    import timm
    import torch

    torch.manual_seed(51)
    network = timm.create_model(model, pretrained=False).eval()
    torch.save(network.state_dict(), tmp_path / "w.pt")
    params = {"checkpoint": str(tmp_path / "w.pt"), "image_size": image_size}
    ours = get_encoder(f"timm:{model}", {**params, **EXACT})
    config = timm.data.resolve_model_data_config(network)
    if image_size:
        config["input_size"] = (3, image_size, image_size)
    transform = timm.data.create_transform(**config, is_training=False)
    network.reset_classifier(0)
    for photo in photos:
        with torch.inference_mode():
            expected = network(transform(photo)[None])[0].numpy()
        assert np.abs(ours.embed(photo) - expected).max() < 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("crop", [1.0, 0.875])
@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_preprocessing_equals_timms(mode, crop, size, photos):
    import timm
    import torch
    from fiftyone.plugins.orgs.constellation.clusters.models.encoders.timm_model import _RESIZE_MODES
    from fiftyone.plugins.orgs.constellation.clusters.models.images.preprocessing import Preprocessing

    mean = (0.5, 0.4, 0.3)
    theirs = timm.data.create_transform(
        (3, *size), crop_pct=crop, crop_mode=mode, interpolation="bicubic", mean=mean, std=(1.0, 1.0, 1.0)
    )
    fill = tuple(round(255 * value) for value in mean)
    ours = Preprocessing(size, mean, (1.0, 1.0, 1.0), "bicubic", _RESIZE_MODES[mode], crop, fill)
    for photo in photos:
        expected = theirs(photo) + torch.tensor(mean).view(3, 1, 1)
        assert np.abs(ours(photo) / 255 - expected.numpy()).max() < 1e-6


def test_zoo_model_runs_as_the_zoo_made_it(monkeypatch, photos):
    import fiftyone.zoo as foz
    import torchvision

    model = _zoo_model()
    monkeypatch.setattr(foz, "load_zoo_model", lambda name: model)
    ours = get_encoder("zoo:resnet18-imagenet-torch", {"normalize": False})
    got = ours.embed_all(photos)
    model.preprocess = True
    expected = np.stack([model.embed(np.asarray(photo)).ravel() for photo in photos])
    assert np.abs(got - expected).max() < 1e-5
    assert ours.identity["dimension"] == 512
    assert "Resize" in ours.identity["preprocessing"]["transforms"]
    assert len(ours.identity["digest"]) == 64
    assert isinstance(model._model, torchvision.models.ResNet)


def test_zoo_model_without_embeddings_is_refused(monkeypatch):
    import fiftyone.zoo as foz

    model = _zoo_model(embeddings=False)
    monkeypatch.setattr(foz, "load_zoo_model", lambda name: model)
    with pytest.raises(ValueError, match="makes no embeddings of images"):
        get_encoder("zoo:yolo").load()


def _zoo_model(embeddings=True):
    """Torchvision's ResNet-18 as the zoo makes it, with random weights."""
    import fiftyone.utils.torch as fout

    config = {
        "entrypoint_fcn": "torchvision.models.resnet18",
        "entrypoint_args": {"weights": None},
        "image_size": [64, 64],
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "embeddings_layer": "avgpool" if embeddings else None,
        "device": "cpu",
    }
    return fout.TorchImageModel(fout.TorchImageModelConfig(config))
