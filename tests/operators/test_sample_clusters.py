import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService

from .conftest import get
from .inputs.test_forms import context, draw, flat


@pytest.fixture
def run(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    return blobs


@pytest.fixture
def patch_run(patches, compute):
    compute(patches, run_key="p", embeddings="emb", patches_field="things")
    return patches


@pytest.mark.parametrize("strategy", ["mixed", "central", "diverse", "random"])
def test_a_balanced_subset_as_tag_and_saved_view(run, strategy):
    done = get("sample_clusters")(
        run, run_key="km", n_per_cluster=4, tag="annotate", view_name="subset", strategy=strategy
    )
    assert done["n"] == 12 and done["short"] == [] and list(done["sizes"].values()) == [4, 4, 4]
    assert run.match_tags("annotate").values("id") == [i for i in run.values("id") if i in set(done["ids"])]
    assert run.load_saved_view("subset").values("id") == done["ids"] == done["view"].values("id")
    assert run.load_saved_view("subset").count_values("km.label") == {f"cluster 0{i}": 4 for i in range(3)}


def test_nothing_is_written_without_a_name(run):
    done = get("sample_clusters")(run, run_key="km", n_per_cluster=2)
    assert len(done["view"]) == 6 and run.list_saved_views() == [] and run.distinct("tags") == []
    again = get("sample_clusters")(run, run_key="km", n_per_cluster=2)
    assert again["ids"] == done["ids"]


def test_small_clusters_are_said_to_be_short(run):
    done = get("sample_clusters")(run.limit(31), run_key="km", n_per_cluster=11)
    assert done["n"] == 31 and len(done["short"]) == 2 and set(done["ids"]) == set(run.limit(31).values("id"))


def test_patches_are_tagged_themselves(patch_run):
    for samples in (patch_run, patch_run.to_patches("things")):
        done = get("sample_clusters")(samples, run_key="p", n_per_cluster=3, tag="pick", view_name=f"v{len(samples)}")
        assert done["view"]._is_patches and done["view"].values("id") == done["ids"] and done["n"] == 9
        assert patch_run.count_label_tags("things") == {"pick": 9} and patch_run.distinct("tags") == []
        assert len(patch_run.load_saved_view(f"v{len(samples)}")) == 9


def test_noise_alone_cannot_be_sampled(run):
    for sample in run.iter_samples(autosave=True):
        sample["km"].cluster = -1
    with pytest.raises(ValueError, match="run 'km' has nothing but noise here"):
        get("sample_clusters")(run, run_key="km")


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"n_per_cluster": 0}, "n_per_cluster=0"),
        ({"n_per_cluster": 2.5}, "n_per_cluster=2.5"),
        ({"strategy": "best"}, "strategy='best' is not known; choose one of mixed, central, diverse, random"),
        ({"view_name": "taken"}, "there is a saved view 'taken'; choose another name or delete it first"),
        ({"tag": " "}, "tag=' ' is not a name"),
        ({"run_key": "nope"}, "no clustering run 'nope'"),
    ],
)
def test_what_is_refused_changes_nothing(run, kwargs, words):
    run.save_view("taken", run.limit(1))
    with pytest.raises(ValueError, match=words):
        get("sample_clusters")(run, **{"run_key": "km", "tag": "x", **kwargs})
    assert run.distinct("tags") == [] and run.list_saved_views() == ["taken"]


def test_lost_vectors_leave_the_draw(run):
    run.delete_sample_field("emb")
    with pytest.raises(ValueError, match="there is no field 'emb'"):
        get("sample_clusters")(run, run_key="km")
    assert get("sample_clusters")(run, run_key="km", strategy="random", n_per_cluster=5)["n"] == 15


def test_the_form_refuses_a_view_that_exists(run):
    run.save_view("taken", run.limit(1))
    form = flat(draw(run, "sample_clusters", run_key="km", view_name="taken"))
    assert form["view_name"]["invalid"] and form["n_per_cluster"]["default"] == 10


