"""Labels that a person corrected by hand: an undo gives them back."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import transaction

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


EDITS = {
    "merge": lambda d: merge_clusters(d, "km", [0, 1]),
    "merge into": lambda d: merge_clusters(d, "km", [1, 0], name="animals"),
    "rename": lambda d: rename_clusters(d, "km", {0: "dogs"}),
    "dissolve": lambda d: dissolve_clusters(d, "km", [0]),
    "move": lambda d: move_to_cluster(d, "km", members(d), 2),
    "split": lambda d: split_cluster(d, "km", 0, params={"n_clusters": 2}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_undo_gives_texts_back_that_were_corrected_by_hand(edit, corrected):
    before = texts(corrected)
    EDITS[edit](corrected)
    after = texts(corrected)
    assert after != before and "poodle" not in after.values()
    undo_edit(corrected, "km")
    assert texts(corrected) == before
    redo_edit(corrected, "km")
    assert texts(corrected) == after
    undo_edit(corrected, "km")
    assert texts(corrected) == before


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
    assert run.load_run_results("km", cache=False).edits[-1]["own"] == {}


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
