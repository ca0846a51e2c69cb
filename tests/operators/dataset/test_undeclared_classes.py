"""Classes in attributes of labels that are in no schema: FiftyOne reads them, and so do we."""

import fiftyone as fo
import pytest

from ..conftest import get, group_vectors


@pytest.fixture
def undeclared(dataset):
    X, which = group_vectors(30)
    for i in range(10):
        boxes = [
            fo.Detection(bounding_box=[0, 0, 0.5, 0.5], emb=X[j].tolist(), kind="abc"[which[j]], size=0.5)
            for j in range(3 * i, 3 * i + 3)
        ]
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{i}.png", things=fo.Detections(detections=boxes)))
    assert dataset.get_field("things.detections.kind") is None
    return dataset


def test_runs_are_scored_against_them(undeclared, compute):
    compute(undeclared, run_key="km", embeddings="emb", patches_field="things")
    found = get("evaluate_clusters")(undeclared, run_key="km", ground_truth="kind")
    assert found["scores"]["ari"] == 1 and {c["majority"] for c in found["clusters"]} == set("abc")
    done = get("label_clusters")(undeclared, run_key="km", source="field", label_field="kind")
    assert set(done["names"].values()) == set("abc")


@pytest.mark.parametrize("name", ["size", "absent"])
def test_what_holds_no_classes_is_refused(undeclared, compute, name):
    compute(undeclared, run_key="km", embeddings="emb", patches_field="things")
    with pytest.raises(ValueError, match=f"ground-truth field {name!r} is missing"):
        get("evaluate_clusters")(undeclared, run_key="km", ground_truth=name)
