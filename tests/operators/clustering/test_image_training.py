"""Clusters by training on images through ``compute_clusters``: the run, the store, the form, stops, refusals."""

import subprocess
import sys

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.models import placement
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import networks
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
from fiftyone.plugins.orgs.constellation.clusters.models.training import store
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering.trained import TrainedClusterer
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import Stopped
from PIL import Image

from ..conftest import get
from ..handles import read_arrays

QUICK = {
    "n_clusters": 2,
    "epochs": 2,
    "pretrain_epochs": 1,
    "batch_size": 16,
    "image_size": 12,
    "precision": "float32",
    "device": "cpu",
}
SCAN = {**QUICK, "self_label_epochs": 1, "heads": 1, "first_clusters": "kmeans", "flip": "none", "color": 0.0}
IDEC = {**QUICK, "code": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """40 images of 12 x 12 pixels, dark or bright."""
    where, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for i in range(40):
        image = rng.integers(0, 60, (12, 12, 3)) + 150 * (i % 2)
        Image.fromarray(image.astype(np.uint8)).save(where / f"{i:02d}.png")
    return where


@pytest.fixture
def images(folder, dataset, monkeypatch, tmp_path):
    """Those images in a dataset, and a model store of the test's own."""
    monkeypatch.setenv("CONSTELLATION_MODEL_DIR", str(tmp_path / "models"))
    dataset.add_samples(
        [
            fo.Sample(filepath=str(folder / f"{i:02d}.png"), ground_truth=fo.Classification(label="ab"[i % 2]))
            for i in range(40)
        ],
        progress=False,
    )
    return dataset


@pytest.fixture
def learn(images):
    """``compute_clusters`` with a tiny IDEC on images."""

    def call(samples=images, **kwargs):
        defaults = {"method": "idec", "train": "images", "name": "mine", "run_key": "a", "params": IDEC}
        return get("compute_clusters")(samples, **{"visualize": False, **defaults, **kwargs})

    return call


def test_a_run_keeps_the_training_and_places_new_images(images, learn):
    seen = []
    summary = learn(ground_truth="ground_truth", progress=lambda f, m: seen.append(m))
    assert summary["n_used"] == 40 and summary["scores"]["acc"] > 0.9
    for stage in ("1/", "2/"):
        assert any(m.startswith(stage) for m in seen)
    assert any("training epoch 3/3, loss" in m for m in seen)
    config = images.get_run_info("a").config
    assert config.encoder["name"] == "trained:mine" and config.embeddings == "trained_mine"
    assert [stage["stage"] for stage in config.training["stages"]] == ["autoencoder", "idec"]
    assert config.training["name"] == "mine" and config.training["stages"][1]["scores"]["acc"] > 0.9
    assert len({len(column) for column in config.history.values()}) == 1 and {"step", "loss", "used"} < set(
        config.history
    )
    vectors = get_encoder("trained:mine").embed_all([np.asarray(Image.open(f)) for f in images.values("filepath")])
    found, confidence = placement.place(config.placement, read_arrays(images, "a"), vectors)
    assert found.tolist() == images.values("a.cluster")
    np.testing.assert_allclose(confidence, images.values("a.confidence"), atol=1e-3)


def test_scan_from_a_trained_encoder(images, learn):
    simclr = {"batch_size": 16, "image_size": 12, "hidden": 16, "projection": 8, "device": "cpu", "flip": "none"}
    get("train_encoder")(images, name="base", kind="simclr", epochs=1, params=simclr)
    with pytest.raises(ValueError, match="pretrain_epochs.*have no use with encoder='trained:base'"):
        learn(method="scan", params=SCAN, encoder="trained:base")
    params = {key: value for key, value in SCAN.items() if key not in ("pretrain_epochs", "image_size")}
    summary = learn(method="scan", params=params, encoder="trained:base", ground_truth="ground_truth")
    config = images.get_run_info("a").config
    assert [stage["stage"] for stage in config.training["stages"]] == ["scan", "self-label"]
    assert config.training["start"] == "base" and config.training["before"]["acc"] > 0
    assert config.placement["kind"] == "head" and config.normalize
    assert summary["n_clusters"] == len(set(images.values("a.cluster")))
    assert store.record_of("mine")["start"]["name"] == "base"


def test_self_labelling_starts_from_a_scan_that_was_kept(images, learn):
    base = {**SCAN, "self_label_epochs": 0}
    learn(method="scan", params=base, name="first", run_key="first", ground_truth="ground_truth")
    kept = {key: value for key, value in SCAN.items() if key not in ("pretrain_epochs", "image_size")}
    params = {**kept, "epochs": 0}
    learn(method="scan", params=params, encoder="trained:first", ground_truth="ground_truth")
    config = images.get_run_info("a").config
    assert [stage["stage"] for stage in config.training["stages"]] == ["self-label"]
    assert (
        config.training["inherited"]["acc"]
        == images.get_run_info("first").config.training["stages"][-1]["scores"]["acc"]
    )
    entered = {"method": "scan", "train": "images", "start": "trained:first", "images_scan": params}
    assert "method_problem" not in form_of(images, entered)
    entered = {**entered, "start": "nothing"}
    assert "epochs=0 has no clusters to refine" in str(form_of(images, entered)["method_problem"])


def test_the_same_call_continues_after_a_stop(images, learn):
    def stop(fraction, message):
        if "epoch 3/3" in message:
            raise Stopped("compute_clusters a was stopped as you asked")

    with pytest.raises(Stopped, match="2 of 3 epochs are kept; the same call with name='mine' continues"):
        learn(progress=stop)
    assert images.list_runs() == [] and "a" not in images.get_field_schema()
    seen = []
    learn(progress=lambda f, m: seen.append(m))
    assert not any("epoch 2/3" in m for m in seen) and any("epoch 3/3" in m for m in seen)
    stopped = [entry["loss"] for entry in store.record_of("mine")["curve"]]
    learn(name="whole", run_key="b")
    np.testing.assert_allclose(stopped, [entry["loss"] for entry in store.record_of("whole")["curve"]], atol=1e-4)
    assert images.values("a.cluster") == images.values("b.cluster")
    learn(run_key="c")
    assert images.values("c.cluster") == images.values("a.cluster")


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"method": "kmeans", "params": None}, "method 'kmeans' does not train on images; choose scan"),
        ({"params": {**IDEC, "n_clusters": 41, "batch_size": 40}}, "n_clusters=41"),
        ({"params": {"steps": 3}}, "no parameter 'steps'"),
        ({"encoder": "clip"}, "cannot start from encoder='clip'"),
        ({"encoder": "trained:nothing"}, "no trained encoder 'nothing'"),
        ({"reduce": "umap"}, "reduce='umap' has no use"),
        ({"normalize": True}, "normalize=True has no use"),
        ({"train": "pixels"}, "train='pixels' is not valid"),
        ({"train": "embeddings"}, "name='mine' has no use with train='embeddings'"),
        ({"name": "../x"}, "is not valid"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(images, learn, kwargs, words):
    with pytest.raises(ValueError, match=words) as error:
        learn(**kwargs)
    assert "\n" not in str(error.value)
    assert store.names(unfinished=True) == [] and images.list_runs() == []


def test_a_name_stands_for_one_training(images, learn):
    learn()
    for kwargs, words in (
        ({"seed": 3}, "seed=3, but the training 'mine' was started with 51"),
        ({"params": {**IDEC, "gamma": 0.5}}, "gamma=0.5, but the training 'mine' was started with 0.1"),
        ({"method": "dec", "params": {k: v for k, v in IDEC.items() if k != "gamma"}}, "of kind 'idec'"),
    ):
        with pytest.raises(ValueError, match=words):
            learn(run_key="b", **kwargs)
    with pytest.raises(ValueError, match="differ from the 40"):
        learn(images.limit(30), run_key="b")
    with pytest.raises(ValueError, match="repeat the call of compute_clusters with train='images'"):
        get("train_encoder")(images, name="mine", resume=True, epochs=9)
    get("delete_encoder")("mine")
    with pytest.raises(ValueError, match="'trained_mine' holds vectors of another encoder"):
        learn(run_key="b")
    assert learn(run_key="b", embeddings="emb2")["n_used"] == 40


def form_of(dataset, params):
    operator = get("compute_clusters")
    ctx = foo.ExecutionContext({"dataset_name": dataset.name, "params": params}, operator_uri=operator.uri)
    return operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"]


def test_the_form_offers_images_where_a_method_can(images, learn):
    assert "train" not in form_of(images, {"method": "kmeans"})
    vectors = form_of(images, {"method": "scan"})
    assert "train" in vectors and "method_scan" in vectors and "start" not in vectors
    form = form_of(images, {"method": "scan", "train": "images", "images_scan": {"batch_size": 16, "n_clusters": 2}})
    assert {"start", "name", "images_scan", "estimate"} <= set(form)
    assert "where embeddings of known encoders do not separate the classes" in str(form["train"]["view"])
    assert not {"source", "encoder", "reduce", "method_scan"} & set(form)
    assert not [key for key, prop in form.items() if prop.get("invalid")]
    few = form_of(images, {"method": "scan", "train": "images"})
    assert "batch_size=256 exceeds the 40" in str(few["method_problem"])
    learn()
    taken = form_of(images, {"method": "idec", "train": "images", "name": "mine", "images_idec": {"batch_size": 16}})
    assert not taken["name"].get("invalid"), "the same name continues"


def test_the_form_s_entries_are_a_call(images):
    from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.clustering import arguments

    operator = get("compute_clusters")
    entered = {
        "method": "idec",
        "train": "images",
        "start": "nothing",
        "name": "x",
        "source": "compute new vectors",
        "encoder": "clip",
        "reduce": "none",
        "images_idec": {"n_clusters": 3.0, "code": 4},
        "method_idec": {"steps": 5},
    }
    ctx = foo.ExecutionContext({"dataset_name": images.name, "params": entered}, operator_uri=operator.uri)
    kwargs = arguments(ctx)[1]
    assert kwargs == {"method": "idec", "train": "images", "name": "x", "params": {"n_clusters": 3, "code": 4}}
    ctx = foo.ExecutionContext({"dataset_name": images.name, "params": {**entered, "method": "kmeans"}}, operator.uri)
    assert not {"train", "name"} & set(arguments(ctx)[1])


def test_delegated(images, learn):
    from bson import ObjectId

    with pytest.raises(ValueError, match="no trained encoder"):
        learn(delegate=True, encoder="trained:nothing")
    queued = learn(delegate=True)
    service = DelegatedOperationService()
    service.execute_queued_operations(limit=1, log=False)
    done = service.get(ObjectId(queued["id"]))
    assert done.run_state == "completed", done.result.error
    images.reload()
    assert images.list_runs() == ["a"] and store.record_of("mine")["epoch"] == 3


def test_patches_are_learned_from_too(images, learn):
    for sample in images.iter_samples(autosave=True):
        boxes = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]
        sample["things"] = fo.Detections(detections=[fo.Detection(label="x", bounding_box=box) for box in boxes])
    summary = learn(patches_field="things", params={**IDEC, "epochs": 1})
    assert summary["n_used"] == 80 and summary["unit"] == "patches"
    assert all(label is not None for label in images.values("things.detections.a", unwind=True))


