"""Runs of one name in two datasets, and fields that came from elsewhere: told apart by the run, not by its name."""

import fiftyone as fo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import resolve_target
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import locks
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import coarse, transaction
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.labels import create_label_field
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.orphans import clean_fields

from ..conftest import get, group_vectors
from ..handles import merge_clusters, undo_edit


def another(prefix, n=30):
    """A dataset with vectors of the same groups."""
    X, _ = group_vectors(n)
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=f"{prefix}/{i}.png", emb=x) for i, x in enumerate(X)])
    return dataset


@pytest.fixture(params=["/elsewhere", "/nowhere"], ids=["other samples", "the same samples"])
def merged(blobs, compute, request):
    """A dataset with run ``km``, into which 30 samples of another with a run ``km`` were merged."""
    compute(blobs, run_key="km", embeddings="emb")
    other = another(request.param)
    compute(other, run_key="km", embeddings="emb", params={"n_clusters": 2})
    blobs.merge_samples(other)
    other.delete()
    return blobs


READERS = {
    "evaluate_clusters": {},
    "load_clustering_view": {},
    "tabulate_clusters": {},
    "sample_clusters": {"n_per_cluster": 1, "tag": "seen"},
    "assign_clusters": {},
    "edit_clusters": {"action": "merge", "clusters": [0, 1]},
    "build_cluster_hierarchy": {"n_coarse": 2},
}


@pytest.mark.parametrize("name", READERS)
def test_labels_of_another_run_of_that_name_are_refused(merged, name):
    before = merged.values("km.label")
    with pytest.raises(ValueError, match=r"30 labels in 'km' are not of run 'km' but of another of that name") as error:
        get(name)(merged, run_key="km", **READERS[name])
    assert merged.values("km.label") == before and len(str(error.value)) < 300


def test_what_the_refusal_says_helps(merged):
    with pytest.raises(ValueError, match="clear the labels whose 'run' is '") as error:
        get("evaluate_clusters")(merged, run_key="km")
    foreign = str(error.value).split("'run' is '")[1].split("'")[0]
    merged.match({"km.run": foreign}).clear_sample_field("km")
    assert get("assign_clusters")(merged, run_key="km")["n_assigned"] == 30
    assert get("evaluate_clusters")(merged, run_key="km")["n"] == len(merged)


def test_labels_of_patches_that_were_merged_in_are_refused(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    other = patches.clone()
    get("delete_clustering_run")(other, run_key="km")
    compute(other, run_key="km", embeddings="emb", patches_field="things")
    other.set_values("filepath", [f"/elsewhere/{i}.png" for i in range(len(other))])
    patches.merge_samples(other)
    other.delete()
    with pytest.raises(ValueError, match="60 labels in 'things.detections.km' are not of run 'km'"):
        get("evaluate_clusters")(patches, run_key="km")


def test_a_run_that_was_merged_in_can_be_deleted(merged):
    assert get("delete_clustering_run")(merged, run_key="km")["deleted_field"] == "km"
    assert not merged.has_field("km") and merged.list_runs() == []


def test_labels_by_hand_and_of_a_clone_are_of_the_run(blobs, compute):
    compute(blobs.limit(50), run_key="km", embeddings="emb")
    blobs.set_values("km", {blobs.last().id: fo.Classification(label="mine", cluster=1)}, key_field="id")
    clone = blobs.clone()
    blobs.merge_samples(clone)
    clone.delete()
    assert get("evaluate_clusters")(blobs, run_key="km")["n"] == 51
    merge_clusters(blobs, "km", [0, 1])
    undo_edit(blobs, "km")
    assert get("evaluate_clusters")(blobs, run_key="km")["n"] == 51


def test_an_assigned_field_knows_its_run_when_dataset_and_run_are_renamed(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    other = another("/elsewhere", 40)
    get("assign_clusters")(other.limit(30), run_key="km", run_dataset=blobs.name)
    blobs.name = f"{blobs.name}-renamed"
    get("rename_clustering_run")(blobs, run_key="km", new_run_key="k2")
    again = get("assign_clusters")(other, run_key="k2", run_dataset=blobs.name, cluster_field="km")
    assert again["n_assigned"] == 10 and other.count("km.label") == 40
    other.delete()


def test_an_assigned_field_is_not_of_the_next_run_of_that_name(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    other = another("/elsewhere")
    get("assign_clusters")(other, run_key="km", run_dataset=blobs.name)
    before = other.values("km")
    get("delete_clustering_run")(blobs, run_key="km")
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 2})
    with pytest.raises(ValueError, match=r"holds clusters of run 'km' of dataset .*, which is not this run 'km'"):
        get("assign_clusters")(other, run_key="km", run_dataset=blobs.name, overwrite=True)
    assert other.values("km") == before
    other.delete()


def test_a_coarse_field_of_an_earlier_run_is_left_alone(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
    blobs.delete_run("km")  # as FiftyOne does, which leaves the fields
    blobs.delete_sample_field("km")
    before = blobs.values("km_coarse.label")
    compute(blobs, run_key="km", embeddings="emb")
    with pytest.raises(ValueError, match="field 'km_coarse' exists and is not of run 'km'; rename or delete"):
        get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
    merge_clusters(blobs, "km", [0, 1])
    undo_edit(blobs, "km")
    get("rename_clustering_run")(blobs, run_key="km", new_run_key="k2")
    get("delete_clustering_run")(blobs, run_key="k2")
    assert blobs.values("km_coarse.label") == before


def test_a_field_that_is_being_assigned_is_no_leftover(blobs):
    create_label_field(resolve_target(blobs), "far", "a_run_of_another_dataset")
    with locks.write_lock(blobs, "field 'far'"):
        assert clean_fields(blobs) == []
    assert clean_fields(blobs) == ["far"]


@pytest.mark.parametrize("moment", [(coarse, "set_mark"), (transaction.EditedRun, "save")], ids=["mark", "save"])
def test_what_a_killed_grouping_left_makes_way(blobs, compute, monkeypatch, moment):
    compute(blobs, run_key="km", embeddings="emb")

    def killed(*args):
        raise SystemExit

    def leave():
        with monkeypatch.context() as patched, pytest.raises(SystemExit):
            patched.setattr(*moment, killed)
            patched.setattr(transaction.EditedRun, "recover", lambda self: None)
            get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
        assert blobs.has_field("km_coarse")

    leave()
    get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
    assert len(blobs.distinct("km_coarse.label")) == 2
    undo_edit(blobs, "km")
    leave()
    get("rename_clustering_run")(blobs, run_key="km", new_run_key="k2")
    assert not blobs.has_field("km_coarse") and not blobs.has_field("k2_coarse")
    get("rename_clustering_run")(blobs, run_key="k2", new_run_key="km")
    leave()
    get("delete_clustering_run")(blobs, run_key="km")
    assert not blobs.has_field("km_coarse")


def test_only_a_coarse_field_that_is_marked_as_being_written_makes_way(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    create_label_field(resolve_target(blobs), "km_coarse", "km")
    get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
    undo_edit(blobs, "km")
    create_label_field(resolve_target(blobs), "km_coarse", "another")
    with pytest.raises(ValueError, match="field 'km_coarse' exists and is not of run 'km'"):
        get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
