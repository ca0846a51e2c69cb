"""Names without a server: labels of a field, the bundled classifier, and words by CLIP."""

import json
import socket

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

from ..conftest import get
from ..handles import clusters_of, read_members, read_result, rename_clusters

SMALL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
STATED = {
    "preprocess_cfg": {
        "mean": [0.48, 0.45, 0.40],
        "std": [0.26, 0.26, 0.27],
        "interpolation": "bicubic",
        "resize_mode": "squash",
    }
}


@pytest.fixture
def photos(dataset, tmp_path, compute):
    """Crops of a cat and of a rocket, in a run of two clusters."""
    from skimage import data

    for c, picture in enumerate((data.chelsea(), data.rocket())):
        for i in range(4):
            path = tmp_path / f"{c}_{i}.png"
            Image.fromarray(picture[4 * i : 280 + 4 * i, 60 + 8 * i : 400 + 8 * i]).save(path)
            dataset.add_sample(
                fo.Sample(filepath=str(path), emb=5 * np.eye(2)[c] + 0.01 * i, what=["cat", "rocket"][c])
            )
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 2}, normalize=False)
    return dataset


@pytest.fixture
def no_network(monkeypatch):
    def refuse(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "localhost", "::1"):
            raise AssertionError(f"somebody wants to talk to {address}")
        return connect(self, address)

    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", refuse)


def by_truth(dataset, done):
    """The name of the cluster that holds each kind of photo."""
    pairs = set(zip(*dataset.values(["what", "km.cluster"]), strict=True))
    return {what: done["names"].get(cluster) for what, cluster in pairs}


def test_labels_name_all_ten_digits(dataset, compute):
    from sklearn.datasets import load_digits

    digits = load_digits()
    dataset.add_samples(
        [
            fo.Sample(filepath=f"/nowhere/{i}.png", emb=x, ground_truth=fo.Classification(label=f"digit {y}"))
            for i, (x, y) in enumerate(zip(digits.data[:900], digits.target, strict=False))
        ],
        progress=False,
    )
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 10}, reduce="umap")
    done = get("label_clusters")(dataset, run_key="km", source="field", label_field="ground_truth")
    print(done["names"])
    labels = {}
    for cluster, label in zip(*dataset.values(["km.cluster", "ground_truth.label"]), strict=True):
        labels.setdefault(cluster, []).append(label)
    majority = {cluster: max(set(found), key=found.count) for cluster, found in labels.items()}
    assert done["names"] == majority and set(majority.values()) == {f"digit {i}" for i in range(10)}
    about = read_result(dataset, "km", "names")["0"]
    assert about["words"][0][0] == about["name"] and about["coherent"] == (about["confidence"] >= 0.5)
    assert dataset.count_values("km.label").keys() == set(majority.values())


def test_mixed_clusters_and_unlabeled_members(dataset, compute):
    rng = np.random.default_rng(0)
    for i in range(30):
        label = ["a", None, f"x{i}"][i % 3]  # one pure cluster, one without labels, one of ten classes
        kind = fo.Classification(label=label) if label else None
        dataset.add_sample(
            fo.Sample(filepath=f"/{i}.png", emb=9 * np.eye(3)[i % 3] + 0.1 * rng.normal(size=3), kind=kind)
        )
    compute(dataset, run_key="km", embeddings="emb")
    done = get("label_clusters")(dataset, run_key="km", source="field", label_field="kind")
    assert done["named"] == 2 and done["mixed"] == 1 and done["failures"] == {"no label in the field": 1}
    assert done["text"] == "2 of 3 named, 1 needs a name from elsewhere: no label in the field (1)"
    with pytest.raises(ValueError, match="ground-truth field 'nope' is missing"):
        get("label_clusters")(dataset, run_key="km", source="field", label_field="nope")


def test_the_bundled_classifier_sees_a_cat_and_a_rocket(photos, no_network):
    done = get("label_clusters")(photos, run_key="km", source="classifier")
    names = by_truth(photos, done)
    print(names, read_result(photos, "km", "names")["0"]["words"])
    assert any(word in names["cat"] for word in ("cat", "lynx", "Egyptian Mau"))
    assert any(word in names["rocket"] for word in ("missile", "rocket", "shuttle"))
    assert done["calls"] == done["images_sent"] == 0 and done["host"] is None
    photos.match({"what": "cat"}).set_values("filepath", ["/nowhere/cat.png"] * 4)
    done = get("label_clusters")(photos, run_key="km", source="classifier", overwrite=True)
    assert done["named"] == 1 and done["failures"] == {"no readable image (missing file)": 1}


