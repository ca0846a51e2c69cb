"""Long work of the App in processes of its own: done, stopped, killed, in line, and left by its server."""

import os
import signal
import time
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.private import open_store
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import jobs, worker
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.processes import is_alive

from .app_process import AppProcess

SECRET = "sk-that-nobody-may-see"
# 300 dimensions and a map: the forms expect more than the seconds that are done at once
LONG = {"method": "kmeans", "method_kmeans": {"n_clusters": 3}, "source": "emb", "visualize": True}


@pytest.fixture(scope="module")
def server():
    with AppProcess(OPENAI_API_KEY=SECRET) as process:
        yield process


@pytest.fixture
def start(server, dataset):
    def start(where=dataset, run_key="long", by=server):
        if not len(where):
            X = np.random.default_rng(0).normal(size=(3000, 32)).astype(np.float32)
            where.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
        told = by.run(where, "compute_clusters", run_key=run_key, **LONG)
        assert [name.rpartition("/")[2] for name in told] == ["notify", "open_clusters_panel"]
        return jobs.list_jobs(where)[-1]["id"]

    yield start
    for job in jobs.list_jobs():
        if job["ended"] is None and job["worker"]:
            os.kill(job["worker"]["pid"], signal.SIGKILL)
            until(lambda key=job["id"]: jobs.read_job(key)["ended"])
        jobs.dismiss_job(job["id"])


def until(found, seconds=120):
    """Waits until something is so, and returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        jobs.list_jobs()  # as the open panel asks; by that, a dead worker is noticed
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError([(job["state"], job["message"]) for job in jobs.list_jobs()])


def state(job_id):
    return jobs.read_job(job_id)["state"]


@pytest.mark.slow
def test_it_is_done_elsewhere_and_secrets_come_by_a_pipe(start, dataset):
    job_id = start()
    process = Path("/proc") / str(jobs.read_job(job_id)["worker"]["pid"])
    until(lambda: state(job_id) == jobs.RUNNING)
    for name in ("cmdline", "environ"):
        assert SECRET.encode() not in (process / name).read_bytes()
    assert SECRET not in str(jobs.read_job(job_id))
    until(lambda: state(job_id) == jobs.DONE)
    dataset.reload()
    job = jobs.read_job(job_id)
    assert job["run_key"] == "long" and dataset.list_runs() == ["long"] and "3 clusters" in job["result"]
    assert open_store(dataset, "constellation_made_runs").get("made") == "long"
    jobs.dismiss_job(job_id)
    assert jobs.list_jobs(dataset) == []


@pytest.mark.slow
def test_it_is_stopped_from_another_process_and_the_next_in_line_comes(start, dataset):
    other = fo.Dataset()
    first, second = start(), start(other, "next")
    until(lambda: state(first) == jobs.RUNNING)
    assert state(second) == jobs.WAITING
    jobs.stop_job(first)  # this process is not the server
    until(lambda: state(first) == jobs.STOPPED)
    until(lambda: state(second) == jobs.RUNNING)
    jobs.stop_job(second)
    until(lambda: state(second) == jobs.STOPPED)
    dataset.reload()
    assert not dataset.list_runs() and "as you asked" in jobs.read_job(first)["message"]
    other.delete()


@pytest.mark.slow
def test_after_a_kill_it_says_so_and_the_next_call_cleans_up(start, dataset):
    job_id = start()
    until(lambda: state(job_id) == jobs.RUNNING)
    os.kill(jobs.read_job(job_id)["worker"]["pid"], signal.SIGKILL)
    until(lambda: state(job_id) == jobs.FAILED)
    assert "killed or ran out of memory" in jobs.read_job(job_id)["message"]
    dataset.reload()
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    done = compute(dataset, run_key="long", embeddings="emb", params={"n_clusters": 3}, visualize=False)
    assert done["n_clusters"] == 3 and dataset.list_runs() == ["long"]


@pytest.mark.slow
def test_it_ends_with_its_server(start, dataset):
    with AppProcess() as own:
        job_id = start(by=own)
        until(lambda: state(job_id) == jobs.RUNNING)
        process = jobs.read_job(job_id)["worker"]
    until(lambda: not is_alive(process))
    assert state(job_id) == jobs.STOPPED
    dataset.reload()
    assert not dataset.list_runs()


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (np._core._exceptions._ArrayMemoryError((10**9,), np.dtype("f8")), True),
        (ValueError("n_clusters=3 exceeds the 2 usable samples"), False),
    ],
)
def test_out_of_memory_is_said_in_words(error, memory):
    assert (worker._said_of(error) == worker.OUT_OF_MEMORY) is memory
