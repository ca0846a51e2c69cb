"""What a run keeps about its clusters: computed with it, kept with it, told from what is out of date."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.editing.hierarchy import build_cluster_hierarchy
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation.scores import current_statistics
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation.statistics import (
    BINS,
    are_current,
    make_statistics,
    make_truth,
    read_statistics,
    unpack,
)
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..handles import (
    absorb_noise,
    clusters_of,
    dissolve_clusters,
    merge_clusters,
    move_to_cluster,
    read_result,
    redo_edit,
    rename_clusters,
    split_cluster,
    undo_edit,
)


def get(name):
    return foo.get_operator(f"@constellation/clusters/{name}")


@pytest.fixture
def run(blobs, compute):
    compute(blobs, run_key="km", ground_truth="ground_truth")
    blobs.reload()
    return blobs


def members(dataset, cluster):
    return dataset.match(fo.ViewField("km.cluster") == cluster).values("id")


def known(dataset):
    """All that is derived from a run's labels: figures and those against classes, then the scores of the whole."""
    dataset.reload()
    parts = [dict(read_statistics(Run.cached(dataset, "km"), name)) for name in ("figures", "truth")]
    config = dataset.get_run_info("km").config
    return [{key: value for key, value in part.items() if key != "at"} for part in parts], config.scores, config.recall


def evaluate(dataset, **kwargs):
    return get("evaluate_clusters")(dataset, run_key="km", **kwargs)


def test_a_run_has_figures_from_the_start(run):
    statistics = read_statistics(Run.cached(run, "km"))
    assert are_current(Run.cached(run, "km"), statistics) and statistics["n"] == 60 and statistics["n_noise"] == 0
    assert sorted(statistics["clusters"]) == ["0", "1", "2"] and sorted(statistics["order"]) == [0, 1, 2]
    for found in statistics["clusters"].values():
        assert found["size"] == sum(found["histogram"]) == 20
        assert 0.5 < found["cohesion"] < 1 and found["separation"] > 4 and found["silhouette"] > 0.5
        low, high = found["silhouette_range"]
        assert low <= found["silhouette"] <= high
        assert len(found["border"]) == len(found["second"]) == len(found["margin"]) == 20
        assert found["margin"] == sorted(found["margin"])
    similarity = unpack(statistics["similarity"])
    assert similarity.shape == (3, 3) and np.diag(similarity).tolist() == [100] * 3
    truth = read_statistics(Run.cached(run, "km"), "truth")
    assert [c["purity"] for c in truth["clusters"].values()] == [1, 1, 1]
    assert sorted(c["majority"] for c in truth["clusters"].values()) == ["a", "b", "c"]
    assert unpack(truth["counts"]).tolist() == [[20, 0, 0], [0, 20, 0], [0, 0, 20]]


def test_evaluating_again_gives_the_same_figures(run):
    before = read_statistics(Run.cached(run, "km"))
    evaluate(run, ground_truth="ground_truth")
    after = read_statistics(Run.cached(run, "km"))
    assert {k: v for k, v in after.items() if k != "at"} == {k: v for k, v in before.items() if k != "at"}


def test_the_members_at_the_border_are_named_by_id_with_their_second_choice(run):
    doubtful = run.match(fo.ViewField("km.cluster") == 0).first()
    elsewhere = run.match(fo.ViewField("km.cluster") == 1).first()
    doubtful["emb"] = 0.55 * np.asarray(doubtful.emb) + 0.45 * np.asarray(elsewhere.emb)
    doubtful.save()
    evaluate(run)
    border = read_statistics(Run.cached(run, "km"))["clusters"]["0"]
    assert border["border"][0] == doubtful.id and border["second"][0] == 1 and border["margin"][0] < border["margin"][1]


