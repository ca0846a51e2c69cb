"""Cost of a run by what is read of other runs and fields: the same for the first and the twentieth."""

import fiftyone.core.odm as foo
import pytest
from fiftyone.core.odm.dataset import SampleFieldDocument

from ..conftest import get


@pytest.fixture
def reads(monkeypatch):
    """A function that counts what a call reads: documents of runs in the database, and fields that FiftyOne parses."""
    database, parsed = foo.get_db_conn(), []
    construct = SampleFieldDocument.__init__

    def counted(self, *args, **kwargs):
        parsed.append(self)
        construct(self, *args, **kwargs)

    monkeypatch.setattr(SampleFieldDocument, "__init__", counted)

    def count(call):
        parsed.clear()
        database.command("profile", 2)
        call()
        database.command("profile", 0)
        found = database["system.profile"].find({"ns": f"{database.name}.runs", "nreturned": {"$gt": 0}})
        n_documents = sum(one["nreturned"] for one in found)
        database.drop_collection("system.profile")
        return n_documents, len(parsed)

    yield count
    database.command("profile", 0)


def test_a_run_reads_no_other_run_and_no_other_field(blobs, compute, reads):
    counts = [reads(lambda i=i: compute(blobs, run_key=f"r{i}", embeddings="emb")) for i in range(20)]
    assert {n for n, _ in counts} == {0} and len({n for _, n in counts[1:]}) == 1, counts


def test_what_is_done_with_a_run_reads_only_that_run(blobs, compute, reads):
    calls = {
        "edit": lambda: get("edit_clusters")(blobs, run_key="r0", action="merge", clusters=[0, 1]),
        "undo": lambda: get("edit_clusters")(blobs, run_key="r0", action="undo"),
        "assign": lambda: get("assign_clusters")(blobs, run_key="r0"),
        "evaluate": lambda: get("evaluate_clusters")(blobs, run_key="r0", ground_truth="ground_truth"),
    }
    counts = []
    for some in (range(1), range(1, 9)):
        for i in some:
            compute(blobs, run_key=f"r{i}", embeddings="emb")
        counts.append({name: reads(call)[0] for name, call in calls.items()})
    assert counts[0] == counts[1] and max(counts[0].values()) <= 8, counts
