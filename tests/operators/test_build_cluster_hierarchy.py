"""The coarse level of a run: built, named, edited, undone, renamed and deleted with it."""

import fiftyone as fo
import numpy as np
import pytest

from .conftest import get
from .editing.test_edits import check_records, log_of, state
from .handles import (
    clusters_of,
    dissolve_clusters,
    merge_clusters,
    move_to_cluster,
    read_result,
    redo_edit,
    rename_clusters,
    split_cluster,
    undo_edit,
)


@pytest.fixture
def run(blobs, compute):
    """Nine clusters of three far-apart groups."""
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 9})
    return blobs


def build(dataset, **kwargs):
    return get("build_cluster_hierarchy")(dataset, run_key="km", **kwargs)


def check_coarse(dataset, path="km"):
    """The coarse label is the coarse cluster of the fine one, named as the run says, everywhere."""
    dataset.reload()
    coarse_of = {int(k): v for k, v in read_result(dataset, "km", "coarse")["of"].items()} | {-1: -1}
    names = {entry["id"]: entry["label"] for entry in clusters_of(dataset, "km", "coarse")} | {-1: "noise"}
    unwind = path != "km"
    values = dataset.values([f"{path}.cluster", f"{path}.confidence"], unwind=unwind)
    coarse = dataset.values([f"{path}_coarse.{a}" for a in ("cluster", "confidence", "label")], unwind=unwind)
    for fine, p, group, q, label in zip(*values, *coarse, strict=True):
        assert (group, q) == (coarse_of.get(fine), p) and label == names.get(group)
    sizes = {c["id"]: c["size"] for c in clusters_of(dataset, "km")}
    for entry in clusters_of(dataset, "km", "coarse"):
        assert entry["size"] == sum(sizes[cluster] for cluster in entry["clusters"]) > 0
        assert {coarse_of[cluster] for cluster in entry["clusters"]} == {entry["id"]}
        assert 0 < len(entry["prototypes"]) <= 9 and 0 <= entry["confidence"] <= 1


def test_clusters_of_one_group_come_together(run):
    before = state(run)
    done = build(run, n_coarse=3)
    check_coarse(run)
    assert done["coarse_field"] == "km_coarse" and [c["size"] for c in done["clusters"]] == [20, 20, 20]
    pairs = set(zip(*run.values(["km_coarse.label", "ground_truth.label"]), strict=True))
    assert len(pairs) == 3 and {a for a, _ in pairs} == {"group 00", "group 01", "group 02"}
    tree = read_result(run, "km", "hierarchy")
    assert len(tree["children"]) == len(tree["heights"]) == 8 and tree["heights"] == sorted(tree["heights"])
    assert run.get_field("km_coarse").info["constellation"]["status"] == "done"
    undo_edit(run, "km")
    assert state(run) == before and not run.has_field("km_coarse")
    redo_edit(run, "km")
    check_coarse(run)


def test_the_coarse_level_follows_every_edit_and_its_undo(run):
    build(run, n_coarse=4)
    states = [state(run)]
    groups = clusters_of(run, "km", "coarse")
    several = next(entry for entry in groups if len(entry["clusters"]) > 1)
    other = next(entry for entry in groups if entry is not several)
    ids = {c: run.match(fo.ViewField("km.cluster") == c).values("id") for c in range(9)}
    for call in (
        lambda: split_cluster(run, "km", several["clusters"][0]),
        lambda: merge_clusters(run, "km", [several["clusters"][1], other["clusters"][0]]),
        lambda: rename_clusters(run, "km", {several["id"]: "animals"}, level="coarse"),
        lambda: move_to_cluster(run, "km", ids[other["clusters"][0]][:2], name="new"),
        lambda: dissolve_clusters(run, "km", [several["clusters"][0]]),
        lambda: build(run, n_coarse=2),
        lambda: move_to_cluster(run, "km", run.match(fo.ViewField("km.cluster") == -1).values("id")),
    ):
        assert call()["n_changed"] >= 0
        check_coarse(run), check_records(run)
        states.append(state(run))
    for expected in reversed(states[:-1]):
        undo_edit(run, "km")
        assert state(run) == expected
    for expected in states[1:]:
        redo_edit(run, "km")
        assert state(run) == expected