def test_figures_are_out_of_date_after_an_edit_and_a_deletion(run):
    move_to_cluster(run, "km", members(run, 0)[:2], 1)
    run.reload()
    statistics = read_statistics(Run.cached(run, "km"))
    assert not are_current(Run.cached(run, "km"), statistics) and run.get_run_info("km").config.scores == {}
    statistics = current_statistics(Run.cached(run, "km"))
    assert (
        are_current(Run.cached(run, "km"), statistics)
        and statistics["state"] == 1
        and statistics["clusters"]["1"]["size"] == 22
    )
    run.delete_samples(run.match(fo.ViewField("km.cluster") == 2).limit(5))
    assert not are_current(Run.cached(run, "km"), statistics)
    assert current_statistics(Run.cached(run, "km"))["clusters"]["2"]["size"] == 15
    run.reload()
    assert [entry["size"] for entry in clusters_of(run, "km")] == [18, 22, 15]  # the run follows, without an edit
    assert run.get_run_info("km").config.n_used == 55 and len(read_result(run, "km", "edits")) == 1
    run.delete_samples(members(run, 2))
    current_statistics(Run.cached(run, "km"))
    run.reload()
    assert [entry["id"] for entry in clusters_of(run, "km")] == [0, 1]


def test_names_leave_figures_and_scores_as_they_are(run):
    before = known(run)
    rename_clusters(run, "km", {0: "zero"})
    assert known(run) == before and are_current(Run.cached(run, "km"), read_statistics(Run.cached(run, "km")))
    assert are_current(Run.cached(run, "km"), read_statistics(Run.cached(run, "km"), "truth"))


EDITS = {
    "rename": lambda ds, first, other, *_: rename_clusters(ds, "km", {first: "dogs"}),
    "merge": lambda ds, first, other, *_: merge_clusters(ds, "km", [first, other]),
    "split": lambda ds, first, *_: split_cluster(ds, "km", first),
    "move": lambda ds, first, other, *_: move_to_cluster(ds, "km", members(ds, first)[:3], other),
    "found": lambda ds, first, *_: move_to_cluster(ds, "km", members(ds, first)[:2], name="new"),
    "dissolve": lambda ds, first, other, *_: dissolve_clusters(ds, "km", [other]),
    "absorb_noise": lambda ds, *_: absorb_noise(ds, "km", min_similarity=-1),
    "hierarchy": lambda ds, *_: build_cluster_hierarchy(ds, "km", 2),
    "coarse": lambda ds, *_: rename_clusters(ds, "km", {0: "some"}, level="coarse"),
}


@pytest.mark.parametrize("evaluated", [False, True])
def test_every_edit_undone_gives_the_figures_and_scores_back_exactly(blobs, compute, evaluated):
    # neither the order of the samples nor the seed may matter
    compute(blobs.shuffle(seed=1), run_key="km", params={"n_clusters": 5}, ground_truth="ground_truth", seed=7)
    blobs.reload()
    states = [known(blobs)]
    for name, edit in EDITS.items():
        before = known(blobs)
        edit(blobs, *(entry["id"] for entry in clusters_of(blobs, "km") if entry["id"] >= 0))
        if evaluated:
            evaluate(blobs, ground_truth="ground_truth")
        assert (known(blobs)[1:] == before[1:]) == (name in ("rename", "hierarchy", "coarse")), name
        undo_edit(blobs, "km")
        assert known(blobs)[1:] == before[1:], name
        if evaluated:
            evaluate(blobs, ground_truth="ground_truth")
        assert known(blobs) == before, name
        assert all(
            are_current(Run.cached(blobs, "km"), read_statistics(Run.cached(blobs, "km"), part))
            for part in ("figures", "truth")
        ), name
        redo_edit(blobs, "km")
        evaluate(blobs, ground_truth="ground_truth")
        states.append(known(blobs))
    for expected in reversed(states[:-1]):
        undo_edit(blobs, "km")
        evaluate(blobs, ground_truth="ground_truth")
        assert known(blobs) == expected


def test_scores_are_told_per_cluster_and_overall_and_kept(run):
    found = evaluate(run, ground_truth="ground_truth")
    assert found["scores"]["acc"] == 1 and found["scores"]["silhouette"] > 0.5 and found["saved"] and not found["notes"]
    row = found["clusters"][0]
    assert (
        row["size"] == 20 and row["share"] == pytest.approx(1 / 3) and row["purity"] == 1 and row["majority"] in "abc"
    )
    run.reload()
    assert run.get_run_info("km").config.scores["ari"] == 1


