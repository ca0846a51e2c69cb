"""Views that have samples twice: each counts once, and none is said to lack what it has."""

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F

from ..conftest import fill_blobs, get
from ..handles import RUN_OPERATORS
from ..videos import vector_video


def twice(samples, n=40):
    """The first ``n``, of which a quarter is there twice."""
    return samples[: 3 * n // 4].concat(samples[n // 2 : n])


def with_runs(samples, compute):
    compute(samples, run_key="q", method="agglomerative", params={"n_clusters": 4})
    return compute(twice(samples), run_key="r", ground_truth="ground_truth")


@pytest.fixture
def run(blobs, compute):
    return with_runs(blobs, compute)


def test_each_sample_is_clustered_once(blobs, run):
    assert (run["n_used"], run["skipped"]) == (40, {})
    assert blobs.exists("r").values("id") == blobs[:40].values("id")
    assert "the view has samples several times; each was taken once" in run["notes"]
    info = get("get_clustering_run_info")(blobs, run_key="r")
    assert sum(cluster["size"] for cluster in info["clusters"]) == info["n_used"] == 40


OPERATORS = {
    **RUN_OPERATORS,
    "propagate_labels": ({"ground_truth": "ground_truth", "output_field": "p"}, "n_known"),
}


@pytest.fixture(scope="module")
def some_classes(module_dataset, compute):
    """Such a run, three of whose samples have no class."""
    made = with_runs(fill_blobs(module_dataset), compute)
    module_dataset[:3].clear_sample_field("ground_truth")
    assert made["n_used"] == 40
    return module_dataset


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_of_runs_say_the_same(some_classes, tmp_path, name):
    given, answer = OPERATORS[name]
    results = []
    for place, samples in enumerate((some_classes[:40], twice(some_classes))):
        more = {"path": str(tmp_path / f"{place}.csv")} if name == "export_clusters" else {}
        more |= {"output_field": f"p{place}"} if name == "propagate_labels" else {}
        found = get(name)(samples, run_key="r", **{**given, **more})
        shown = found.get("view") if isinstance(found.get("view"), fo.DatasetView) else samples[:0]
        results.append((found[answer], shown.values("id")))
    assert results[0] == results[1] and results[0][0]


def test_operators_without_a_run_count_samples(blobs):
    near = get("check_neighbors")(twice(blobs), n_neighbors=5)
    assert (near["n_used"], near["skipped"]) == (40, {}) and len(set(near["view"].values("id"))) == len(near["view"])
    assert get("suggest_cluster_count")(twice(blobs), max_clusters=5)["n_vectors"] == 40


def test_views_of_a_run_show_each_once(blobs, run, compute):
    view = get("load_clustering_view")(twice(blobs), run_key="r")
    assert sorted(view.values("id")) == sorted(blobs[:40].values("id"))
    assert get("assign_clusters")(twice(blobs[10:], 50), run_key="r")["n_assigned"] == 20
    assert blobs.count("r.label") == 60


@pytest.mark.parametrize("kind", ["images", "patches"])
def test_each_patch_is_clustered_once(patches, compute, kind):
    samples = twice(patches.to_patches("things"), 40) if kind == "patches" else twice(patches, 20)
    n = 40 if kind == "patches" else 60
    summary = compute(samples, run_key="r", patches_field="things")
    assert (summary["n_used"], summary["skipped"]) == (n, {}) and patches.count("things.detections.r.label") == n
    view = get("load_clustering_view")(samples, run_key="r")
    assert len(view) == len(set(view.values("id"))) == n
    assert get("evaluate_clusters")(samples, run_key="r", ground_truth="things")["n"] == n


def test_labels_that_any_copy_shows_are_meant(patches, compute):
    parts = [patches.filter_labels("things", F("label").is_in([*labels])) for labels in ("ab", "b")]
    samples = parts[0].concat(parts[1])
    assert compute(samples, run_key="r", patches_field="things")["n_used"] == 40
    labeled = patches.filter_labels("things", F("r.cluster").exists())
    assert labeled.distinct("things.detections.label") == ["a", "b"]
    assert len(get("load_clustering_view")(samples, run_key="r")) == 40


def test_each_frame_is_clustered_once(dataset, compute):
    dataset.add_samples([vector_video(number) for number in range(4)])
    frames = dataset.to_frames()
    summary = compute(twice(frames, 40), run_key="r")
    assert (summary["n_used"], summary["skipped"]) == (40, {}) and dataset.count("frames.r.label") == 40
    assert get("evaluate_clusters")(twice(frames, 20), run_key="r")["n"] == 20


def test_the_form_counts_samples(blobs):
    ctx = foo.executor.ExecutionContext({"dataset_name": blobs.name, "view": twice(blobs)._serialize(), "params": {}})
    form = str(get("compute_clusters").resolve_input(ctx).to_json())
    assert "40 images of dataset" in form and "50 images" not in form
