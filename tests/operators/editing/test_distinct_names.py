"""Names that the legend and filters tell apart, whoever gives them."""

import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.editing.names import MAX_NAME, distinct_names
from fiftyone.plugins.orgs.constellation.clusters.operators.naming.store import apply_names
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from ..handles import merge_clusters, move_to_cluster, rename_clusters, split_cluster


@pytest.fixture
def km(blobs, compute):
    compute(blobs, run_key="km")
    return blobs


def names(dataset):
    return {c: record["label"] for c, record in ((r["id"], r) for r in Run.open(dataset, "km").clusters)}


def test_equal_and_reserved_names_get_numbers():
    assert distinct_names({1: "cats", 0: "cats", 2: "cats (2)"}, []) == {0: "cats", 1: "cats (2)", 2: "cats (2) (2)"}
    assert distinct_names({0: "noise", 1: "Cluster 7", 2: "cluster 02"}, ["x"]) == {
        0: "noise (2)",
        1: "Cluster 7 (2)",
        2: "cluster 02",
    }
    long = distinct_names({0: "x" * MAX_NAME, 1: "x" * MAX_NAME}, [])[1]
    assert len(long) == MAX_NAME and long.endswith("x (2)")


def test_a_model_that_answers_one_name_for_all_names_three(km):
    found = {c: {"name": "cats", "coherent": True} for c in range(3)}
    assert apply_names(Run.open(km, "km"), found, "llm") == 3
    told_apart = {0: "cats", 1: "cats (2)", 2: "cats (3)"}
    assert names(km) == told_apart and {c: about["name"] for c, about in found.items()} == told_apart
    assert set(km.distinct("km.label")) == set(told_apart.values())
    again = {1: {"name": "cats"}}
    apply_names(Run.open(km, "km"), again, "llm")
    assert names(km) == told_apart


def test_offline_names_of_one_class_are_told_apart(km):
    km.set_values("ground_truth.label", ["cats"] * len(km))
    done = get("label_clusters")(km, run_key="km", source="field", label_field="ground_truth")
    assert sorted(done["names"].values()) == ["cats", "cats (2)", "cats (3)"] and done["shared"] == [[0, 1, 2]]


def test_a_person_s_name_is_told_apart_and_a_reserved_one_refused(km):
    rename_clusters(km, "km", {0: "cats"})
    rename_clusters(km, "km", {1: "cats"})
    assert names(km)[1] == "cats (2)"
    for name in ("noise", "Noise", "cluster 00", "cluster 7"):
        with pytest.raises(ValueError, match="is kept for"):
            rename_clusters(km, "km", {1: name})
    rename_clusters(km, "km", {0: "cats (2)", 1: "cats"})
    assert names(km)[0] == "cats (2)" and names(km)[1] == "cats"


def test_names_may_be_swapped(km):
    rename_clusters(km, "km", {0: "cats", 1: "dogs"})
    rename_clusters(km, "km", {0: "dogs", 1: "cats"})
    assert names(km) == {0: "dogs", 1: "cats", 2: "cluster 02"}


def test_other_edits_tell_apart(km):
    rename_clusters(km, "km", {0: "cats", 1: "dogs", 2: "cows"})
    split_cluster(km, "km", 0)
    rename_clusters(km, "km", {1: "cats (3)"})
    split_cluster(km, "km", 0)
    assert len(set(names(km).values())) == len(names(km)) == 5
    ids = km.match({"km.cluster": 2}).values("id")[:5]
    move_to_cluster(km, "km", ids, name="cows")
    assert "cows (2)" in names(km).values()
    with pytest.raises(ValueError, match="'noise' is kept for samples in no cluster"):
        move_to_cluster(km, "km", ids, name="noise")
    merge_clusters(km, "km", [1, 2], name="cows")
    assert list(names(km).values()).count("cows") == 1


def test_coarse_names_are_told_apart(blobs, compute):
    compute(blobs, run_key="km", params={"n_clusters": 5})
    get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=3)
    rename_clusters(blobs, "km", {0: "animals", 1: "animals"}, level="coarse")
    assert {"animals", "animals (2)", "group 02"} == set(blobs.distinct("km_coarse.label"))
    with pytest.raises(ValueError, match="'group 02' is kept for the group of that number"):
        rename_clusters(blobs, "km", {0: "group 02"}, level="coarse")