def test_a_part_of_a_run_is_scored_and_nothing_is_kept(run):
    before = read_statistics(Run.cached(run, "km"))
    found = evaluate(run.limit(30))
    assert found["n"] == 30 and not found["saved"] and sum(row["size"] for row in found["clusters"]) == 30
    run.reload()
    assert read_statistics(Run.cached(run, "km")) == before


def test_without_vectors_the_labels_are_scored_and_it_is_said(run):
    run.set_values("emb", [None] * 60)
    found = evaluate(run, ground_truth="ground_truth")
    assert found["scores"]["acc"] == 1 and "silhouette" not in found["scores"]
    assert "60 of 60 vectors are gone" in found["notes"][0]
    assert found["clusters"][0]["cohesion"] is None and found["clusters"][0]["confidence"] > 0
    run.delete_sample_field("emb")
    assert "there is no field 'emb'" in evaluate(run)["notes"][0]


def test_patches_are_scored_by_their_labels(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    found = get("evaluate_clusters")(patches, run_key="km", ground_truth="things")
    assert found["n"] == 60 and found["scores"]["acc"] == 1
    patches.reload()
    ids = set(patches.values("things.detections.id", unwind=True))
    assert set(read_statistics(Run.cached(patches, "km"))["clusters"]["0"]["border"]) <= ids


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({"run_key": "missing"}, "there is no clustering run 'missing'"),
        ({"run_key": "km", "ground_truth": "emb"}, "ground-truth field 'emb' is"),
        ({"run_key": "km", "ground_truth": "nothing"}, "ground-truth field 'nothing' is missing"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(run, kwargs, sentence):
    before = read_statistics(Run.cached(run, "km"))
    with pytest.raises(ValueError, match=sentence):
        get("evaluate_clusters")(run, **kwargs)
    assert read_statistics(Run.cached(run, "km")) == before


def test_a_deleted_label_field_is_named(run):
    run.delete_sample_field("km")
    with pytest.raises(ValueError, match="label field 'km' of run 'km' was deleted"):
        evaluate(run)


def test_a_clone_has_the_figures_of_its_original(run):
    copy = run.clone()
    try:
        assert read_statistics(Run.cached(copy, "km"))["clusters"] == read_statistics(Run.cached(run, "km"))["clusters"]
        assert evaluate(copy)["saved"]
    finally:
        copy.delete()


def test_noise_has_strangers_on_its_card_and_no_geometry():
    labels = np.repeat([0, 1, -1], 20)
    X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    ids = [str(i) for i in range(60)]
    statistics = make_statistics(ids, X, labels, np.linspace(0, 1, 60))
    assert statistics["n_noise"] == 20 and statistics["noise"]["size"] == 20 and "cohesion" not in statistics["noise"]
    assert len(statistics["noise"]["prototypes"]) == 9 and set(statistics["noise"]["prototypes"]) <= set(ids[40:])
    assert len(statistics["histogram"]) == BINS and sum(statistics["histogram"]) == 60


@pytest.mark.parametrize("labels", [np.full(6, -1), np.zeros(6, int), np.arange(6)])
def test_only_noise_a_single_cluster_and_single_members(labels):
    X = np.arange(24, dtype=np.float32).reshape(6, 4)
    statistics = make_statistics([str(i) for i in range(6)], X, labels, np.ones(6))
    assert sum(c["size"] for c in statistics["clusters"].values()) + statistics["n_noise"] == 6
    assert all(c["silhouette"] is None or c["silhouette"] == 0 for c in statistics["clusters"].values())


def test_too_many_classes_are_scored_without_a_table():
    truth = [str(i) for i in range(300)]
    found = make_truth(truth, np.zeros(300, int), "field")
    assert found["counts"] is None and found["clusters"]["0"]["purity"] == pytest.approx(1 / 300, abs=1e-4)
