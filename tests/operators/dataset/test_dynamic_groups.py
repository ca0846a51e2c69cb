"""Views of dynamic groups, ``group_by()``: every operator takes the samples in the groups, not the groups."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from PIL import Image

from ..conftest import fill_blobs, get, group_vectors
from ..handles import RUN_OPERATORS, edit, read_members
from ..panel.panel_browser import Browser
from ..videos import SMALL, video

FORMS = (
    "assign_clusters",
    "build_cluster_hierarchy",
    "check_neighbors",
    "compare_clusterings",
    "compute_clusters",
    "compute_embeddings",
    "delete_clustering_run",
    "edit_clusters",
    "evaluate_clusters",
    "export_clusters",
    "find_cluster_duplicates",
    "get_clustering_run_info",
    "group_by_criterion",
    "label_clusters",
    "load_clustering_view",
    "propagate_labels",
    "rename_clustering_run",
    "sample_clusters",
    "suggest_cluster_count",
    "tabulate_clusters",
    "train_encoder",
)


def grouped(dataset):
    return dataset.group_by("ground_truth.label")


def with_runs(samples, compute):
    """Two runs of all samples."""
    compute(samples, run_key="r", ground_truth="ground_truth")
    compute(samples, run_key="q", method="agglomerative", params={"n_clusters": 4})
    return samples


@pytest.fixture
def runs(blobs, compute):
    return with_runs(blobs, compute)


@pytest.fixture(scope="module")
def unchanged(module_dataset, compute):
    """The same for tests that leave labels and runs as they are."""
    return with_runs(fill_blobs(module_dataset), compute)


def test_a_run_has_all_samples_of_the_groups(blobs, compute):
    summary = compute(grouped(blobs), run_key="r")
    assert summary["n_used"] == 60 and sorted(summary["sizes"].values()) == [20, 20, 20]
    assert blobs.count("r.label") == 60 and len(get("load_clustering_view")(blobs, run_key="r")) == 60
    some = compute(grouped(blobs).limit(2), run_key="s")
    assert some["n_used"] == 40 and blobs.match({"s.label": {"$ne": None}}).distinct("ground_truth.label") == ["a", "b"]


@pytest.mark.parametrize("name", RUN_OPERATORS)
def test_operators_of_runs_say_the_same_of_groups(unchanged, tmp_path, name):
    given, answer = RUN_OPERATORS[name]
    results = []
    for place, samples in enumerate((unchanged, grouped(unchanged))):
        more = {"path": str(tmp_path / f"{place}.csv")} if name == "export_clusters" else {}
        results.append(get(name)(samples, run_key="r", **given, **more)[answer])
    assert results[0] == results[1] and results[0]


def test_operators_without_a_run_say_the_same_of_groups(unchanged):
    counts = [get("suggest_cluster_count")(samples)["values"] for samples in (unchanged, grouped(unchanged))]
    assert counts[0] == counts[1]
    agree = [get("check_neighbors")(s, ground_truth="ground_truth") for s in (unchanged, grouped(unchanged))]
    assert [found["n_used"] for found in agree] == [60, 60]
    assert agree[0]["agreement"] == pytest.approx(agree[1]["agreement"], abs=0.02)


def test_groups_are_assigned_edited_and_get_proposals(runs, compute):
    compute(runs.limit(30), run_key="half")
    assert get("assign_clusters")(grouped(runs), run_key="half")["n_assigned"] == 30
    assert runs.count("half.label") == 60
    edit(grouped(runs).limit(1), "half", "move", {"cluster": None, "name": "mine"})
    assert set(runs.match({"half.label": "mine"}).values("ground_truth.label")) == {"a"}
    assert runs.count_values("half.label")["mine"] == 20
    runs.add_sample_field("known", fo.StringField)
    runs.limit(15).set_values("known", list("abc" * 5))
    done = get("propagate_labels")(grouped(runs), run_key="r", ground_truth="known", output_field="guess")
    assert done["n_proposed"] == 45 and runs.count("guess.label") == 45
    names = get("label_clusters")(grouped(runs), run_key="r", source="field", label_field="ground_truth")["names"]
    assert sorted(names.values()) == ["a", "b", "c"]


def test_images_of_groups_are_embedded_and_trained_on(dataset, tmp_path):
    for place in range(6):
        path = tmp_path / f"{place}.png"
        Image.fromarray(np.random.default_rng(place).integers(0, 255, (16, 16, 3), np.uint8)).save(path)
        box = fo.Detection(label="x", bounding_box=[0, 0, 0.5, 0.5])
        gt = fo.Classification(label="abc"[place % 3])
        dataset.add_sample(fo.Sample(filepath=str(path), ground_truth=gt, det=fo.Detections(detections=[box])))
    assert get("compute_embeddings")(grouped(dataset), **SMALL)["computed"] == 6
    done = get("train_encoder")(grouped(dataset), epochs=1, params={"batch_size": 3, "image_size": 32})
    assert done["images"] == 6
    get("delete_encoder")(name=done["name"])
    assert (
        get("compute_clusters")(
            grouped(dataset), run_key="r", patches_field="det", params={"n_clusters": 2}, visualize=False, **SMALL
        )["n_used"]
        == 6
    )
    assert len(read_members(grouped(dataset), "r").ids) == 6


def test_frames_grouped_by_video_are_frames(dataset, compute, tmp_path):
    dataset.add_samples([video(tmp_path, number, 4) for number in range(2)])
    by_video = dataset.to_frames().group_by("sample_id", order_by="frame_number")
    assert compute(by_video, run_key="r", **SMALL)["n_used"] == 8
    assert dataset.count("frames.r.label") == 8
    assert len(read_members(dataset.to_frames().group_by("sample_id"), "r").ids) == 8


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_drawn_on_groups(unchanged, name):
    request = {"dataset_name": unchanged.name, "params": {}, "view": grouped(unchanged)._serialize()}
    ctx = foo.ExecutionContext(request, operator_uri=f"@constellation/clusters/{name}")
    properties = get(name).resolve_type(ctx, "inputs").to_json()["type"]["properties"]
    assert "problem" not in properties
    if name == "compute_clusters":
        assert "60 images" in str(properties)


def test_the_form_starts_the_run_that_it_shows(runs):
    ctx = {"view": grouped(runs), "params": {"run_key": "app", "params": {"n_clusters": 3}, "visualize": False}}
    result = foo.execute_operator("@constellation/clusters/compute_clusters", ctx=ctx)
    assert not result.error and runs.count("app.label") == 60


def test_the_panel_works_over_a_grid_of_groups(unchanged):
    browser = Browser(unchanged, grid=grouped(unchanged)._serialize())
    browser.call("on_card", cluster=1)
    assert not browser.got("notify") and len(browser.view) == unchanged.count_values("q.cluster")[1]


def test_groups_of_another_dataset_are_assigned(unchanged):
    X, _ = group_vectors()
    other = fo.Dataset()
    other.add_samples([fo.Sample(filepath=f"/other/{i}.png", emb=x, kind="ab"[i % 2]) for i, x in enumerate(X)])
    done = get("assign_clusters")(other.group_by("kind"), run_key="r", run_dataset=unchanged.name)
    assert done["n_assigned"] == other.count("r.label") == 60
    other.delete()
