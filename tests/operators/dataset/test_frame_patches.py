"""Runs of patches of video frames: their labels and vectors live on the frames' labels in the videos' dataset."""

import csv
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import pytest

from ..conftest import get
from ..handles import edit, read_members
from ..panel.panel_browser import Browser
from ..videos import SMALL, names_of_fields, video

LABELS = "frames.det.detections"


@pytest.fixture
def videos(dataset, tmp_path):
    dataset.add_samples([video(tmp_path, number, 3) for number in range(2)])
    return dataset


@pytest.fixture
def run(videos, compute):
    compute(videos.to_frames(), run_key="r", patches_field="det", **SMALL)
    return videos


def shapes(dataset):
    return {"videos": dataset, "frames": dataset.to_frames(), "patches": dataset.to_frames().to_patches("det")}


def test_both_ways_to_say_it_give_the_same_run_again_and_again(videos, compute):
    first = compute(videos.to_frames(), run_key="a", patches_field="det", **SMALL)
    again = compute(videos.to_frames(), run_key="b", patches_field="det", **SMALL)
    patches = compute(videos.to_frames().to_patches("det"), run_key="c", **SMALL)
    assert first["n_used"] == again["n_used"] == patches["n_used"] == 12
    assert first["unit"] == patches["unit"] == "patches" and first["sizes"] == again["sizes"] == patches["sizes"]
    a, b, c = (videos.values(f"{LABELS}.{key}.cluster", unwind=True) for key in "abc")
    assert None not in a and a == b == c
    assert len(videos.first().frames[2].det.detections[0]["efficientnet_lite0"]) == 1280


