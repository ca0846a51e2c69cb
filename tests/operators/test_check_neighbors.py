"""``check_neighbors``: the neighbors that deep methods will learn from, shown and compared with classes."""

import json

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.neighbor_purity import neighbor_arguments
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.neighbor_purity import neighbors_text

from .conftest import get, group_vectors
from .inputs.test_forms import context, draw, flat


@pytest.fixture
def check():
    return get("check_neighbors")


def test_each_image_is_followed_by_its_neighbors(blobs, check):
    found = check(blobs, sample_size=2, n_neighbors=4, ground_truth="ground_truth")
    shown = [key for entry in found["neighbors"] for key in (entry["id"], *entry["neighbors"])]
    assert found["view"].values("id") == shown and len(set(shown)) == 10
    vectors = dict(zip(blobs.values("id"), l2_normalize(np.stack(blobs.values("emb"))), strict=True))
    for entry in found["neighbors"]:
        assert entry["similarity"] == sorted(entry["similarity"], reverse=True)
        away = {
            key: float(np.linalg.norm(vectors[key] - vectors[entry["id"]])) for key in vectors if key != entry["id"]
        }
        assert len(set(entry["neighbors"]) & set(sorted(away, key=away.get)[:8])) == 4
    assert "view" in found and json.dumps({key: value for key, value in found.items() if key != "view"})


def test_they_are_those_the_deep_methods_learn_from(blobs, check, monkeypatch):
    learned = {}
    cls = get_clusterer("scan")
    train = cls._train

    def spying(self, task, *args):
        learned["neighbors"] = task.neighbors.numpy()
        return train(self, task, *args)

    monkeypatch.setattr(cls, "_train", spying)
    params = {"n_clusters": 3, "n_neighbors": 6, "steps": 2, "heads": 1}
    get("compute_clusters")(blobs, method="scan", params=params, visualize=False, seed=7)
    ids = blobs.values("id")
    found = check(blobs, ids=ids[:9], n_neighbors=6, seed=7)
    rows = [[ids.index(key) for key in entry["neighbors"]] for entry in found["neighbors"]]
    np.testing.assert_array_equal(rows, learned["neighbors"][:9])


def test_agreement_with_classes_as_loops(blobs, check):
    ids, labels = blobs.values("id"), blobs.values("ground_truth.label")
    mixed = [fo.Classification(label="abc"[i % 2] if i % 5 else labels[i]) for i in range(60)]
    mixed[4] = mixed[11] = None
    blobs.set_values("ground_truth", mixed)
    found = check(blobs, ids=ids, sample_size=1, n_neighbors=5, ground_truth="ground_truth")
    truth = {key: label.label if label else None for key, label in zip(ids, mixed, strict=True)}
    shares = []
    for entry in found["neighbors"]:
        known = [truth[key] for key in entry["neighbors"] if truth[key] is not None]
        if truth[entry["id"]] is None or not known:
            assert entry["agreement"] is None
            continue
        shares.append(sum(label == truth[entry["id"]] for label in known) / len(known))
        assert entry["agreement"] == pytest.approx(shares[-1], abs=1e-4)
    assert found["agreement"] == pytest.approx(np.mean(shares), abs=1e-3)
    assert set(found["agreement_at"]) == {"1", "5"} and found["agreement_at"]["5"] == found["agreement"]
    names = [label.label for label in mixed if label]
    pairs = [a == b for i, a in enumerate(names) for j, b in enumerate(names) if i != j]
    assert found["chance"] == pytest.approx(np.mean(pairs))


def test_true_groups_agree_and_the_text_says_so(blobs, check):
    found = check(blobs, ground_truth="ground_truth", n_neighbors=15)
    text = neighbors_text(found)
    assert found["agreement"] == 1 and "**100 % of neighbors are of one class**, of 3 classes; 32 %" in text
    assert "1: 1.00, 5: 1.00, 10: 1.00, 15: 1.00" in text
    plain = neighbors_text(check(blobs))
    assert "class" not in plain and "5 images, each followed by its 20 nearest in `emb`" in plain


def test_the_seed_draws_and_ids_choose(blobs, check):
    drawn = [[entry["id"] for entry in check(blobs, seed=seed, sample_size=3)["neighbors"]] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    chosen = blobs.values("id")[10:12]
    assert [entry["id"] for entry in check(blobs, ids=chosen)["neighbors"]] == chosen
    assert len(check(blobs, sample_size=60, n_neighbors=59)["neighbors"]) == 60


def test_patches_and_views_of_patches(patches, check):
    for samples, given in ((patches, {"patches_field": "things"}), (patches.to_patches("things"), {})):
        found = check(samples, embeddings="emb", sample_size=2, n_neighbors=3, ground_truth="things", **given)
        shown = [key for entry in found["neighbors"] for key in (entry["id"], *entry["neighbors"])]
        assert found["view"]._is_patches and found["view"].values("id") == shown
        assert found["unit"] == "patches" and found["agreement"] == 1
        assert set(shown) <= set(patches.values("things.detections.id", unwind=True))


def test_images_without_a_vector_are_counted_and_never_shown(blobs, check):
    ids = blobs.values("id")
    blobs.set_values("emb", {ids[0]: None, ids[1]: np.zeros(32)}, key_field="id")
    found = check(blobs, sample_size=20)
    assert found["skipped"] == {"no vector": 1, "zero vector": 1} and found["n_used"] == 58
    assert not {ids[0], ids[1]} & set(found["view"].values("id"))
    with pytest.raises(ValueError, match="is not among the 58 with a usable vector"):
        check(blobs, ids=[ids[0]])


def test_more_neighbors_than_there_are(dataset, check):
    X, _ = group_vectors(4)
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(X)])
    found = check(dataset)
    assert found["n_neighbors"] == 3 and len(found["neighbors"]) == 4 and len(found["view"]) == 4
    with pytest.raises(ValueError, match="has 1 usable vectors, at least 2 are needed"):
        check(dataset.limit(1))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"embeddings": "filepath"}, "'filepath' is a StringField and holds no vectors; the vector fields are emb"),
        ({"sample_size": 0}, "sample_size=0"),
        ({"n_neighbors": 501}, "n_neighbors=501"),
        ({"ground_truth": "emb"}, "ground-truth field 'emb'"),
        ({"ids": "abc"}, "ids='abc'"),
    ],
)
def test_refusals(blobs, check, given, words):
    with pytest.raises(ValueError, match=words):
        check(blobs, **given)


def test_no_vectors_at_all(dataset, check):
    dataset.add_sample(fo.Sample(filepath="/n/1.png"))
    with pytest.raises(ValueError, match="there is no vector field; compute one with compute_embeddings"):
        check(dataset)
    assert flat(draw(dataset, "check_neighbors"))["problem"]["invalid"]


def test_the_form(blobs):
    form = flat(draw(blobs, "check_neighbors"))
    assert {"embeddings", "sample_size", "n_neighbors", "seed", "ground_truth"} <= set(form)
    assert not any(prop.get("invalid") for prop in form.values())
    entered = dict(embeddings="emb", sample_size=3, ground_truth="none", unit="whole images", seed=0)
    _, kwargs = neighbor_arguments(context(blobs, "check_neighbors", **entered))
    assert kwargs == {"embeddings": "emb", "sample_size": 3, "seed": 0}
