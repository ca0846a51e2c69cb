"""Several writers on one dataset, in threads and processes; kills; stale handles."""

import signal
import subprocess
import sys
import threading
import time

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import resolve_target
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import locks, processes
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import lifecycle as runs
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import maps, orphans
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.labels import create_label_field

from ..conftest import get

pytestmark = pytest.mark.slow

# A process of its own that has loaded the dataset, and waits for a line before it goes on
CHILD = """
import sys
import fiftyone as fo, fiftyone.operators as foo
ds = fo.load_dataset({name!r})
op = foo.get_operator("@constellation/clusters/compute_clusters")
ds.list_runs(), ds.get_field_schema()
print("ready", flush=True)
sys.stdin.readline()
try:
    {work}
    print("done", flush=True)
except Exception as error:
    print(type(error).__name__, error, flush=True)
"""


class Child:
    def __init__(self, dataset, work):
        code = CHILD.format(name=dataset.name, work=work)
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], **pipes)
        while self.process.stdout.readline().strip() != "ready":
            assert self.process.poll() is None

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def said(self):
        lines = self.process.stdout.read().strip().splitlines()
        self.process.wait(120)
        return lines[-1]


def labels_of(dataset, field):
    dataset.reload()
    return dataset.values(f"{field}.cluster")


def test_a_stale_handle_cannot_touch_a_finished_run(blobs, compute):
    child = Child(blobs, 'op(ds, run_key="km", embeddings="emb", params={"n_clusters": 5}, visualize=False)')
    compute(blobs, run_key="km", embeddings="emb")
    before = labels_of(blobs, "km")
    child.go()
    assert child.said().startswith("ValueError run key 'km' is taken")
    assert labels_of(blobs, "km") == before and blobs.list_runs() == ["km"]


def test_a_stale_handle_cannot_overwrite_a_field_of_the_user(blobs):
    child = Child(blobs, 'op(ds, run_key="km", cluster_field="notes", embeddings="emb", visualize=False)')
    blobs.add_sample_field("notes", fo.StringField)
    blobs.set_values("notes", ["mine"] * 60)
    child.go()
    assert child.said().startswith("ValueError field 'notes' exists")
    assert set(blobs.values("notes")) == {"mine"}


def test_two_processes_with_two_keys_do_not_meet(blobs):
    calls = [f'op(ds, run_key="{key}", embeddings="emb", params={{"n_clusters": 3}}, visualize=False)' for key in "abc"]
    children = [Child(blobs, call) for call in calls]
    for child in children:
        child.go()
    assert [child.said() for child in children] == ["done"] * 3
    assert all(None not in labels_of(blobs, key) for key in "abc") and sorted(blobs.list_runs()) == ["a", "b", "c"]


def test_two_threads_with_two_keys_share_one_map(blobs, compute):
    outcome = {}

    def run(key):
        try:
            outcome[key] = compute(blobs, run_key=key, embeddings="emb", visualize=True)
        except Exception as error:
            outcome[key] = error

    threads = [threading.Thread(target=run, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(found, dict) for found in outcome.values()), outcome
    blobs.reload()
    assert blobs.list_brain_runs() == [outcome["a"]["visualization"]] == [outcome["b"]["visualization"]]
    assert len(blobs.load_brain_results(outcome["a"]["visualization"]).points) == 60


@pytest.mark.parametrize("moment", ["create_label_field", "write_labels", "register"])
def test_a_killed_run_leaves_its_key_free_and_nothing_behind(blobs, compute, moment):
    """The process is ended by SIGKILL right before, or inside, one of the steps that write."""
    work = f"""
    import os, signal, sys
    writer = sys.modules["fiftyone.plugins.orgs.constellation.clusters.operators.runs.lifecycle"]
    real = writer.{moment}
    def killed(*args, **kwargs):
        if "{moment}" == "write_labels":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    writer.{moment} = killed
    op(ds, run_key="km", embeddings="emb", params={{"n_clusters": 3}}, visualize=True)
""".strip()
    child = Child(blobs, work)
    child.go()
    child.process.wait(120)
    assert child.process.returncode == -signal.SIGKILL
    blobs.reload()
    assert compute(blobs, run_key="km", embeddings="emb")["n_clusters"] == 3
    assert len(set(labels_of(blobs, "km"))) == 3 and blobs.list_runs() == ["km"]
    assert blobs.list_brain_runs() == []


def test_a_run_killed_after_it_was_registered_is_a_run(blobs, compute, monkeypatch):
    def killed(*args):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(runs, "set_mark", killed)
        patched.setattr(orphans, "set_mark", killed)
        for clean_up in ("remove_run", "remove_field"):
            patched.setattr(runs, clean_up, lambda *args: None)
        with pytest.raises(SystemExit):
            compute(blobs, run_key="km", embeddings="emb")
    assert blobs.get_field("km").info["constellation"]["status"] == "writing"
    compute(blobs, run_key="next", embeddings="emb")
    assert blobs.list_runs() == ["km", "next"] and None not in labels_of(blobs, "km")
    assert blobs.get_field("km").info["constellation"]["status"] == "done"


def test_a_zombie_is_dead():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    holder = {"pid": child.pid, "born": time.time(), "parent": None}
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and processes.process_of(child.pid):
        time.sleep(0.05)
    assert not processes.is_alive(holder)
    child.wait()


def test_rename_waits_for_nobody_and_overwrites_nothing(blobs, compute):
    compute(blobs, run_key="other", embeddings="emb")
    with locks.write_lock(blobs, "field 'goal'"), pytest.raises(ValueError, match="'goal' is being written"):
        get("rename_clustering_run")(blobs, run_key="other", new_run_key="goal")
    with pytest.raises(ValueError, match="'other' is the old one"):
        get("rename_clustering_run")(blobs, run_key="other", new_run_key="other")
    create_label_field(resolve_target(blobs), "left", "left")
    assert get("rename_clustering_run")(blobs, run_key="other", new_run_key="left")["cluster_field"] == "left"
    assert blobs.count("left.label") == 60


def test_embeddings_of_a_stale_handle_are_not_recomputed(blobs):
    work = """
    from fiftyone.plugins.orgs.constellation.clusters.models.encoders.base import Encoder
    Encoder.load = lambda self: (_ for _ in ()).throw(AssertionError("a model was loaded"))
    fill = foo.get_operator("@constellation/clusters/compute_embeddings")
    assert fill(ds, encoder="efficientnet_lite0", embeddings="vec")["computed"] == 0
""".strip()
    child = Child(blobs, work)
    blobs.add_sample_field("vec", fo.VectorField)
    blobs.set_values("vec", [np.ones(4, np.float32)] * 60)
    child.go()
    assert child.said() == "done"
    assert all(np.array_equal(v, np.ones(4)) for v in blobs.values("vec"))


def test_a_map_nobody_names_goes_with_the_next_run(blobs, compute):
    summary = compute(blobs, run_key="a", embeddings="emb", visualize=True)
    blobs.delete_run("a")  # by FiftyOne itself, which knows nothing of maps and fields
    compute(blobs, run_key="b", embeddings="emb")
    assert summary["visualization"] not in blobs.list_brain_runs()
    blobs.set_values("mine", [1] * 60)
    assert maps.clean_maps(blobs) == []