def test_a_run_that_fails_leaves_no_field(videos, compute, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.embedding import stores
    from fiftyone.plugins.orgs.constellation.clusters.operators.runs import labels

    before, frames = names_of_fields(videos), videos.to_frames()
    of_frames = set(frames.get_field_schema(flat=True))

    def full(*_, **__):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(stores, "write_values", full)
        compute(frames, run_key="r", patches_field="det", **SMALL)
    assert names_of_fields(videos) == before and set(frames.get_field_schema(flat=True)) == of_frames
    compute(frames, run_key="s", patches_field="det", **SMALL)
    before, of_frames = names_of_fields(videos), set(frames.get_field_schema(flat=True))
    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(labels, "write_stored", full)
        compute(frames, run_key="r", patches_field="det", **SMALL)
    assert names_of_fields(videos) == before and set(frames.get_field_schema(flat=True)) == of_frames
    assert videos.list_runs() == ["s"]


@pytest.mark.parametrize("shape", ["videos", "frames", "patches"])
def test_operators_of_runs_see_all_patches(run, shape, tmp_path):
    samples, box = shapes(run)[shape], {"0.0", "0.5"}
    assert len(read_members(samples, "r").ids) == 12
    assert get("evaluate_clusters")(samples, run_key="r", ground_truth="det")["n"] == 12
    views = [get("load_clustering_view")(samples, run_key="r", cluster=cluster) for cluster in range(3)]
    assert sum(map(len, views)) == 12 and views[0].first().det.r.cluster == 0
    done = get("export_clusters")(samples, run_key="r", path=str(tmp_path / "x.csv"))
    rows = list(csv.DictReader(Path(done["path"]).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 12 and {row["x"] for row in rows} == box and all(r["filepath"].endswith(".png") for r in rows)
    folders = get("export_clusters")(samples, run_key="r", path=str(tmp_path / "f"), format="folders")
    assert folders["n"] == 12 and not folders["skipped"] and len(list((tmp_path / "f").rglob("*.png"))) == 12
    counts = get("tabulate_clusters")(samples, run_key="r", group_by="det")["rows"]
    assert sum(sum(row["counts"]) for row in counts) == 12


@pytest.mark.parametrize("shape", ["videos", "frames", "patches"])
def test_edits_reach_the_labels_of_the_frames(run, shape):
    samples = shapes(run)[shape]
    before = run.values(f"{LABELS}.r.cluster", unwind=True)
    get("edit_clusters")(samples, run_key="r", action="merge", clusters=[0, 1])
    after = run.values(f"{LABELS}.r.cluster", unwind=True)
    assert len(set(after)) == 2 and [a for a, b in zip(after, before, strict=True) if b == 2] == [2] * before.count(2)
    get("edit_clusters")(samples, run_key="r", action="undo")
    assert run.values(f"{LABELS}.r.cluster", unwind=True) == before


def test_selected_patches_are_moved(run):
    ids = run.values(f"{LABELS}.id", unwind=True)[:2]
    edit(run.to_frames().to_patches("det").select(ids), "r", "move", {"cluster": None, "name": "mine"})
    assert run.count_values(f"{LABELS}.r.label")["mine"] == 2


def test_patches_that_a_run_did_not_see_are_assigned(videos, compute):
    compute(videos.to_frames().limit(4), run_key="r", patches_field="det", **SMALL)
    done = get("assign_clusters")(videos.to_frames().to_patches("det"), run_key="r", cluster_field="more")
    assert done["n_assigned"] == 12 and videos.count(f"{LABELS}.more.label") == 12


def test_classes_are_proposed_and_names_found(videos, compute):
    videos.add_frame_field("det.detections.kind", fo.StringField)
    some = videos.values(f"{LABELS}.id", unwind=True)[:6]
    frames, ids = videos.to_frames().values(["id", "det.detections.id"])
    of = {label: frame for frame, labels in zip(frames, ids, strict=True) for label in labels}
    items = [{"frame_id": of[label], "label_id": label, "value": "x"} for label in some]
    videos.set_label_values(f"{LABELS}.kind", items)
    compute(videos.to_frames(), run_key="r", patches_field="det", **SMALL)
    done = get("propagate_labels")(videos, run_key="r", ground_truth="kind", output_field="guess", min_labeled=1)
    assert done["n_known"] == 6 and videos.count(f"{LABELS}.guess.label") == done["n_proposed"] > 0
    names = get("label_clusters")(videos, run_key="r", source="field", label_field="det")["names"]
    assert len(set(names.values())) == 3 and {name.split(" (")[0] for name in names.values()} <= {"a", "b"}


def test_crops_are_what_is_embedded_trained_on_and_named(run):
    from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.files import files_of
    from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.rows import Rows

    rows = Rows.of(run.to_frames().to_patches("det"))
    found, items = files_of(rows, rows.ids)
    assert sorted(found) == sorted(rows.ids) and {tuple(box) for _, box in items} == {(0, 0, 0.5, 0.5), (0.5,) * 4}
    assert len({path for path, _ in items}) == 6


def test_renaming_and_deleting_reach_the_field(run):
    before = names_of_fields(run)
    get("rename_clustering_run")(run, run_key="r", new_run_key="s")
    assert run.count(f"{LABELS}.s.label") == 12 and run.get_field(f"{LABELS}.r") is None
    assert get("delete_clustering_run")(run, run_key="s")["deleted_field"] == f"{LABELS}.s"
    assert names_of_fields(run) == {name for name in before if not name.startswith("det.detections.r")}


def test_the_panel_and_the_form_show_them(run):
    browser = Browser(run, grid=run.to_frames().to_patches("det")._serialize())
    assert not browser.got("notify") and str(browser.told).count("/media?filepath") == 3
    browser.call("on_card", cluster=0)
    assert len(browser.view) == run.count_values(f"{LABELS}.r.cluster")[0]
    patches = run.to_frames().to_patches("det")
    request = {"dataset_name": run.name, "params": {}, "view": patches._serialize()}
    ctx = foo.ExecutionContext(request, operator_uri="@constellation/clusters/compute_clusters")
    form = str(get("compute_clusters").resolve_type(ctx, "inputs").to_json())
    assert "12 patches" in form and "'problem'" not in form