def test_weak_evidence_is_no_name(dataset, compute, tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    for i in range(40):
        path = tmp_path / f"{i}.png"
        Image.fromarray((digits.images[i] * 15).astype("uint8")).resize((64, 64)).save(path)
        dataset.add_sample(fo.Sample(filepath=str(path), emb=np.eye(10)[digits.target[i]] + 0.01 * i))
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 10}, normalize=False)
    before = dataset.values("km.label")
    done = get("label_clusters")(dataset, run_key="km", source="classifier")
    assert done["names"] == {} and done["failures"] == {"no class of ImageNet fits it well": 10}
    assert done["text"].startswith("0 of 10 named") and dataset.values("km.label") == before


def test_vectors_of_that_network_are_not_made_again(photos, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.naming import offline

    label, read = get("label_clusters"), offline._embedded
    by_network = label(photos, run_key="km", source="classifier")["names"]
    get("compute_embeddings")(photos, encoder="efficientnet_lite0", embeddings="vec")
    monkeypatch.setattr(offline, "_embedded", lambda *args: pytest.fail("the network ran again"))
    assert label(photos, run_key="km", source="classifier", overwrite=True)["names"] == by_network
    photos.limit(1).clear_sample_field("vec")
    monkeypatch.setattr(offline, "_embedded", read)
    assert label(photos, run_key="km", source="classifier", overwrite=True)["names"] == by_network


def test_words_by_a_clip_with_random_weights(photos, tmp_path, no_network):
    import open_clip
    import torch

    (tmp_path / "constellation-words.json").write_text(json.dumps(SMALL))
    open_clip.add_model_config(tmp_path / "constellation-words.json")
    torch.manual_seed(51)
    torch.save(open_clip.create_model("constellation-words").state_dict(), tmp_path / "weights.pt")
    (tmp_path / "open_clip_config.json").write_text(json.dumps(STATED))
    encoder = f"clip:constellation-words/{tmp_path / 'weights.pt'}"
    words = tmp_path / "words.txt"
    words.write_text("cat\n{0} rocket\ndog, or <b>wolf</b>\n\n")
    label = get("label_clusters")
    done = label(photos, run_key="km", source="vocabulary", vocabulary=str(words), encoder=encoder)
    known = {"cat", "0 rocket", "dog, or wolf"}
    assert done["named"] == 2 and len(set(done["names"].values())) == 2 and set(done["names"].values()) <= known
    assert (
        label(photos, run_key="km", source="vocabulary", vocabulary=str(words), encoder=encoder)["names"]
        == done["names"]
    )
    # the whole of ImageNet where no words are given
    done = label(photos, run_key="km", source="vocabulary", encoder=encoder)
    assert set(done["names"].values()) <= set(open_clip.IMAGENET_CLASSNAMES)
    with pytest.raises(ValueError, match="has no words; choose clip"):
        label(photos, run_key="km", source="vocabulary", encoder="efficientnet_lite0")


def test_a_clips_own_vectors_are_used_again(photos, tmp_path, compute, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.naming import offline as offline_naming

    calls = []
    monkeypatch.setattr(offline_naming, "_embedded", lambda *args: calls.append(args))
    monkeypatch.setattr(offline_naming, "same_vectors", lambda members, encoder: True)
    rows = offline_naming.image_vectors(object(), *_exemplars(photos), lambda f, m="": None)
    assert not calls and rows[0].shape[1] == 2 and sorted(rows) == [0, 1]


def _exemplars(dataset):
    from fiftyone.plugins.orgs.constellation.clusters.operators.naming.exemplars import choose_exemplars

    members = read_members(dataset, "km")
    return members, choose_exemplars(members, 4), [0, 1]


def test_names_by_hand_stay(photos):
    label = get("label_clusters")
    rename_clusters(photos, "km", {0: "mine"})
    done = label(photos, run_key="km", source="field", label_field="what")
    assert done["named"] == 1 and done["unchanged"] == 1 and clusters_of(photos, "km")[0]["label"] == "mine"
    assert label(photos, run_key="km", source="field", label_field="what", overwrite=True)["named"] == 2
    with pytest.raises(ValueError, match="sends nothing; leave it out"):
        label(photos, run_key="km", source="field", label_field="what", dry_run=True)
