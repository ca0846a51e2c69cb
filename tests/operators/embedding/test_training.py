"""Training through the operators: the call, the store, the drop-downs, stops from other processes, delegation."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder, list_encoders
from fiftyone.plugins.orgs.constellation.clusters.models.training import store
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import (
    CHECK_SECONDS,
    Stopped,
    running,
    stoppable,
)
from PIL import Image

from ..conftest import get

TINY = {"batch_size": 16, "layers": "32", "code": 4, "learning_rate": 0.003, "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """40 images of 12 x 12 pixels, dark or bright, and one that is no image."""
    where, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for i in range(40):
        image = rng.integers(0, 60, (12, 12, 3)) + 150 * (i % 2)
        Image.fromarray(image.astype(np.uint8)).save(where / f"{i:02d}.png")
    (where / "broken.png").write_bytes(b"no image")
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
def train(images):
    """The ``train_encoder`` operator with a tiny autoencoder."""

    def call(samples=images, **kwargs):
        defaults = {"name": "mine", "kind": "autoencoder", "epochs": 2, "params": TINY}
        return get("train_encoder")(samples, **{**defaults, **kwargs})

    return call


def test_train_then_cluster_with_what_was_trained(images, folder, train):
    images.add_sample(fo.Sample(filepath=str(folder / "broken.png")))
    seen = []
    summary = train(ground_truth="ground_truth", progress=lambda f, m: seen.append((f, m)))
    assert summary["encoder"] == "trained:mine" and summary["epochs"] == 2 and len(summary["loss"]) == 2
    assert summary["images"] == 40 and summary["skipped"] == {"unreadable image": 1}
    assert 0 <= summary["agreement"] <= 1 and 0 <= summary["knn_accuracy"] <= 1 and summary["trivial_loss"] > 0
    assert any(m.startswith("1/2 reading") for _, m in seen)
    assert any("epoch 2/2, loss" in m and "images/s" in m and "left" in m for _, m in seen)
    assert Path(summary["path"]).is_file() and Path(summary["picture"]).is_file()
    assert list_encoders()[-1] == "trained:mine"
    run = get("compute_clusters")(
        images, run_key="a", encoder="trained:mine", params={"n_clusters": 2}, visualize=False
    )
    assert run["n_used"] == 40 and len(images.exists("trained_mine")) == 40
    assert images.get_run_info("a").config.encoder["name"] == "trained:mine"


def test_the_trained_encoder_is_a_fiftyone_model(images, train):
    train()
    encoder = get_encoder("trained:mine", {"normalize": False})
    images.compute_embeddings(encoder, embeddings_field="emb", batch_size=8)
    again = encoder.embed(np.asarray(Image.open(images.first().filepath)))
    assert again.shape == (4,) and np.abs(images.first().emb - again).max() < 1e-3
    assert encoder.identity["dimension"] == 4 and len(encoder.identity["digest"]) == 64
    with pytest.raises(ValueError, match="no trained encoder 'mime'; did you mean 'mine'"):
        get_encoder("trained:mime")


def test_vectors_of_a_retrained_encoder_are_not_mixed(images, train):
    train()
    get("compute_embeddings")(images.limit(20), encoder="trained:mine", embeddings="emb")
    get("delete_encoder")("mine")
    train(seed=1)
    with pytest.raises(ValueError, match="choose a new field name"):
        get("compute_embeddings")(images, encoder="trained:mine", embeddings="emb")


def test_a_name_that_exists_is_refused_before_any_work(train):
    train()
    with pytest.raises(ValueError, match="'mine' exists .autoencoder, 2 of 2 epochs.*resume=True"):
        train()
    for name in ("../mine", "", "a b", "x" * 65, ".hidden"):
        with pytest.raises(ValueError, match="is not valid"):
            train(name=name)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"params": {"batch_size": 41}}, "batch_size=41 exceeds the 40 readable images"),
        ({"kind": "simclr", "params": {"image_size": 8, "batch_size": 16, "backbone": "resnet18"}}, None),
        ({"kind": "gan", "params": None}, "no kind of training 'gan'"),
        ({"epochs": 0}, "epochs=0"),
        ({"seed": -1}, "seed -1"),
        ({"ground_truth": "nothing"}, "ground-truth field 'nothing'"),
        ({"params": {"code": 0}}, "code=0"),
        ({"resume": True, "params": None}, "no trained encoder 'mine'"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(train, kwargs, words):
    if words is None:
        assert train(**{**kwargs, "epochs": 1})["image_size"] == 8
        return
    with pytest.raises(ValueError, match=words) as error:
        train(**kwargs)
    assert "\n" not in str(error.value) and store.names(unfinished=True) == []


def test_resume_keeps_the_settings_and_may_add_epochs(train):
    first = train(seed=3)
    more = train(kind=None, params=None, epochs=3, resume=True)
    assert more["epochs"] == 3 and more["loss"][:2] == first["loss"] and more["seed"] == 3
    for kwargs, words in (
        ({"params": {"code": 5}, "epochs": None}, "code=5, but 'mine' was started with 4"),
        ({"kind": "simclr", "params": None}, "'mine' is of kind 'autoencoder'"),
        ({"epochs": 1}, "was started for 3"),
    ):
        with pytest.raises(ValueError, match=words):
            train(resume=True, **kwargs)


def test_export_delete_import(train, tmp_path, images):
    train()
    vector = get_encoder("trained:mine").embed(np.zeros((12, 12, 3), np.uint8))
    done = get("export_encoder")("mine", str(tmp_path))
    assert (
        done["path"] == str(tmp_path / "mine.safetensors")
        and done["bytes"] < Path(store.path_of("mine")).stat().st_size
    )
    with pytest.raises(ValueError, match="exists"):
        get("export_encoder")("mine", str(tmp_path))
    with pytest.raises(ValueError, match="exists"):
        get("import_encoder")(done["path"])
    get("delete_encoder")("mine")
    assert get("list_encoders")() == [] and not store.path_of("mine").parent.exists()
    assert get("import_encoder")(done["path"])["name"] == "mine"
    assert get("import_encoder")(done["path"], "other")["dimension"] == 4
    assert [entry["name"] for entry in get("list_encoders")()] == ["mine", "other"]
    assert np.array_equal(get_encoder("trained:other").embed(np.zeros((12, 12, 3), np.uint8)), vector)
    with pytest.raises(ValueError, match="without the state that training needs"):
        train(name="other", params=None, kind=None, epochs=3, resume=True)


def test_files_that_are_no_encoder_are_not_imported(train, tmp_path):
    train()
    whole = store.path_of("mine").read_bytes()
    for data, words in (
        (whole[:-7], "truncated"),
        (b"\x80\x04N.", "truncated"),
        (whole.replace(b"code", b"c0de"), "incomplete|another|code"),
    ):
        (tmp_path / "x.safetensors").write_bytes(data)
        with pytest.raises(ValueError, match=words) as error:
            get("import_encoder")(str(tmp_path / "x.safetensors"), "x")
        assert "\n" not in str(error.value)
    assert store.names(unfinished=True) == ["mine"]


def test_a_damaged_encoder_is_listed_but_not_offered(train):
    train()
    store.path_of("mine").write_bytes(b"\0" * 100)
    assert "damaged" in get("list_encoders")()[0]["problem"] and "trained:mine" not in list_encoders()
    with pytest.raises(ValueError, match="damaged"):
        get_encoder("trained:mine")
    assert get("delete_encoder")("mine")["bytes"] > 0


def test_patches_are_trained_on_too(images, train):
    for sample in images.iter_samples(autosave=True):
        boxes = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]
        sample["things"] = fo.Detections(detections=[fo.Detection(label="x", bounding_box=box) for box in boxes])
    assert train(patches_field="things", epochs=1)["images"] == 80
    assert train(images.to_patches("things").limit(30), name="some", epochs=1)["images"] == 30


def test_stop_from_another_thread_keeps_the_finished_epochs(images, train):
    outcome = {}
    reached = threading.Event()

    def slow(fraction, message):
        time.sleep(0.05)
        if "epoch 2" in message:
            reached.set()

    def work():
        try:
            train(epochs=10_000, progress=slow)
        except Stopped as stop:
            outcome["stop"] = stop

    thread = threading.Thread(target=work)
    thread.start()
    assert reached.wait(120)
    (job,) = running(images)
    assert job["what"] == "train_encoder mine"
    assert get("stop_clustering")(images)["stopped"] == [job]
    thread.join(120)
    assert "epochs are kept; resume=True continues" in str(outcome["stop"]) and "\n" not in str(outcome["stop"])
    assert running(images) == [] and store.record_of("mine")["epoch"] >= 1


def test_stop_reaches_another_process(images):
    code = """
