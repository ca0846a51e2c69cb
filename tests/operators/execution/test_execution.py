"""Runs of operators in the App's way, delegated, from notebooks, and what they say when they fail."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionError
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.app import one_sentence
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stages import Stages, throttled

from ..conftest import get, group_vectors

URI = "@constellation/clusters/compute_clusters"


def stream_of(dataset, params):
    """The messages that the App receives from an immediate run: ``(name, params)`` of each message."""

    async def run():
        request = {"dataset_name": dataset.name, "params": params}
        from fiftyone.operators.executor import execute_or_delegate_operator

        result = await execute_or_delegate_operator(URI, request)
        messages = []
        try:
            for message in result.result:
                messages.append((message.body.operator_uri, message.body.params))
        except Exception as error:
            messages.append(("raised", str(error)))
        return messages

    return asyncio.run(run())


def test_a_run_that_is_done_at_once_opens_no_dialog(blobs):
    params = {"run_key": "km3", "source": "emb", "method_kmeans": {"n_clusters": 3}, "visualize": False}
    messages = stream_of(blobs, params)
    names = [name for name, _ in messages]
    assert not {"set_progress", "show_output"} & set(names) and {"reload_dataset", "set_spaces"} <= set(names)
    assert messages[-1] == ("notify", {"message": "3 clusters of 60 images in run km3", "variant": "success"})
    blobs.reload()
    assert blobs.list_runs() == ["km3"]


def test_an_exception_in_a_generator_reaches_the_user(blobs):
    blobs.set_values("emb", [None] * 60)
    messages = stream_of(blobs, {"run_key": "km3", "source": "emb", "visualize": False})
    shown = [p for name, p in messages if name in ("notify", "show_output")]
    assert len(shown) == 2 and messages[-1][0] == "raised"
    assert "usable vectors" in shown[0]["message"] and "\n" not in shown[0]["message"]
    assert "usable vectors" in shown[1]["results"]["text"]


def test_execute_operator_raises_too(blobs):
    blobs.set_values("emb", [None] * 60)
    with (
        pytest.raises(foo.ExecutionError, match="usable vectors")
        if hasattr(foo, "ExecutionError")
        else pytest.raises(Exception, match="usable vectors")
    ):
        foo.execute_operator(URI, ctx={"dataset": blobs, "params": {"run_key": "a", "embeddings": "emb"}})


def test_the_call_is_synchronous_in_a_notebook(blobs):
    async def cell():
        return get("compute_clusters")(blobs, run_key="a", embeddings="emb", visualize=False)

    assert asyncio.run(cell())["run_key"] == "a"

    async def delegated_cell():
        return get("compute_clusters")(blobs, run_key="b", embeddings="emb", visualize=False, delegate=True)

    queued = asyncio.run(delegated_cell())
    assert queued["delegated"]
    from bson import ObjectId

    DelegatedOperationService().delete_operation(ObjectId(queued["id"]))


def test_delegation_refuses_unknown_arguments_before_queueing(blobs):
    with pytest.raises(TypeError, match="runkey"):
        get("compute_clusters")(blobs, runkey="a", delegate=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"params": {"n_clusters": 61}}, "exceeds the 60"),
        ({"method": "kmean"}, "did you mean"),
        ({"params": {"n_clusters": {1, 2}}}, "cannot be sent to a worker"),
    ],
)
def test_delegation_refuses_bad_arguments_before_queueing(blobs, given, words):
    before = len(DelegatedOperationService().list_operations())
    with pytest.raises(ValueError, match=words):
        get("compute_clusters")(blobs, run_key="a", embeddings="emb", delegate=True, **given)
    assert len(DelegatedOperationService().list_operations()) == before


def test_what_takes_no_time_is_not_delegated(blobs):
    get("compute_clusters")(blobs, run_key="a", embeddings="emb", visualize=False)
    with pytest.raises(ValueError, match="cannot be delegated"):
        get("rename_clustering_run")(blobs, run_key="a", new_run_key="b", delegate=True)
    assert blobs.list_runs() == ["a"]


@pytest.mark.parametrize("samples", [None, "digits", 3])
def test_samples_must_be_samples(samples):
    with pytest.raises(ValueError, match="pass a FiftyOne dataset or view"):
        get("compute_clusters")(samples, run_key="a")


def test_a_risky_operator_never_picks_its_victim(blobs):
    get("compute_clusters")(blobs, run_key="a", embeddings="emb", visualize=False)
    with pytest.raises(ExecutionError, match="no run was named"):
        foo.execute_operator("@constellation/clusters/delete_clustering_run", ctx={"dataset": blobs, "params": {}})
    assert blobs.list_runs() == ["a"]


def test_a_worker_process_runs_what_was_queued(blobs, tmp_path):
    """A real ``fiftyone delegated launch``: one job succeeds, one fails with its reason."""
    service = DelegatedOperationService()
    queued = get("compute_clusters")(blobs, run_key="night", embeddings="emb", params={"n_clusters": 3}, delegate=True)
    blobs.add_sample_field("none_yet", fo.VectorField)
    doomed = get("compute_clusters")(blobs, run_key="doomed", embeddings="none_yet", delegate=True)
    from bson import ObjectId

    good, bad = (ObjectId(job["id"]) for job in (queued, doomed))
    command = [str(Path(sys.executable).with_name("fiftyone"))]
    with open(tmp_path / "worker.log", "w") as log:
        worker = subprocess.Popen([*command, "delegated", "launch"], stdout=log, stderr=subprocess.STDOUT)
        try:
            labels = set()
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and any(
                service.get(i).run_state not in ("completed", "failed") for i in (good, bad)
            ):
                status = service.get(good).status
                if status and status.label:
                    labels.add(status.label)
                time.sleep(0.2)
        finally:
            worker.terminate()
            worker.wait(30)
    report = (tmp_path / "worker.log").read_text()[-3000:]
    assert service.get(good).run_state == "completed", report
    assert any("/5 " in label for label in labels), labels
    assert service.get(bad).run_state == "failed"
    assert "0 usable vectors, at least 2 are needed (60 no vector)" in service.get(bad).result.error
    assert service.get(good).status.label == "3 clusters of 60 images in night"
    blobs.reload()
    assert blobs.list_runs() == ["night"] and blobs.count("night.label") == 60


def test_stages_count_and_clamp():
    seen = []
    even = {"reading": 2.0, "clustering": 2.0}
    stages = Stages(["reading", "clustering"], lambda f, m: seen.append((round(f, 2), m)), even)
    stages.enter("reading")(0.5)
    stages.enter("clustering")(2.0, "half of it")
    stages.leave()
    assert seen == [
        (0, "1/2 reading"),
        (0.25, "1/2 reading 50 %"),
        (0.5, "2/2 clustering"),
        (1.0, "2/2 clustering half of it"),
    ]
    assert set(stages.seconds) == {"reading", "clustering"}


def test_the_bar_is_where_the_time_is():
    seen = []
    stages = Stages(["embedding", "reading", "writing"], lambda f, m: seen.append(f), {"embedding": 8, "writing": 2})
    for name in stages.names:
        stages.enter(name)(0.5)
    assert seen == sorted(seen)
    assert seen[1:5] == pytest.approx([0.4, 0.79, 0.795, 0.8], abs=0.01) and seen[5] == pytest.approx(0.9, abs=0.01)
    usual = Stages(["embedding", "reading", "placing", "writing"], lambda f, m: seen.append(f))
    usual.enter("embedding")(1.0)
    assert seen[-1] > 0.7  # of those that look after images, most of the time goes there


def test_throttling_keeps_the_first_of_each_stage_and_the_end():
    seen = []
    report = throttled(lambda f, m: seen.append((f, m)), 60)
    for fraction, message in ((0, "1/2 a"), (0.1, "1/2 a 20 %"), (0.5, "2/2 b"), (0.6, "2/2 b 20 %"), (1, "2/2 b")):
        report(fraction, message)
    assert seen == [(0, "1/2 a"), (0.5, "2/2 b"), (1, "2/2 b")]


def test_one_sentence_of_a_nested_traceback():
    text = 'Traceback (most recent call last):\n  File "x", line 1\nValueError: n_clusters=1 is too small'
    assert one_sentence(RuntimeError(text)) == "n_clusters=1 is too small"
    assert one_sentence(KeyError()) == "KeyError"


def test_two_threads_cannot_write_one_run(dataset):
    import threading

    X, _ = group_vectors(4000, d=64)
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(X)], progress=False)
    started, go_on, outcome = threading.Event(), threading.Event(), {}

    def slow(fraction, message=""):
        if "clustering" in message:
            started.set()
            go_on.wait(60)

    def first():
        outcome["first"] = get("compute_clusters")(
            dataset, run_key="a", embeddings="emb", visualize=False, progress=slow
        )

    thread = threading.Thread(target=first)
    thread.start()
    assert started.wait(60)
    with pytest.raises(ValueError, match="being written by process"):
        get("compute_clusters")(dataset, run_key="a", embeddings="emb", visualize=False)
    go_on.set()
    thread.join()
    assert outcome["first"]["n_used"] == 4000 and np.all([c is not None for c in dataset.values("a.cluster")])
