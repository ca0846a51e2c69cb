import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation import crosstab
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.crosstab import table_text

from .conftest import get


@pytest.fixture
def run(blobs, compute):
    """Run ``km``; its cluster of class c is in the training split only, two samples are in two, one in none."""
    compute(blobs, run_key="km", embeddings="emb")
    classes = blobs.values("ground_truth.label")
    tags = [["train"] if c == "c" or i % 2 else ["test", "blurred"] for i, c in enumerate(classes)]
    tags[0], tags[1], tags[3] = ["train", "test"], ["test", "train"], []
    blobs.set_values("tags", tags)
    return blobs


def test_clusters_in_one_split_only(run):
    done = get("tabulate_clusters")(run, run_key="km")
    assert done["columns"] == ["train", "test"] and done["n_several"] == 2 and done["n_none"] == 1
    lonely = [row for row in done["rows"] if row["only_in"]]
    assert len(lonely) == 1 and lonely[0]["only_in"] == "train" and lonely[0]["missing_from"] == ["test"]
    assert lonely[0]["counts"] == [20, 0] and lonely[0]["size"] == 20
    for i, row in enumerate(done["rows"]):
        members = run.match({"km.cluster": row["id"]})
        assert row["counts"] == [len(members.match_tags(tag)) for tag in done["columns"]], i
    text = table_text(done)
    assert "**1 clusters are in one of 2 tags values only**" in text and "only in train" in text
    assert "2 images have several of them" in text and "1 images have none" in text


def test_any_tags_and_fields(run):
    done = get("tabulate_clusters")(run, run_key="km", values=["blurred", "train"])
    assert done["columns"] == ["blurred", "train"]
    done = get("tabulate_clusters")(run, run_key="km", group_by="ground_truth")
    assert done["columns"] == ["a", "b", "c"] and {row["only_in"] for row in done["rows"]} == {"a", "b", "c"}
    done = get("tabulate_clusters")(run.limit(9), run_key="km", group_by="ground_truth")
    assert sum(sum(row["counts"]) for row in done["rows"]) == 9


def test_patches_have_the_tags_of_their_samples_and_their_own(patches, compute):
    compute(patches, run_key="p", embeddings="emb", patches_field="things")
    patches.limit(5).tag_samples("train")
    patches.skip(5).tag_labels("test", label_fields="things")
    done = get("tabulate_clusters")(patches, run_key="p")
    assert [row["counts"] for row in done["rows"]] == [[5, 15]] * 3 and done["unit"] == "patches"


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"values": ["val"]}, "no member has 'val' in 'tags'; there are blurred, test, train"),
        ({"group_by": "emb"}, "'emb' is VectorField"),
        ({"group_by": 7}, "group_by=7 is not a field"),
        ({"run_key": "nope"}, "no clustering run"),
    ],
)
def test_what_is_refused(run, kwargs, words):
    with pytest.raises(ValueError, match=words):
        get("tabulate_clusters")(run, **{"run_key": "km", **kwargs})


def test_a_field_of_too_many_values(run):
    run.set_values("number", list(range(60)))
    assert len(get("tabulate_clusters")(run, run_key="km", group_by="number")["columns"]) == 60
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crosstab, "MOST_VALUES", 59)
        with pytest.raises(ValueError, match="'number' has 60 values here, and at most 59 can be counted; name some"):
            get("tabulate_clusters")(run, run_key="km", group_by="number")
        assert get("tabulate_clusters")(run, run_key="km", group_by="number", values=[3, 5])["columns"] == ["3", "5"]


def test_no_tags_at_all(run):
    run.set_values("tags", [[]] * 60)
    with pytest.raises(ValueError, match="nothing here has a value in 'tags'"):
        get("tabulate_clusters")(run, run_key="km")


def test_hostile_values_stay_text():
    row = {"id": 0, "label": "<b>|x", "size": 1, "counts": [1], "none": 0, "only_in": None, "missing_from": []}
    done = {"group_by": "f", "unit": "images", "columns": ["a|b"], "rows": [row], "n_several": 0, "n_none": 0}
    assert "\\<b\\>\\|x" in table_text(done) and "a\\|b" in table_text(done)
