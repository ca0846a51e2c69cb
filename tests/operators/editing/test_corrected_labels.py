"""Labels that a person corrected by hand: an undo gives them back."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import transaction

from ..conftest import get, group_vectors
from ..handles import (
    dissolve_clusters,
    merge_clusters,
    move_to_cluster,
    redo_edit,
    rename_clusters,
    split_cluster,
    undo_edit,
)


@pytest.fixture
def run(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    return blobs


@pytest.fixture
def corrected(run):
    """The run, two of whose labels in cluster 0 have texts of their own."""
    ids = run.match({"km.cluster": 0}).limit(2).values("id")
    run.set_values("km.label", dict(zip(ids, ["poodle", "dachshund"], strict=True)), key_field="id")
    return run


def texts(dataset, path="km.label"):
    return dict(zip(dataset.values("id"), dataset.values(path), strict=True))


def members(dataset):
    return dataset.match({"km.cluster": 0}).limit(5).values("id")


@pytest.fixture(scope="module")
def many():
    """A run with a coarse level, five of whose labels in cluster 0 were corrected in five ways on both levels."""
    X, _ = group_vectors()
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
    get("compute_clusters")(dataset, run_key="km", params={"n_clusters": 3}, visualize=False)
    get("build_cluster_hierarchy")(dataset, run_key="km", n_coarse=2)
    dataset.match({"km.cluster": 0}).tag_labels("checked", label_fields=["km", "km_coarse"])
    for row_id, corrected in zip(members(dataset), HANDS, strict=True):
        for path, value in corrected.items():
            dataset.set_values(path, {row_id: value}, key_field="id")
    yield dataset
    dataset.delete()


HANDS = (
    {"km.label": None, "km_coarse.label": ""},
    {"km.label": "", "km_coarse.label": None},
    {"km.confidence": None, "km_coarse.label": "mine"},
    {"km.confidence": float("nan"), "km_coarse.confidence": None},
    {"km.label": "poodle", "km.confidence": 0.123, "km_coarse.confidence": 0.321},
)

EDITS = {
    "merge": lambda d: merge_clusters(d, "km", [0, 1]),
    "merge into": lambda d: merge_clusters(d, "km", [1, 0], name="animals"),
    "rename": lambda d: rename_clusters(d, "km", {0: "dogs"}),
    "dissolve": lambda d: dissolve_clusters(d, "km", [0]),
    "move": lambda d: move_to_cluster(d, "km", members(d), 2),
    "split": lambda d: split_cluster(d, "km", 0, params={"n_clusters": 2}),
    "rename coarse": lambda d: rename_clusters(d, "km", {0: "big", 1: "small"}, level="coarse"),
}


def labels(dataset, *paths):
    """All labels by sample id as text, as they are."""
    columns = zip(*dataset.values(["id", *(paths or ("km", "km_coarse"))]), strict=True)
    return {row_id: [str(label and label.to_dict()) for label in found] for row_id, *found in columns}


@pytest.mark.parametrize("edit", EDITS)
def test_undo_and_redo_give_labels_back_exactly(many, edit):
    before = labels(many)
    EDITS[edit](many)
    if edit != "rename coarse":
        late = many.match({"km.tags": "checked"}).first().id  # of cluster 0, before the edit
        many.set_values("km.label", {late: "late"}, key_field="id")
    after = labels(many)
    undo_edit(many, "km")
    assert labels(many) == before != after
    redo_edit(many, "km")
    assert labels(many) == after
    undo_edit(many, "km")
    assert labels(many) == before


def test_a_grouping_that_is_undone_and_redone_has_its_corrected_labels(many):
    before = many.values("km_coarse.label"), many.values("km_coarse.confidence"), many.values("km_coarse.tags")
    undo_edit(many, "km")
    assert not many.has_field("km_coarse")
    redo_edit(many, "km")
    assert str((*(many.values(f"km_coarse.{name}") for name in ("label", "confidence", "tags")),)) == str(before)


def test_a_text_corrected_after_an_edit_comes_back_by_redo(run):
    before = texts(run)
    merge_clusters(run, "km", [0, 1])
    changed = run.match({"km.cluster": 0}).first().id
    run.set_values("km.label", {changed: "poodle"}, key_field="id")
    merged = texts(run)
    undo_edit(run, "km")
    assert texts(run) == before
    redo_edit(run, "km")
    assert texts(run) == merged and merged[changed] == "poodle"


def test_labels_nobody_touched_are_not_in_the_log(run):
    merge_clusters(run, "km", [0, 1])
    assert run.load_run_results("km", cache=False).edits[-1]["corrected"] == {}


def test_an_edit_that_fails_leaves_corrected_texts(corrected, monkeypatch):
    before = texts(corrected)
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(transaction.EditedRun, "save", _fail_once(transaction.EditedRun.save))
        merge_clusters(corrected, "km", [0, 1])
    assert texts(corrected) == before


def _fail_once(save):
    calls = []

    def failing(self, *args, **kwargs):
        calls.append(self)
        if len(calls) == 1:
            raise RuntimeError("the database went away")
        return save(self, *args, **kwargs)

    return failing


def test_corrected_labels_of_patches(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    first = patches.first()
    first.things.detections[0].km.label = "poodle"
    first.save()
    before = patches.values("things.detections.km.label", unwind=True)
    merge_clusters(patches, "km", [0, 1, 2])
    assert len(np.unique(patches.values("things.detections.km.label", unwind=True))) == 1
    undo_edit(patches, "km")
    assert patches.values("things.detections.km.label", unwind=True) == before


def test_labels_without_a_cluster_come_back_after_an_assignment(blobs, compute):
    compute(blobs.limit(50), run_key="km", embeddings="emb")
    by_hand = fo.Classification(label="mine", tags=["checked"], logits=np.ones(2), note="seen")
    last = blobs.last().id
    blobs.set_values("km", {last: by_hand}, key_field="id")
    before = labels(blobs, "km")
    assert get("assign_clusters")(blobs, run_key="km")["n_assigned"] == 10
    blobs.select(last).tag_labels("late", label_fields="km")
    after = blobs[last].km
    assert after.cluster is not None
    undo_edit(blobs, "km")
    assert labels(blobs, "km") == before
    redo_edit(blobs, "km")
    assert blobs[last].km == after and after.tags == ["late"]


def test_a_coarse_text_that_an_edit_left_alone_is_left_alone_by_undo(run):
    get("build_cluster_hierarchy")(run, run_key="km", n_coarse=2)
    first, second = members(run)[:2]
    run.set_values("km_coarse.label", {first: "early", second: "early"}, key_field="id")
    move_to_cluster(run, "km", members(run)[3:5], 2)
    run.set_values("km_coarse.label", {first: "late"}, key_field="id")
    undo_edit(run, "km")
    found = texts(run, "km_coarse.label")
    assert (found[first], found[second]) == ("late", "early")
