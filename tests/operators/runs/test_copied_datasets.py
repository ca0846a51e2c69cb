"""Runs in clones, in renamed and in exported datasets: the copies are complete runs, or are refused by name."""

import fiftyone as fo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import store

from ..conftest import get


def sizes(dataset, field="km"):
    return dataset.count_values(f"{field}.label")


@pytest.fixture
def clone_of_a_view(blobs, compute):
    """30 of 60 samples, with the labels of a run that stayed behind."""
    compute(blobs, run_key="km", embeddings="emb")
    clone = blobs.limit(30).clone()
    yield clone
    clone.delete()


def test_labels_that_a_clone_carries_are_not_overwritten(clone_of_a_view, compute):
    before = sizes(clone_of_a_view)
    with pytest.raises(ValueError, match=r"'km' holds the clusters of run 'km', which this dataset does not have"):
        compute(clone_of_a_view, run_key="km", embeddings="emb")
    assert sizes(clone_of_a_view) == before and clone_of_a_view.list_runs() == []
    compute(clone_of_a_view, run_key="next", embeddings="emb")
    assert sizes(clone_of_a_view) == before


def test_labels_of_a_run_that_fiftyone_deleted_are_not_overwritten(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    before = sizes(blobs)
    blobs.delete_run("km")
    with pytest.raises(ValueError, match="delete the field"):
        compute(blobs, run_key="km", embeddings="emb")
    assert sizes(blobs) == before
    blobs.delete_sample_field("km")
    assert compute(blobs, run_key="km", embeddings="emb")["n_clusters"] == 3


def test_a_clone_of_a_run_that_is_being_written_has_a_leftover(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    field = blobs.get_field("km")
    field.info = {"constellation": {**field.info["constellation"], "status": "writing"}}
    field.save()
    clone = blobs.limit(30).clone()
    assert compute(clone, run_key="km", embeddings="emb")["n_clusters"] == 3
    clone.delete()


def test_a_run_of_a_clone_is_deleted_with_its_map(blobs, compute):
    drawn = compute(blobs, run_key="km", embeddings="emb", visualize=True)["visualization"]
    compute(blobs, run_key="second", embeddings="emb", visualize=True)
    clone = blobs.clone()
    assert get("delete_clustering_run")(clone, run_key="km")["deleted_map"] is None  # the second run shows it
    assert get("delete_clustering_run")(clone, run_key="second")["deleted_map"] == drawn
    assert clone.list_brain_runs() == [] and clone.list_runs() == []
    assert blobs.list_brain_runs() == [drawn] and blobs.list_runs() == ["km", "second"]
    clone.delete()


def test_a_renamed_dataset_keeps_its_runs(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    blobs.name = f"{blobs.name}-renamed"
    get("edit_clusters")(blobs, run_key="km", action="merge", clusters=[0, 1])
    assert sorted(sizes(blobs).values()) == [20, 40]
    compute(blobs, run_key="second", embeddings="emb")
    get("edit_clusters")(blobs, run_key="km", action="undo")
    assert sorted(sizes(blobs).values()) == [20, 20, 20]
    assert get("delete_clustering_run")(blobs, run_key="km")["deleted_field"] == "km"


def test_an_imported_dataset_keeps_its_runs_with_their_maps(blobs, compute, tmp_path):
    drawn = compute(blobs, run_key="km", embeddings="emb", visualize=True)["visualization"]
    blobs.export(export_dir=str(tmp_path / "out"), dataset_type=fo.types.FiftyOneDataset, export_media=False)
    back = fo.Dataset.from_dir(dataset_dir=str(tmp_path / "out"), dataset_type=fo.types.FiftyOneDataset)
    assert back.list_runs() == ["km"] and back.list_brain_runs() == [drawn]
    get("edit_clusters")(back, run_key="km", action="merge", clusters=[0, 1])
    assert sorted(sizes(back).values()) == [20, 40] and sorted(sizes(blobs).values()) == [20, 20, 20]
    with pytest.raises(ValueError, match="'km' is taken"):
        compute(back, run_key="km", embeddings="emb")
    assert get("delete_clustering_run")(back, run_key="km")["deleted_map"] == drawn
    assert back.list_brain_runs() == [] and not back.has_sample_field("km")
    back.delete()


def test_merged_samples_bring_labels_and_no_run(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    other = fo.Dataset()
    other.add_samples([fo.Sample(filepath=f"/elsewhere/{i}.png") for i in range(10)])
    other.merge_samples(blobs.limit(10))
    with pytest.raises(ValueError, match="there is no clustering run 'km'; this dataset has none"):
        get("evaluate_clusters")(other, run_key="km")
    before = sizes(other)
    with pytest.raises(ValueError, match="field 'km' (exists|holds)"):
        compute(other, run_key="km", embeddings="emb")
    assert sizes(other) == before and sum(n for text, n in before.items() if text) == 10
    other.delete()


def test_a_run_costs_the_same_after_many(blobs, compute, monkeypatch):
    """Counted: configurations that are copied out of the database."""
    fetched = []
    real = store.fetch_run
    monkeypatch.setattr(store, "fetch_run", lambda dataset, key: fetched.append(key) or real(dataset, key))
    counts = []
    for i in range(8):
        fetched.clear()
        compute(blobs, run_key=f"r{i}", embeddings="emb", visualize=i in (2, 7))
        counts.append(len(fetched))
    assert max(counts) == counts[0] <= 1, counts
