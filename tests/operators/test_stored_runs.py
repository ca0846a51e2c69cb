"""Data that version 0.1.0 stored, opened by this version: every kind of run, edits and their undo, encoders, exports.

See ``tests/fixtures/write_v0_1_0.py`` for what is in the fixture. Only what a user calls is called here, so that it
stays the same test whatever moves inside.
"""

import csv
import json
import os
import re

import fiftyone.operators as foo
import numpy as np
import pytest
from fixtures.operator_calls import (
    assign,
    compare,
    compute,
    embed,
    evaluate,
    export,
    group_clusters,
    info,
    merge,
    move,
    op,
    open_panel,
    redo,
    rename,
    split,
    tabulate,
    train_on_images,
    undo,
)
from fixtures.stored_dataset import forget, read_expected, restore

from .panel.panel_browser import Browser

VERSION = "v0_1_0"
EXPECTED = read_expected(VERSION)
RUNS = sorted(EXPECTED["runs"])
KEPT = ("method", "params", "seed", "embeddings", "encoder", "n_clusters", "n_used", "n_noise", "cluster_field")
KEPT += ("ground_truth", "scores", "recall", "reduce", "visualization", "placement", "clusters", "notes", "edits")


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The dataset as version 0.1.0 left it, with its model store."""
    monkeypatch.setenv("CONSTELLATION_MODEL_DIR", str(tmp_path / "models"))
    forget(VERSION)
    yield restore(VERSION, tmp_path)
    forget(VERSION)


def labels_of(dataset, field):
    paths = [f"{field}.{name}" for name in ("cluster", "label", "confidence")]
    return [list(row) for row in zip(*dataset.values(paths), strict=True)]


def plain(value):
    """As JSON brings it back."""
    return json.loads(json.dumps(value, default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v)))


@pytest.fixture(scope="class")
def all_runs(tmp_path_factory):
    """The same for a whole class, whose tests leave it as it is: most of the time would go into restoring it."""
    folder = tmp_path_factory.mktemp("stored")
    forget(VERSION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSTELLATION_MODEL_DIR", str(folder / "models"))
        yield restore(VERSION, folder)
    forget(VERSION)


@pytest.fixture(scope="class")
def later(all_runs):
    """The images that no run has seen, in a dataset of their own."""
    vectors = ["emb", "emb2", "trained_tiny", "trained_learned", "things"]
    dataset = all_runs.match_tags("later").select_fields(vectors).clone()
    yield dataset
    dataset.delete()


class TestEveryRun:
    @pytest.mark.parametrize("key", RUNS)
    def test_is_what_it_was(self, all_runs, key):
        found, expected = plain(info(all_runs, key)), EXPECTED["runs"][key]
        assert {name: found.get(name) for name in KEPT} == {name: expected.get(name) for name in KEPT}
        if key == "boxes":
            paths = [f"things.detections.boxes.{name}" for name in ("cluster", "label")]
            assert list(all_runs.values(paths)) == EXPECTED["boxes"]
        else:
            assert labels_of(all_runs, key) == EXPECTED["labels"][key]
        members = sum(cluster["size"] for cluster in expected["clusters"])
        assert len(op("load_clustering_view")(all_runs, run_key=key)) == members
        state, _, told = open_panel(all_runs, run=key)
        assert state["run"] == key and told == []
        panel = Browser(all_runs, state)
        if key == "mapped":  # its map is in front
            assert all(f'"text": "{entry["label"]}"' in panel.drawn for entry in expected["clusters"])
            panel.call("on_tab", tab="clusters")
        for entry in expected["clusters"]:
            assert f"Show {entry['label']}" in panel.drawn or entry["id"] == -1 or key == "killed"

    @pytest.mark.parametrize("key", sorted(EXPECTED["next"]))
    def test_later_images_go_where_they_went(self, all_runs, later, key):
        assign(later, key, f"next_{key}", all_runs.name)
        path = f"things.detections.next_{key}" if key == "boxes" else f"next_{key}"
        clusters, confidence = later.values([f"{path}.cluster", f"{path}.confidence"])
        assert clusters == EXPECTED["next"][key][0]
        # where the machine can, encoders compute in 16 bits, and those of the fixture did on another machine
        within = 0.05 if key in ("encoded", "learned") else 1e-3
        for ours, theirs in zip(confidence, EXPECTED["next"][key][1], strict=True):
            assert ours == pytest.approx(theirs, abs=within)

    def test_opens_in_every_form(self, all_runs):
        names = [o.name for o in foo.list_operators(type="operator") if o.uri.startswith("@constellation/clusters/")]
        for name in names:
            request = {"dataset_name": all_runs.name, "params": {"run_key": "edited"}}
            form = op(name).resolve_type(foo.ExecutionContext(request, operator_uri=op(name).uri), "inputs")
            assert form is None or form.to_json(), name
        assert {"edit_clusters", "assign_clusters", "label_clusters"} < set(names)


def test_all_runs_are_listed_beside_their_fields(stored):
    assert sorted(stored.list_runs()) == RUNS
    assert labels_of(stored, "coarse_coarse") == EXPECTED["coarse"]
    assert labels_of(stored, "placed") == EXPECTED["placed"]
    with pytest.raises(ValueError, match="proposal"):
        compute(stored, "new", cluster_field="proposal", params={"n_clusters": 3})
    assert assign(stored, "kmeans", "placed")["n_assigned"] == 0


# Edits


def test_edits_are_undone_and_done_again(stored):
    states = EXPECTED["states"]
    assert labels_of(stored, "edited") == states[-2]
    for state in reversed(states[:-2]):
        undo(stored, "edited")
        assert labels_of(stored, "edited") == state
    with pytest.raises(ValueError, match="undo"):
        undo(stored, "edited")
    for state in states[1:]:
        redo(stored, "edited")
        assert labels_of(stored, "edited") == state
    with pytest.raises(ValueError, match="redo"):
        redo(stored, "edited")
    assert [edit["in_effect"] for edit in info(stored, "edited")["edits"]] == [True] * 6 + [False] + [True] * 2


def test_new_edits_follow_old_ones(stored):
    before = labels_of(stored, "edited")
    rename(stored, "edited", {1: "new name"})
    assert {label for cluster, label, _ in labels_of(stored, "edited") if cluster == 1} == {"new name"}
    ids = stored.match({"edited.cluster": 1}).values("id")[:2]
    move(stored, "edited", ids, 4)
    assert {stored[row_id].edited.cluster for row_id in ids} == {4}
    merge(stored, "edited", [1, 4])
    split(stored, "edited", 5)
    used = {cluster for edit in EXPECTED["states"] for cluster, _, _ in edit if cluster is not None}
    (new,) = {cluster for cluster, _, _ in labels_of(stored, "edited")} - {cluster for cluster, _, _ in before}
    assert new > max(used)  # an id that an old edit gave is never given again
    assign(stored.match_tags("later"), "edited")
    assert None not in [cluster for cluster, _, _ in labels_of(stored, "edited")]
    for _ in range(5):
        undo(stored, "edited")
    assert labels_of(stored, "edited") == before
    undo(stored, "edited")
    assert labels_of(stored, "edited") == EXPECTED["states"][-3]


def test_half_an_edit_is_taken_back(stored):
    assert labels_of(stored, "killed") != EXPECTED["before_killed"]
    rename(stored, "killed", {0: "mine"})
    undo(stored, "killed")
    assert labels_of(stored, "killed") == EXPECTED["before_killed"]


def test_the_coarse_level_follows(stored):
    before = labels_of(stored, "coarse_coarse")
    rename(stored, "coarse", {1: "the second"}, level="coarse")
    merge(stored, "coarse", [0, 1])
    after = labels_of(stored, "coarse_coarse")
    assert "the second" in [label for _, label, _ in after] and "the largest" in [label for _, label, _ in after]
    for _ in range(3):
        undo(stored, "coarse")
    assert [cluster for cluster, _, _ in labels_of(stored, "coarse_coarse")] == [cluster for cluster, _, _ in before]
    undo(stored, "coarse")
    undo(stored, "coarse")
    assert not stored.has_field("coarse_coarse")
    assert group_clusters(stored, "kmeans", 2)["coarse_field"] == "kmeans_coarse"


def test_edits_are_constraints_of_a_new_run(stored):
    compute(stored.match_tags("seen"), "kept", params={"n_clusters": 5}, constraints_from="edited")
    ids = stored.match({"edited.label": "odd ones"}).values("id")
    assert len({stored[row_id].kept.cluster for row_id in ids}) == 1


# What is kept with runs


@pytest.mark.parametrize("key", sorted(EXPECTED["scores"]))
def test_scores_are_found_again(stored, key):
    assert evaluate(stored, key)["scores"] == pytest.approx(EXPECTED["scores"][key], abs=1e-3)


def test_names_by_a_model_and_its_odd_images(stored):
    state, _, _ = open_panel(stored, run="gaussian_mixture")
    shown = Browser(stored, state).drawn
    assert re.search(r"They are of kind \d", shown) and re.search(r"Show name \d", shown)
    assert op("load_odd_images")(stored, run_key="gaussian_mixture").values("id") == EXPECTED["odd"]


def test_the_map_is_there_and_used_again(stored):
    key = EXPECTED["runs"]["mapped"]["visualization"]
    assert stored.load_brain_results(key).points.shape == (60, 2)
    seen = stored.match_tags("seen")
    again = compute(seen, "again", params={"n_clusters": 3}, normalize=True, visualize=True)
    assert again["visualization"] == key and stored.list_brain_runs() == [key]
    op("delete_clustering_run")(stored, run_key="again")
    assert stored.list_brain_runs() == [key]
    assert op("delete_clustering_run")(stored, run_key="mapped")["deleted_map"] == key
    assert stored.list_brain_runs() == []


def test_an_open_panel_opens_where_it_was(stored):
    state, shown, told = open_panel(stored, **EXPECTED["panel"])
    assert state["run"] == "edited" and told == []
    assert "chart_" in shown and "Show pair" not in shown  # on its tab of charts


def test_runs_are_renamed_and_deleted(stored):
    assert op("rename_clustering_run")(stored, run_key="coarse", new_run_key="other")["cluster_field"] == "other"
    assert labels_of(stored, "other_coarse") == EXPECTED["coarse"]
    for key in ("other", "boxes", "scan", "killed", "learned"):
        op("delete_clustering_run")(stored, run_key=key)
    gone = {"coarse", "boxes", "scan", "killed", "learned"}
    assert sorted(stored.list_runs()) == [key for key in RUNS if key not in gone]
    stored.reload()
    assert not {"other", "other_coarse", "scan", "killed", "learned"} & set(stored.get_field_schema())
    assert not stored.has_field("things.detections.boxes") and stored.has_field("trained_learned")


@pytest.mark.parametrize("format", ["csv", "json"])
def test_an_export_is_the_one_that_was_made(stored, tmp_path, format):
    export(stored, "edited", tmp_path / f"new.{format}", format)
    new, old = (tmp_path / f"new.{format}").read_text(), (tmp_path / "exports" / f"edited.{format}").read_text()
    old = old.replace("<root>", str(tmp_path))
    if format == "csv":
        assert list(csv.DictReader(new.splitlines())) == list(csv.DictReader(old.splitlines()))
    else:
        new, old = json.loads(new), json.loads(old)
        new["run"] = {key: new["run"].get(key) for key in old["run"]}  # a later version may say more of it
        assert {key: new.get(key) for key in old} == old


def test_saved_views_and_other_work_on_a_run(stored, tmp_path):
    assert stored.load_saved_view("subset").values("id") == EXPECTED["subset"]
    assert export(stored, "boxes", tmp_path / "boxes.html", "html")["n_clusters"] == 3
    assert compare(stored, "kmeans", "agglomerative")["run_key"] == "kmeans"
    assert tabulate(stored, "kmeans", "ground_truth")
    assert op("find_cluster_duplicates")(stored, run_key="kmeans")
    assert op("sample_clusters")(stored, run_key="kmeans")["n"] == 60


# Encoders


@pytest.mark.parametrize(
    ("encoder", "vectors", "within"),
    [("tiny", "vectors", 1e-3), ("learned", "learned", 1e-2)],  # the second made its own in 16 bits
)
def test_an_encoder_makes_the_vectors_it_made(stored, encoder, vectors, within):
    assert {"tiny", "learned"} <= {entry["name"].removeprefix("trained:") for entry in op("list_encoders")()}
    embed(stored, f"trained:{encoder}", "again")
    for ours, theirs in zip(stored.values("again"), EXPECTED[vectors], strict=True):
        if theirs is not None:
            np.testing.assert_allclose(ours, theirs, atol=within)


def test_vectors_are_added_to_those_of_the_same_encoder(stored):
    assert len(stored.exists("trained_tiny")) == 60
    embed(stored, "trained:tiny", "trained_tiny")
    assert len(stored.exists("trained_tiny")) == 72
    with pytest.raises(ValueError, match="trained:tiny"):
        embed(stored, "trained:learned", "trained_tiny")


def test_an_exported_encoder_is_imported(stored, tmp_path):
    assert op("import_encoder")(str(tmp_path / "exports" / "tiny.safetensors"), "imported")["dimension"] == 4
    embed(stored.match_tags("seen"), "trained:imported", "again")
    ours = stored.match_tags("seen").values("again")
    np.testing.assert_allclose(ours, [v for v in EXPECTED["vectors"] if v is not None], atol=1e-3)
    assert op("delete_encoder")("imported")["name"] == "imported" and os.listdir(tmp_path / "exports")


def test_trainings_go_on_from_their_checkpoints(stored):
    seen = stored.match_tags("seen")
    again = EXPECTED["runs"]["learned"]
    params = {"n_clusters": 3, "epochs": 3, "batch_size": 20, "device": "cpu"}
    assert train_on_images(seen, "again", "learned", "trained:tiny", params)["n_used"] == again["n_used"]
    assert [row[0] for row in labels_of(stored, "again")] == [row[0] for row in EXPECTED["labels"]["learned"]]
    assert op("train_encoder")(seen, name="tiny", resume=True, epochs=5)["epochs"] == 5
