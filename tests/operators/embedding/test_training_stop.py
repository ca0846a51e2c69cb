"""A training stops from another process, immediate or delegated; what is queued is checked first."""

import asyncio
import subprocess
import sys
import threading
import time

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.models.training import store
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import Stopped, running
from PIL import Image

from ..conftest import get

TINY = {"batch_size": 16, "layers": "32", "code": 4, "learning_rate": 0.003, "device": "cpu"}
ENDLESS = {"name": "mine", "kind": "autoencoder", "epochs": 50_000, "params": TINY}


@pytest.fixture
def images(dataset, monkeypatch, tmp_path):
    """40 images of 12 x 12 pixels, and a model store of the test's own."""
    monkeypatch.setenv(store.ENVIRONMENT, str(tmp_path / "models"))
    rng = np.random.default_rng(0)
    for i in range(40):
        path = tmp_path / f"{i:02d}.png"
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(path)
        dataset.add_sample(fo.Sample(filepath=str(path)))
    return dataset


def wait_for(condition, seconds=300):
    """Waits until something is true; the limit is one against hanging."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_epoch():
    return "mine" in store.names()


def stop_at_work(images):
    """Stops the only job once it has an epoch, long before its last."""
    wait_for(has_epoch)
    (job,) = running(images)
    assert get("stop_clustering")(images, job["id"])["stopped"] == [job]
    wait_for(lambda: not running(images))
    assert store.record_of("mine")["epoch"] < ENDLESS["epochs"]


def test_a_delegated_training_in_another_process(images):
    queued = get("train_encoder")(images, delegate=True, **ENDLESS)
    code = """
from fiftyone.operators.delegated import DelegatedOperationService
DelegatedOperationService().execute_queued_operations(limit=1, log=False)
"""
    worker = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    stop_at_work(images)
    assert worker.wait(60) == 0
    done = DelegatedOperationService().get(ObjectId(queued["id"]))
    assert done.run_state == "failed" and "epochs are kept; resume=True continues" in done.result.error
    kept, pause = store.record_of("mine")["epoch"], []

    def pause_an_epoch_later(fraction, message):
        if f"epoch {kept + 2}/" in message:
            pause.append(message)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        get("train_encoder")(images, name="mine", resume=True, progress=pause_an_epoch_later)
    assert pause and store.record_of("mine")["epoch"] == kept + 1


def test_an_immediate_training_of_the_app(images):
    shown = []

    def app():
        from fiftyone.operators.executor import execute_or_delegate_operator

        form = {"name": "mine", "kind": "autoencoder", "epochs": 50_000, "train_autoencoder": TINY}
        request = {"dataset_name": images.name, "params": form}

        async def run():
            result = await execute_or_delegate_operator("@constellation/clusters/train_encoder", request)
            shown.extend((message.body.operator_uri, message.body.params) for message in result.result)

        with pytest.raises(RuntimeError, match="was stopped as you asked"):
            asyncio.run(run())

    thread = threading.Thread(target=app)
    thread.start()
    stop_at_work(images)
    thread.join(60)
    assert not thread.is_alive() and store.record_of("mine")["epoch"] >= 1
    with store.claimed("mine"):  # nobody holds it any more
        pass


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"params": {"cod": 4}}, "did you mean 'code'"),
        ({"kind": "gan"}, "no kind of training"),
        ({"epochs": 0}, "epochs=0"),
        ({"num_workers": -1}, "num_workers=-1"),
        ({"ground_truth": "nothing"}, "ground-truth field 'nothing'"),
        ({"resume": True, "params": None}, "no trained encoder"),
    ],
)
def test_what_cannot_work_is_not_queued(images, kwargs, words):
    before = len(DelegatedOperationService().list_operations(dataset_name=images.name))
    for delegate in (True, False):
        with pytest.raises(ValueError, match=words) as error:
            get("train_encoder")(images, delegate=delegate, **{**ENDLESS, **kwargs})
        assert "\n" not in str(error.value)
    assert len(DelegatedOperationService().list_operations(dataset_name=images.name)) == before


def test_a_bad_size_or_model_is_refused_before_the_images_are_read(images):
    seen = []
    for params in ({"backbone": "efficientnet_lite0", "image_size": 16}, {"backbone": "timm", "timm_model": "nope"}):
        with pytest.raises(ValueError, match="stride 32|not a model of timm"):
            get("train_encoder")(
                images, name="x", params={"batch_size": 16, **params}, progress=lambda f, m: seen.append(m)
            )
    assert not any("images" in message for message in seen)


def test_several_processes_need_a_name(images, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="2 processes need one name"):
        get("train_encoder")(images)


def test_deleting_asks_which(images):
    get("train_encoder")(images, **{**ENDLESS, "epochs": 1})
    operator = get("delete_encoder")
    ctx = foo.ExecutionContext({"dataset_name": images.name, "params": {}}, operator_uri=operator.uri)
    form = operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"]
    assert form["name"]["invalid"] and form["name"]["default"] is None and "what" not in form
    with pytest.raises(Exception, match="choose an encoder"):
        foo.execute_operator(operator.uri, ctx={"dataset": images, "params": {}})
    assert store.names() == ["mine"]
    foo.execute_operator(operator.uri, ctx={"dataset": images, "params": {"name": "mine"}})
    assert store.names() == []


def test_an_encoder_in_training_is_neither_deleted_nor_trained_twice(images):
    def train():
        with pytest.raises(Stopped):
            get("train_encoder")(images, **ENDLESS)

    thread = threading.Thread(target=train)
    thread.start()
    wait_for(has_epoch)
    with pytest.raises(ValueError, match="in use by a training that still runs"):
        get("delete_encoder")("mine")
    other = fo.Dataset()
    other.add_samples([fo.Sample(filepath=path) for path in images.values("filepath")])
    try:
        with pytest.raises(ValueError, match="in use by a training that still runs"):
            get("train_encoder")(other, name="mine", resume=True)
    finally:
        other.delete()
        get("stop_clustering")(images)
        thread.join(60)
    assert get("delete_encoder")("mine")["name"] == "mine"


def test_the_size_of_patches_is_proposed_from_their_boxes(images, tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)).save(path)
    images.clear()
    boxes = [[0.04 * i, 0.5, 0.06, 0.06] for i in range(20)]  # 36 x 36 pixels
    found = [fo.Detection(label="x", bounding_box=box) for box in boxes]
    images.add_sample(fo.Sample(filepath=str(path), things=fo.Detections(detections=found)))
    params = {**TINY, "layers": "8"}
    done = get("train_encoder")(images, name="x", kind="autoencoder", epochs=1, params=params, patches_field="things")
    assert done["image_size"] == 48 and done["images"] == 20
    operator = get("train_encoder")
    given = {"unit": "things", "kind": "autoencoder", "train_autoencoder": {"batch_size": 16}}
    ctx = foo.ExecutionContext({"dataset_name": images.name, "params": given}, operator_uri=operator.uri)
    assert "20 patches at 48 pixels" in str(operator.resolve_type(ctx, "inputs").to_json())
