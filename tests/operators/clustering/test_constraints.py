"""A run that keeps the merges and moves of another one."""

import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F

from ..conftest import get
from ..editing.test_edits import members
from ..handles import merge_clusters, move_to_cluster, rename_clusters, split_cluster, undo_edit

URI = "@constellation/clusters/compute_clusters"


def test_a_rerun_keeps_merges_and_moves(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 3})
    groups = {c: members(blobs, c) for c in range(3)}
    merge_clusters(blobs, "km", [0, 1])
    (kept,) = {0, 1} & set(blobs.distinct("km.cluster"))
    stray = groups[2][:2]
    move_to_cluster(blobs, "km", stray, kept)
    compute(blobs, run_key="next", embeddings="emb", params={"n_clusters": 4}, constraints_from="km")
    together = {blobs[i].next.cluster for i in groups[0] + groups[1] + stray}
    assert len(together) == 1
    assert together.isdisjoint(blobs.select(groups[2][2:]).values("next.cluster"))
    assert blobs.get_run_info("next").config.constraints_from == "km"
    assert [blobs[i].next.confidence for i in stray] == [1, 1]
    compute(blobs, run_key="free", embeddings="emb", params={"n_clusters": 4})
    assert len({blobs[i].free.cluster for i in groups[0] + groups[1]}) > 1


def test_what_was_moved_goes_with_the_prototypes_of_its_cluster(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 3})
    moved, target = members(blobs, 0)[:3], 1
    move_to_cluster(blobs, "km", moved, target)
    compute(blobs, run_key="next", embeddings="emb", params={"n_clusters": 3}, constraints_from="km")
    there = blobs.match(F("km.cluster") == target).values("next.cluster")
    assert set(there) == {blobs[moved[0]].next.cluster} and len(there) == 23


def test_some_of_the_samples_and_patches(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    merge_clusters(patches, "km", [0, 1])
    part = patches.limit(10)
    compute(part, run_key="next", embeddings="emb", patches_field="things", constraints_from="km")
    pairs = part.values(["things.detections.km.cluster", "things.detections.next.cluster"], unwind=True)
    merged = {b for a, b in zip(*pairs, strict=True) if a in (0, 1)}
    assert len(merged) == 1 and len(set(pairs[1])) == 3


def test_refusals(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 6})

    def rerun(**given):
        given = {"run_key": "next", "embeddings": "emb", "constraints_from": "km", **given}
        with pytest.raises(ValueError) as error:
            compute(blobs, **given)
        assert blobs.list_runs() == ["km"] and not blobs.has_field("next")
        return str(error.value)

    assert "'km' has no merge or move that is in effect; edit it first" in rerun()
    split_cluster(blobs, "km", 0)
    assert "has no merge or move" in rerun()
    merge_clusters(blobs, "km", [1, 2])
    merge_clusters(blobs, "km", [3, 4])
    assert "hdbscan takes no constraints" in rerun(method="hdbscan")
    assert "there is no clustering run 'gone'" in rerun(constraints_from="gone")
    merge_clusters(blobs, "km", [5, 0])
    assert "3 groups are constrained to be clusters and n_clusters=2" in rerun(params={"n_clusters": 2})
    for _ in range(3):
        undo_edit(blobs, "km")
    assert "has no merge or move" in rerun()


def test_the_form_offers_edited_runs(blobs, compute):
    def draw(**params):
        ctx = foo.ExecutionContext({"dataset_name": blobs.name, "params": params}, operator_uri=URI)
        return get("compute_clusters").resolve_type(ctx, "inputs").to_json()["type"]["properties"]

    compute(blobs, run_key="km", embeddings="emb")
    assert "constraints_from" not in draw()
    rename_clusters(blobs, "km", {0: "a"})
    assert "no merge or move" in draw(constraints_from="km")["constraints_from"]["error_message"]
    merge_clusters(blobs, "km", [0, 1])
    assert not draw(constraints_from="km")["constraints_from"].get("invalid")
    assert "constraints_from" not in draw(method="birch")
    params = {"run_key": "next", "source": "emb", "constraints_from": "km", "visualize": False}
    foo.execute_operator(URI, ctx={"dataset": blobs, "params": {**params, "method_kmeans": {"n_clusters": 3}}})
    assert blobs.get_run_info("next").config.constraints_from == "km"
    foo.execute_operator(URI, ctx={"dataset": blobs, "params": {**params, "run_key": "b", "method": "birch"}})
    assert blobs.get_run_info("b").config.constraints_from is None