def test_opening_the_form_loads_no_torch(images):
    code = f"""
import sys
import fiftyone as fo, fiftyone.operators as foo
op = foo.get_operator("@constellation/clusters/compute_clusters")
for method in ("scan", "idec"):
    params = {{"method": method, "train": "images"}}
    ctx = foo.ExecutionContext({{"dataset_name": {images.name!r}, "params": params}}, operator_uri=op.uri)
    op.resolve_type(ctx, "inputs").to_json()
print("torch" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr[-2000:]


def test_copies_get_one_cluster_of_a_learned_head_and_empty_ones_go(monkeypatch):
    exact = networks.most_likely

    def rounded(X, spec, arrays):
        labels, confidence = exact(X, spec, arrays)
        if len(arrays["bias_0"]) == 4:  # the last two centers are one
            labels = np.where((labels == 2) & (np.arange(len(X)) % 5 == 4), 3, labels)
        return labels, confidence * np.linspace(0.99, 1, len(X), dtype=np.float32)

    monkeypatch.setattr(networks, "most_likely", rounded)
    which = np.random.default_rng(0).permutation(np.arange(90) % 3)
    weight = 9 * np.eye(3)[:, [0, 1, 2, 2]]
    record = {"name": "m", "memory": {}, "curve": [], "seconds": 1.0, "params": {"n_clusters": 4}}
    model = TrainedClusterer("scan", record, networks.to_arrays([(weight, np.zeros(4))]))
    with pytest.warns(UserWarning, match="scan found 3 clusters, fewer than n_clusters=4; ask for fewer, or train"):
        model.fit(np.eye(3, dtype=np.float32)[which])
    assert model.labels_.tolist() == which.tolist() and model.arrays_["bias_0"].shape == (3,)
    assert all(len(set(model.confidence_[which == i])) == 1 for i in range(3)) and model.confidence_.min() > 0.95