import sys, time
import fiftyone as fo, fiftyone.operators as foo
foo.get_operator("@constellation/clusters/stop_clustering")
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import Stopped, stoppable
try:
    with stoppable(fo.load_dataset(NAME), "a job") as progress:
        print("started", flush=True)
        for i in range(600):
            progress(i / 600)
            time.sleep(0.1)
except Stopped as stop:
    print(stop, flush=True)
""".replace("NAME", repr(images.name))
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "started"
    with pytest.raises(ValueError, match="no job 'nobody' is running"):
        get("stop_clustering")(images, "nobody")
    assert len(get("stop_clustering")(images)["stopped"]) == 1
    assert process.stdout.readline().strip() == "a job was stopped as you asked"  # or nothing, after all its steps
    assert process.wait(60) == 0 and get("stop_clustering")(images) == {"stopped": []}


def test_a_killed_job_is_forgotten_and_flags_do_not_outlive_their_job(images):
    code = f"""
import os, fiftyone as fo, fiftyone.operators as foo
foo.get_operator("@constellation/clusters/stop_clustering")
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import stoppable
with stoppable(fo.load_dataset({images.name!r}), "a job"):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code]).returncode == -signal.SIGKILL
    assert running(images) == []
    with pytest.raises(Stopped), stoppable(images, "first") as progress:
        get("stop_clustering")(images)
        progress(0.1)
    with stoppable(images, "second") as progress:
        progress(0.1)