def test_coarse_clusters_are_named_like_any(run):
    build(run, n_coarse=3)
    done = rename_clusters(run, "km", {1: "cats"}, level="coarse")
    assert done["n_changed"] == 20 and done["clusters"][0]["label"] == "cats"
    assert run.count_values("km_coarse.label")["cats"] == 20 and "cats" not in run.count_values("km.label")
    with pytest.raises(ValueError, match="run 'km' has no cluster 3; its clusters are 0, 1, 2"):
        rename_clusters(run, "km", {3: "cats"}, level="coarse")
    with pytest.raises(ValueError, match="there is no level 'finest'"):
        clusters_of(run, "km", "finest")


def test_patches_have_a_coarse_level(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things", params={"n_clusters": 6})
    build(patches, n_coarse=3)
    check_coarse(patches, "things.detections.km")
    merge_clusters(patches, "km", [0, 1])
    check_coarse(patches, "things.detections.km")
    get("delete_clustering_run")(patches, run_key="km")
    assert not any("km" in path for path in patches.get_field_schema(flat=True))


def test_it_is_renamed_and_deleted_with_the_run(run):
    build(run, n_coarse=3)
    before = run.values("km_coarse.label")
    get("rename_clustering_run")(run, run_key="km", new_run_key="other")
    assert run.values("other_coarse.label") == before and not run.has_field("km_coarse")
    rename_clusters(run, "other", {0: "still ours"}, level="coarse")
    undo_edit(run, "other"), undo_edit(run, "other")
    assert not run.has_field("other_coarse")
    redo_edit(run, "other")
    get("delete_clustering_run")(run, run_key="other")
    assert not run.has_field("other") and not run.has_field("other_coarse")


def test_a_coarse_field_that_was_deleted_comes_back_with_the_next_edit(run):
    build(run, n_coarse=3)
    run.delete_sample_field("km_coarse")
    rename_clusters(run, "km", {0: "dogs"})
    check_coarse(run)


def test_a_field_of_the_user_is_not_touched(run):
    run.add_sample_field("km_coarse", fo.StringField)
    run.set_values("km_coarse", ["mine"] * 60)
    before = state(run)
    with pytest.raises(ValueError, match="field 'km_coarse' exists and is not of run 'km'; rename or delete"):
        build(run, n_coarse=3)
    assert state(run) == before and set(run.values("km_coarse")) == {"mine"}


def test_numbers_out_of_range_are_refused(run):
    for n in (1, 0, -3, 9, 200, 2.5, "3", True):
        with pytest.raises(ValueError, match=r"n_coarse=.* is not valid; choose an integer from 2 to 8"):
            build(run, n_coarse=n)
    assert log_of(run) == []


def test_more_refusals(run, compute):
    with pytest.raises(ValueError, match="linkage='single' is not known here"):
        build(run, linkage="single")
    compute(run, run_key="two", embeddings="emb", params={"n_clusters": 2})
    with pytest.raises(ValueError, match="the run has 2 clusters, too few for a coarse level"):
        get("build_cluster_hierarchy")(run, run_key="two")
    run.delete_sample_field("emb")
    with pytest.raises(ValueError, match="has no vectors in 'emb' any more; compute the embeddings again"):
        build(run)
    assert log_of(run) == []


def test_never_more_than_a_hundred(blobs, compute):
    X = np.random.default_rng(0).normal(size=(400, 32)).astype(np.float32)
    blobs.add_samples([fo.Sample(filepath=f"/nowhere/more{i}.png", emb=x) for i, x in enumerate(X)])
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 150})
    with pytest.raises(ValueError, match="choose an integer from 2 to 100, the colors of the Embeddings panel"):
        build(blobs, n_coarse=101)
    build(blobs, n_coarse=100)
    assert len(blobs.distinct("km_coarse.label")) == 100
    assert len(build(blobs)["clusters"]) == 12
