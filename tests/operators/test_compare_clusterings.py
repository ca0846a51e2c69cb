import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F

from .conftest import get


@pytest.fixture
def two(blobs, compute):
    """Runs ``three`` of all samples and ``four`` of 50 of them."""
    compute(blobs, run_key="three", embeddings="emb")
    compute(blobs.limit(50), run_key="four", params={"n_clusters": 4}, embeddings="emb")
    return blobs


def test_two_runs_are_joined_by_id(two):
    done = get("compare_clusterings")(two, run_key="three", other_run_key="four")
    assert done["n_compared"] == 50 and done["n_only_first"] == 10 and done["n_only_second"] == 0
    assert sum(map(sum, done["table"]["counts"])) == 50
    fates = [cluster["fate"] for cluster in done["clusters"]]
    assert sorted(fates) == ["kept", "kept", "split"] and 0 < done["ari"] < 1 and 0 < done["ami"] < 1
    split = next(cluster for cluster in done["clusters"] if cluster["fate"] == "split")
    assert sum(split["into"].values()) == split["size"]
    assert done["n_moved"] == len(done["moved"]) == min(split["into"].values()) == len(done["view"])
    before = two.match(F("three.cluster") == split["id"]).values("id")
    assert set(done["moved"]) < set(before) and done["view"].values("id") == done["moved"]


def test_the_other_way_round_clusters_merged(two):
    done = get("compare_clusterings")(two, run_key="four", other_run_key="three")
    assert sorted(cluster["fate"] for cluster in done["clusters"]) == ["kept", "kept", "merged", "merged"]
    assert done["n_only_first"] == 0 and done["n_only_second"] == 10


def test_a_run_and_a_label_field(two):
    two.set_values("ground_truth.label", [None] * 5 + two.values("ground_truth.label")[5:])
    done = get("compare_clusterings")(two, run_key="three", other_run_key="ground_truth")
    assert done["n_compared"] == 55 and done["n_only_first"] == 5 and done["ari"] == 1 and done["n_moved"] == 0
    assert sorted(done["table"]["columns"]) == ["a", "b", "c"] and len(done["view"]) == 0
    assert done["table"]["counts"][0][0] >= 18 and done["table"]["counts"][0][1] == 0


def test_a_view_compares_its_samples_alone(two):
    done = get("compare_clusterings")(two.limit(20), run_key="three", other_run_key="four")
    assert done["n_compared"] == 20 and set(done["moved"]) <= set(two.limit(20).values("id"))


def test_noise_clusters_without_a_partner_and_classes_of_any_kind_have_their_view(two):
    two.set_values("number", [None if i == 7 else i % 4 for i in range(60)])
    two.set_values("km_noise", [i % 2 == 0 for i in range(60)])
    sample = two.first()
    sample["three"].cluster, sample["three"].label = -1, "noise"
    sample.save()
    for key, other in (("three", "four"), ("four", "three"), ("three", "number"), ("four", "km_noise")):
        done = get("compare_clusterings")(two, run_key=key, other_run_key=other)
        assert done["moved"] and sorted(done["view"].values("id")) == sorted(done["moved"])


def test_patches(patches, compute):
    compute(patches, run_key="p3", embeddings="emb", patches_field="things")
    compute(patches, run_key="p2", params={"n_clusters": 2}, embeddings="emb", patches_field="things")
    for samples in (patches, patches.to_patches("things")):
        done = get("compare_clusterings")(samples, run_key="p3", other_run_key="p2")
        assert done["unit"] == "patches" and done["n_compared"] == 60 and done["n_moved"] == 20
        assert done["view"]._is_patches and done["view"].values("id") == done["moved"]
    for other in ("things", "label"):
        done = get("compare_clusterings")(patches, run_key="p2", other_run_key=other)
        assert done["n_moved"] == 20 and sorted(done["view"].values("id")) == sorted(done["moved"])