def test_near_duplicates_group_by_group(run):
    X = np.array(run.values("emb"))
    originals, ids = run.values("id")[:3], run.values("id")
    copies = [fo.Sample(filepath=f"/n/copy{i}.png", emb=X[i] * 2) for i in (0, 0, 1)]
    new = run.add_samples(copies)
    get("compute_clusters")(run, run_key="again", embeddings="emb", params={"n_clusters": 3}, visualize=False)
    done = get("find_cluster_duplicates")(run, run_key="again", min_similarity=0.9999, tag="twin")
    assert done["n_groups"] == 2 and done["n_extra"] == 3
    assert [set(group["ids"]) for group in done["groups"]] == [{originals[0], *new[:2]}, {originals[1], new[2]}]
    assert done["view"].values("id") == [key for group in done["groups"] for key in group["ids"]]
    assert set(run.match_tags("twin").values("id")) == set(done["extra"])
    for group in done["groups"]:
        assert set(run.select(group["ids"]).values("again.cluster")) == {group["cluster"]}
        sure = run.select(group["ids"], ordered=True).values("again.confidence")
        assert sure == sorted(sure, reverse=True)
    nothing = get("find_cluster_duplicates")(run.select(ids[2:60]), run_key="again", min_similarity=1.0)
    assert nothing["n_groups"] == 0 and len(nothing["view"]) == 0


def test_near_duplicates_among_patches(patch_run):
    done = get("find_cluster_duplicates")(patch_run, run_key="p", min_similarity=0.5, tag="twin")
    assert done["n_groups"] == 3 and done["view"]._is_patches and len(done["view"]) == 60
    assert patch_run.count_label_tags("things") == {"twin": 57}


@pytest.mark.parametrize("min_similarity", [0, 1.5, "x"])
def test_similarities_that_are_refused(run, min_similarity):
    with pytest.raises(ValueError, match="min_similarity="):
        get("find_cluster_duplicates")(run, run_key="km", min_similarity=min_similarity, tag="x")
    assert run.distinct("tags") == []


@pytest.mark.parametrize(("target", "n"), [(None, 6), ("CURRENT_VIEW", 6), ("DATASET", 60)])
def test_the_app_means_the_view_or_the_whole_dataset(run, tmp_path, target, n):
    request = {"view": run.limit(6), "params": {"run_key": "km", "path": str(tmp_path / "a.csv"), "format": "csv"}}
    if target:
        request["view_target"] = target
    foo.execute_operator("@constellation/clusters/export_clusters", ctx=request)
    assert len((tmp_path / "a.csv").read_text().splitlines()) == n + 1


def test_a_view_of_other_patches_means_the_dataset(patch_run):
    from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.pickers import run_samples

    boxes = [fo.Detections(detections=[fo.Detection(bounding_box=[0, 0, 1, 1])]) for _ in range(20)]
    patch_run.set_values("other", boxes)
    for field, same in (("things", True), ("other", False)):
        ctx = context(patch_run, "export_clusters", view=patch_run.to_patches(field))
        assert run_samples(ctx, "p")._is_patches is same


@pytest.mark.parametrize(
    ("operator", "kwargs", "words"),
    [
        ("sample_clusters", {}, "tag=None and view_name=None leave nothing of a delegated choice"),
        ("sample_clusters", {"tag": "x", "strategy": "best"}, "strategy='best' is not known"),
        ("sample_clusters", {"tag": "x", "run_key": "nope"}, "no clustering run 'nope'"),
        ("find_cluster_duplicates", {}, "tag=None leaves nothing of a delegated search"),
        ("find_cluster_duplicates", {"tag": "x", "min_similarity": 2}, "min_similarity=2"),
    ],
)
def test_what_a_worker_is_not_sent(run, operator, kwargs, words):
    with pytest.raises(ValueError, match=words):
        get(operator)(run, **{"run_key": "km", "delegate": True, **kwargs})


@pytest.mark.parametrize(
    ("operator", "kwargs", "words", "n"),
    [
        ("sample_clusters", {"n_per_cluster": 2, "strategy": "random"}, "6 images of 3 clusters, tagged pick", 6),
        (
            "find_cluster_duplicates",
            {"min_similarity": 0.5},
            "3 groups of near-duplicates, 57 images too many, tagged",
            57,
        ),
    ],
)
def test_a_worker_tags_and_says_how_many(run, operator, kwargs, words, n):
    queued = get(operator)(run, run_key="km", tag="pick", delegate=True, **kwargs)
    service = DelegatedOperationService()
    service.execute_queued_operations(limit=1, log=False)
    assert words in service.get(ObjectId(queued["id"])).status.label
    run.reload()
    assert len(run.match_tags("pick")) == n
