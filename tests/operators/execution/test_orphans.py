"""A killed worker leaves a child behind, as `fiftyone delegated launch -m` does: it loses its locks, and ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import locks, processes, stopping

# A worker that runs a job in a child of its own, tells the child's pid, and waits
WORKER = """
import multiprocessing, sys, time

def job(name):
    import fiftyone as fo, fiftyone.operators as foo
    foo.get_operator("@constellation/clusters/compute_clusters")  # loads the plugin
    package = "fiftyone.plugins.orgs.constellation.clusters.operators.execution"
    locks, stopping = sys.modules[package + ".locks"], sys.modules[package + ".stopping"]
    dataset = fo.load_dataset(name)
    with stopping.stoppable(dataset, "a job") as report, locks.write_lock(dataset, "run key 'km'"):
        print("holds", flush=True)
        try:
            while True:
                {loop}
        except stopping.Stopped as stopped:
            print(stopped, flush=True)

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=job, args=({name!r},))
    child.start()
    print(child.pid, flush=True)
    child.join()
"""


@pytest.fixture
def worker(blobs, tmp_path):
    """Start a worker whose child's work is ``loop``; returns the worker, and the child's pid once it holds the key."""
    started = []

    def start(loop):
        script = tmp_path / "worker.py"
        script.write_text(WORKER.format(name=blobs.name, loop=loop))
        pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        process = subprocess.Popen([sys.executable, "-W", "ignore", str(script)], **pipes)
        started.append((process, int(process.stdout.readline())))
        assert process.stdout.readline() == "holds\n"
        return started[-1]

    yield start
    for process, child in started:
        process.kill()
        if processes.process_of(child):
            os.kill(child, signal.SIGKILL)
        process.wait(60)
        process.stdout.close()


def until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_orphan_loses_its_lock_though_it_lives(blobs, compute, worker):
    process, child = worker("time.sleep(1)")
    with pytest.raises(ValueError, match="is being written by process"):
        compute(blobs, run_key="km", embeddings="emb")
    assert [job["pid"] for job in stopping.running(blobs)] == [child]
    process.kill()
    process.wait(60)
    assert processes.process_of(child)
    assert compute(blobs, run_key="km", embeddings="emb")["n_clusters"] == 3
    assert stopping.running(blobs) == []


def test_an_orphan_ends_at_its_next_batch(worker):
    process, child = worker("report(0.5); time.sleep(0.05)")
    process.kill()
    said = process.stdout.read()  # to the end of the child, which shares the pipe
    assert said == "a job was stopped because the worker that ran it was killed; run it again\n"
    until(lambda: not processes.process_of(child))


def test_who_was_not_started_by_multiprocessing_outlives_its_parent():
    """As after `nohup`, or when the shell that started a script is closed."""
    code = "import os, subprocess, sys; print(subprocess.Popen(['sleep', '300'], stdout=2).pid)"
    pid = int(
        subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        ).stdout
    )
    try:
        assert processes.is_alive({**processes.process_of(pid), "parent": None})
        assert processes.this_process()["parent"] is None
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_heartbeat_ends_with_the_worker(blobs, monkeypatch):
    """Other machines know of a writer by its beats alone."""
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.02)
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait(60)
    orphan = {**processes.this_process(), "parent": {"pid": dead.pid, "born": time.time()}}
    with monkeypatch.context() as patched:
        patched.setattr(locks, "this_process", lambda: orphan)
        with locks.write_lock(blobs, "field 'goal'"):
            store = locks.open_store(blobs, locks.STORE)
            first = store.get("field 'goal'")["beat"]
            time.sleep(0.2)
            assert store.get("field 'goal'")["beat"] == first
    with locks.write_lock(blobs, "field 'goal'"):
        first = store.get("field 'goal'")["beat"]
        until(lambda: store.get("field 'goal'")["beat"] > first)