def test_images_and_patches_cannot_be_compared(patches, compute):
    compute(patches, run_key="p", embeddings="emb", patches_field="things")
    patches.set_values("emb", [[float(i % 3), 1.0] for i in range(20)])
    compute(patches, run_key="w", embeddings="emb")
    with pytest.raises(ValueError, match="run 'p' is of things and run 'w' of whole images"):
        get("compare_clusterings")(patches, run_key="p", other_run_key="w")
    with pytest.raises(ValueError, match="run 'w' is of whole images; pass the dataset"):
        get("compare_clusterings")(patches.to_patches("things"), run_key="w", other_run_key="p")


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"run_key": "three", "other_run_key": "three"}, "with itself"),
        ({"run_key": "nine", "other_run_key": "three"}, "no clustering run 'nine'; the runs here are"),
        ({"run_key": "three", "other_run_key": "nope"}, "'nope' is missing"),
        ({"run_key": "three", "other_run_key": "emb"}, "'emb' is VectorField"),
    ],
)
def test_what_is_refused(two, kwargs, words):
    with pytest.raises(ValueError, match=words):
        get("compare_clusterings")(two, **kwargs)


def test_a_field_that_was_deleted_or_renamed(two):
    two.rename_sample_field("three", "renamed")
    with pytest.raises(ValueError, match="label field 'three' of run 'three' was deleted or renamed"):
        get("compare_clusterings")(two, run_key="three", other_run_key="four")


def test_samples_that_were_deleted(two):
    two.delete_samples(two.values("id")[:7])
    assert get("compare_clusterings")(two, run_key="three", other_run_key="four")["n_compared"] == 43


def test_runs_that_share_no_sample(blobs, compute):
    compute(blobs.limit(30), run_key="a", embeddings="emb")
    compute(blobs.skip(30), run_key="b", embeddings="emb")
    with pytest.raises(ValueError, match="no images have a label of both 'a' and 'b'"):
        get("compare_clusterings")(blobs, run_key="a", other_run_key="b")


def test_a_clone_compares_alike(two):
    expected = get("compare_clusterings")(two, run_key="three", other_run_key="four")
    clone = two.clone()
    try:
        done = get("compare_clusterings")(clone, run_key="three", other_run_key="four")
        assert done["ari"] == expected["ari"] and len(done["view"]) == expected["n_moved"]
    finally:
        clone.delete()


def test_the_app_gets_text_a_heat_map_and_a_button(two):
    result = foo.execute_operator(
        "@constellation/clusters/compare_clusterings",
        ctx={"dataset": two, "params": {"run_key": "three", "other_run_key": "four"}},
    ).result
    assert "ARI" in result["text"] and "1 moved" not in result["text"] and "split into" in result["text"]
    assert result["heat_map"][0]["customdata"] == result["table"]["counts"]
    operator = get("compare_clusterings")
    ctx = foo.ExecutionContext({"dataset_name": two.name, "params": {}, "results": result}, operator_uri=operator.uri)
    outputs = operator.resolve_type(ctx, "outputs").to_json()["type"]["properties"]
    assert f"{result['n_moved']} images that moved" in str(outputs["show_moved"])


def test_hostile_names_stay_text():
    from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.comparison import comparison_plot
    from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.markdown import escape

    assert escape("a*<b>\n_c_") == "a\\*\\<b\\> \\_c\\_"
    done = {
        "run_key": "a",
        "other_run_key": "b",
        "table": {"rows": ["<b>x" * 90] * 2, "columns": ["y"], "counts": [[1], [2]]},
    }
    rows = comparison_plot(done)[0][0]["y"]
    assert "<" not in "".join(rows) and len(set(rows)) == 2


def test_the_button_shows_who_moved_whatever_the_view_is_by_then(two):
    done = get("compare_clusterings")(two, run_key="three", other_run_key="four")
    params = {"run_key": "three", "other_run_key": "four", "view_target": "DATASET", "show": "moved"}
    result = foo.execute_operator(
        "@constellation/clusters/compare_clusterings", ctx={"view": two.limit(1), "params": params}
    )
    shown = next(request for request in result.executor._requests if request.operator_uri == "set_view")
    view = fo.DatasetView._build(two, shown.params["view"])
    assert sorted(view.values("id")) == sorted(done["moved"]) and result.result["n_moved"] == done["n_moved"]