def test_compute_clusters_can_be_stopped(blobs):
    started, asked = threading.Event(), threading.Event()

    def slow(fraction, message=""):
        started.set()
        asked.wait(60)
        time.sleep(1.2 * CHECK_SECONDS)

    def stop():
        started.wait(60)
        get("stop_clustering")(blobs)
        asked.set()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Stopped, match="compute_clusters a was stopped"):
        get("compute_clusters")(blobs, run_key="a", embeddings="emb", visualize=False, progress=slow)
    thread.join()
    assert blobs.list_runs() == [] and "a" not in blobs.get_field_schema()


def app_messages(dataset, params):
    async def run():
        from fiftyone.operators.executor import execute_or_delegate_operator

        request = {"dataset_name": dataset.name, "params": params}
        result = await execute_or_delegate_operator("@constellation/clusters/train_encoder", request)
        return [(message.body.operator_uri, message.body.params) for message in result.result]

    return asyncio.run(run())


def test_the_app_trains_with_live_progress_and_shows_the_curve(images):
    form = {"name": "from_app", "kind": "autoencoder", "epochs": 2, "train_autoencoder": {**TINY, "code": 4.0}}
    messages = app_messages(images, form)
    assert any("epoch" in p["label"] for name, p in messages if name == "set_progress")
    shown = messages[-1][1]["results"]
    assert "trained:from_app" in shown["text"] and shown["curve"][0]["x"] == [1, 2]
    again = app_messages(images, {"continue": "from_app", "epochs": 3})
    assert again[-1][1]["results"]["curve"][0]["x"] == [1, 2, 3]


@pytest.mark.parametrize(
    "params",
    [{}, {"kind": "conv_autoencoder"}, {"name": "taken"}, {"continue": "taken"}, {"train_simclr": {"batch_size": 900}}],
)
def test_the_form(images, train, params):
    train(name="taken", epochs=1)
    operator = get("train_encoder")
    ctx = foo.ExecutionContext({"dataset_name": images.name, "params": params}, operator_uri=operator.uri)
    form = operator.resolve_type(ctx, "inputs").to_json()
    text = str(form)
    assert ("FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS" in text) == ("too_few" not in text)
    refused = {k for k, p in form["type"]["properties"].items() if p.get("invalid")}
    expected = (params == {"name": "taken"} and {"name"}) or set()
    assert expected <= refused
    if not params or params.get("train_simclr"):  # the default batch of 256 exceeds 40 images
        assert "too_few" in refused
    assert operator.resolve_execution_options(ctx).default_choice_to_delegated


@pytest.mark.parametrize("name", ["list_encoders", "delete_encoder", "export_encoder", "import_encoder"])
def test_small_forms_open_with_and_without_encoders(name, images, train):
    operator = get(name)
    for _ in range(2):
        ctx = foo.ExecutionContext({"dataset_name": images.name, "params": {}}, operator_uri=operator.uri)
        assert operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"]
        if not store.names():
            train(epochs=1)


def test_list_encoders_shows_a_curve(images, train):
    train()
    result = foo.execute_operator("@constellation/clusters/list_encoders", ctx={"dataset": images, "params": {}})
    assert result.result["chosen"]["name"] == "mine" and len(result.result["curve"][0]["y"]) == 2


def test_delegated_training(images, train):
    from bson import ObjectId

    service = DelegatedOperationService()
    for epochs, kwargs in ((1, {}), (2, {"resume": True, "params": None, "kind": None})):
        queued = train(epochs=epochs, delegate=True, **kwargs)
        service.execute_queued_operations(limit=1, log=False)
        done = service.get(ObjectId(queued["id"]))
        assert done.run_state == "completed", done.result.error
        assert store.record_of("mine")["epoch"] == epochs


def test_opening_the_form_loads_no_torch(images):
    code = f"""
import sys
import fiftyone as fo, fiftyone.operators as foo
op = foo.get_operator("@constellation/clusters/train_encoder")
for params in ({{}}, {{"kind": "conv_autoencoder"}}):
    ctx = foo.ExecutionContext({{"dataset_name": {images.name!r}, "params": params}}, operator_uri=op.uri)
    op.resolve_type(ctx, "inputs").to_json()
print("torch" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr[-2000:]
