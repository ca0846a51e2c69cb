"""Number of times that a run is read from the store: once opened, its handle is passed on."""

import pytest
from fiftyone.core.odm import get_db_conn as database
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import run_documents
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation import statistics
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import store
from gridfs.errors import NoFile
from naming_server import GOOD, NamingServer

from ..conftest import get


@pytest.fixture
def reads(monkeypatch):
    """The reads of runs from the store so far, configurations and results."""
    seen = []

    def counted(function):
        def read(*args):
            seen.append(function.__name__)
            return function(*args)

        return read

    config, results = counted(store.fetch_run), counted(store.fetch_results)
    monkeypatch.setattr(store, "fetch_run", config)
    monkeypatch.setattr(store, "fetch_results", results)
    monkeypatch.setattr(statistics, "fetch_results", results)
    return seen


@pytest.fixture
def run(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    return blobs


@pytest.mark.parametrize(
    ("action", "arguments"), [("rename", {"names": {0: "zero"}}), ("merge", {"clusters": [0, 1]}), ("undo", {})]
)
def test_an_edit_reads_the_run_and_its_results(run, reads, action, arguments):
    edit = get("edit_clusters")
    if action == "undo":
        edit(run, run_key="km", action="rename", names={0: "first"})
    reads.clear()
    edit(run, run_key="km", action=action, **arguments)
    assert 1 <= len(reads) <= 2


def test_naming_offline_reads_it_four_times_at_most(run, reads):
    done = get("label_clusters")(run, run_key="km", source="field", label_field="ground_truth")
    assert done["named"] == 3 and 1 <= len(reads) <= 4


def test_naming_by_a_server_reads_it_four_times_at_most(dataset, tmp_path, compute, reads):
    import fiftyone as fo
    import numpy as np
    from PIL import Image

    for i in range(12):
        Image.new("RGB", (24, 24), (i * 20, 0, 0)).save(tmp_path / f"{i}.png")
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png"), emb=5 * np.eye(3)[i % 3] + 0.01 * i))
    compute(dataset, run_key="km", embeddings="emb")
    reads.clear()
    with NamingServer(lambda asked: GOOD) as server:
        done = get("label_clusters")(dataset, run_key="km", model="m", base_url=server.url)
    assert done["named"] == 3 and 1 <= len(reads) <= 4


def test_a_click_on_a_card_reads_it_once_at_most(browser, reads):
    browser.call("on_card", cluster=1)
    assert set(browser.view.values("km.cluster")) == {1} and len(reads) <= 1


@pytest.mark.parametrize("lost", ["fs.files", "fs.chunks"])
def test_a_reader_whose_file_an_edit_has_replaced_reads_the_new_one(run, monkeypatch, lost):
    edit, find = get("edit_clusters"), run_documents.find_run
    edit(run, run_key="km", action="rename", names={0: "first"})
    before = find(run, "km", "results")
    edit(run, run_key="km", action="rename", names={0: "second"})
    if lost == "fs.chunks":  # what a reader finds whose file is deleted while it reads
        database().fs.files.insert_one({"_id": before["results"], "length": 9, "chunkSize": 261120, "uploadDate": 0})
    answers = [before]
    monkeypatch.setattr(run_documents, "find_run", lambda *asked: answers.pop() if answers else find(*asked))
    names = [record["arguments"]["names"] for record in run_documents.read_run_results(run, "km")["edits"]]
    assert names[-1] == {"0": "second"} and not answers


def test_a_file_that_is_lost_is_an_error_and_a_run_that_is_gone_has_no_results(run):
    database().fs.files.delete_one({"_id": run_documents.find_run(run, "km", "results")["results"]})
    with pytest.raises(NoFile):
        run_documents.read_run_results(run, "km")
    assert run_documents.read_run_results(run, "gone") == {}
