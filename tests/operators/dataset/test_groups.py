"""Grouped datasets: the active slice is meant, and named; a run belongs to its slices from then on."""

import fiftyone as fo
import fiftyone.operators as foo
import pytest

from ..conftest import get, group_vectors
from ..handles import edit, read_members
from ..panel.panel_browser import Browser

SLICES = {"left": "png", "right": "png", "cloud": "pcd", "clip": "mp4"}


@pytest.fixture
def groups(dataset):
    X, which = group_vectors(24)
    dataset.add_group_field("group", default="left")
    samples = []
    for place, (x, w) in enumerate(zip(X, which, strict=True)):
        group = fo.Group()
        for name, ext in SLICES.items():
            path = f"/nowhere/{place}_{name}.{ext}"
            samples.append(fo.Sample(filepath=path, group=group.element(name), emb=x, kind="abc"[w]))
    dataset.add_samples(samples)
    return dataset


def labels(dataset, name, field="r"):
    return dataset.select_group_slices(name).count(f"{field}.label")


@pytest.mark.parametrize("active", ["left", "cloud", "clip"])
def test_the_active_slice_is_clustered_and_named(groups, compute, active):
    groups.group_slice = active
    summary = compute(groups, run_key="r", visualize=active == "cloud")
    assert summary["n_used"] == 24 and any(f"slice '{active}'" in note for note in summary["notes"])
    assert {name: labels(groups, name) for name in SLICES} == {name: 24 * (name == active) for name in SLICES}
    groups.group_slice = "right"
    assert len(read_members(groups, "r").ids) == 24
    assert get("evaluate_clusters")(groups, run_key="r", ground_truth="kind")["n"] == 24
    edit(groups, "r", "merge", {"clusters": [0, 1]})
    assert labels(groups, active) == 24 and labels(groups, "right") == (24 if active == "right" else 0)
    assert len(get("load_clustering_view")(groups, run_key="r", cluster=2)) == 8
    info = get("get_clustering_run_info")(groups, run_key="r")
    assert info["slices"] == [active]


def test_new_samples_of_the_slice_are_assigned_and_no_others(groups, compute):
    compute(groups.limit(12), run_key="r")
    groups.group_slice = "right"
    assert get("assign_clusters")(groups, run_key="r")["n_assigned"] == 12
    assert {name: labels(groups, name) for name in SLICES} == {"left": 24, "right": 0, "cloud": 0, "clip": 0}


def test_several_slices_are_clustered_together(groups, compute):
    mixed = groups.select_group_slices(["left", "cloud"], _allow_mixed=True)
    assert compute(mixed, run_key="r")["n_used"] == 48
    assert len(read_members(groups, "r").ids) == 48 and labels(groups, "right") == 0
    assert compute(groups.select_group_slices(media_type="image"), run_key="s")["n_used"] == 48
    assert get("get_clustering_run_info")(groups, run_key="s")["slices"] == ["left", "right"]


def test_slices_without_an_image_have_no_pictures(groups, compute):
    with pytest.raises(ValueError, match="cannot be seen as images"):
        compute(groups.select_group_slices(["cloud", "clip"], _allow_mixed=True), run_key="r", encoder="clip")
    groups.group_slice = "cloud"
    with pytest.raises(ValueError, match="point clouds cannot be seen as images"):
        compute(groups, run_key="r", encoder="clip")
    assert not groups.list_runs()


def test_other_operators_name_the_slice_too(groups, tmp_path):
    groups.group_slice = "right"
    assert get("suggest_cluster_count")(groups)["natural"] == 3
    found = get("check_neighbors")(groups, n_neighbors=5)
    assert found["n_used"] == 24
    for notes in (found["notes"], get("suggest_cluster_count")(groups)["notes"]):
        assert any("slice 'right'" in note for note in notes)


def test_dynamic_groups_of_a_slice_are_flattened(groups, compute):
    view = groups.select_group_slices("right").group_by("kind")
    summary = compute(view, run_key="r")
    assert summary["n_used"] == 24 and not any("slice" in note for note in summary["notes"])
    assert labels(groups, "right") == 24 and labels(groups, "left") == 0


def test_forms_and_panel_offer_and_show_slices(groups, compute):
    def form(**params):
        ctx = foo.ExecutionContext(
            {"dataset_name": groups.name, "params": params}, operator_uri="@constellation/clusters/compute_clusters"
        )
        return str(get("compute_clusters").resolve_type(ctx, "inputs").to_json())

    assert "Slice cloud (point-cloud)" in form() and "'problem'" not in form(group_slice="cloud")
    groups.group_slice = "cloud"
    compute(groups, run_key="r")
    browser = Browser(groups)
    browser.call("on_card", cluster=0)
    assert not browser.got("notify") and len(browser.view) == 8
    assert "24 point clouds" in browser.drawn and browser.ui["unassigned"] == 0
