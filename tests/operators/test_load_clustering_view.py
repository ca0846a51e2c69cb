"""One cluster in the grid: all members in each order, the doubtful ones with ids as the run knows them."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation.views import (
    labels_match,
    of_class,
    unassigned_view,
)
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.labels import index_labels
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run


def load(samples, **kwargs):
    return foo.get_operator("@constellation/clusters/load_clustering_view")(samples, run_key="km", **kwargs)


@pytest.fixture
def run(blobs, compute):
    compute(blobs.limit(54), run_key="km", ground_truth="ground_truth")
    blobs.reload()
    return blobs


def test_the_whole_run_and_one_cluster(run):
    assert len(load(run)) == 54
    view = load(run, cluster=1)
    confidence = view.values("km.confidence")
    assert set(view.values("km.cluster")) == {1} and len(view) == 18
    assert confidence == sorted(confidence, reverse=True)


def test_typical_and_atypical_are_two_ends_of_one_order(run):
    typical, atypical = (load(run, cluster=0, order=order).values("id") for order in ("typical", "atypical"))
    assert sorted(typical) == sorted(load(run, cluster=0).values("id")) and typical == atypical[::-1]
    vectors = {row[0]: np.asarray(row[1]) for row in zip(*run.values(["id", "emb"]), strict=True)}
    X = np.array([vectors[key] / np.linalg.norm(vectors[key]) for key in typical])
    distance = np.linalg.norm(X - X.mean(axis=0), axis=1)
    assert (np.diff(distance) >= -1e-5).all()


def test_borderline_members_come_most_doubtful_first(run):
    first = load(run, cluster=0).last()
    other = load(run, cluster=2).first()
    first["emb"] = (np.asarray(first.emb) + 0.9 * np.asarray(other.emb)) / 2
    first.save()
    foo.get_operator("@constellation/clusters/evaluate_clusters")(run, run_key="km")
    assert load(run, cluster=0, order="borderline").first().id == first.id
    assert load(run, order="borderline").first().id == first.id and len(load(run, order="borderline")) == 54


def test_a_view_limits_the_members(run):
    view = load(run.limit(10), cluster=0)
    assert 0 < len(view) < 10 and set(view.values("id")) <= set(run.limit(10).values("id"))


def test_patches_come_as_a_view_of_patches(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things", ground_truth="things")
    for order in ("confidence", "typical", "borderline"):
        view = load(patches, cluster=1, order=order)
        assert view._is_patches and len(view) == 20 and set(view.values("things.km.cluster")) == {1}
    assert len(load(patches, order="borderline")) == 60
    assert len(load(patches.to_patches("things"), cluster=1)) == 20
    config = patches.get_run_info("km").config
    name = view.first().things.label
    assert len(of_class(view, config, "things", name)) == 20 and len(of_class(view, config, "things", "other")) == 0
    wanted = labels_match(patches, config, {"cluster": 1, "confidence": {"$gte": 0.0, "$lt": 2.0}})
    assert len(wanted) == 20


def test_those_without_a_cluster(run):
    assert sorted(unassigned_view(Run.cached(run, "km"), run).values("id")) == sorted(run.skip(54).values("id"))


def test_classes_and_ranges_of_confidence(run):
    config = run.get_run_info("km").config
    everything = labels_match(run, config, {"confidence": {"$gte": 0.0, "$lte": 1}})
    assert len(everything) == 54 and len(of_class(everything, config, "ground_truth", "a")) == 18
    both = labels_match(run, config, {"cluster": {"$in": [0, 1]}})
    assert set(both.values("km.cluster")) == {0, 1}


def test_the_index_serves_the_click_and_goes_with_the_field(run):
    index_labels(run, "km")
    plan = run._sample_collection.find({"km.cluster": 1}).sort("km.confidence", -1).explain()
    stages = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages and "'SORT'" not in stages
    foo.get_operator("@constellation/clusters/delete_clustering_run")(run, run_key="km")
    assert not any("km" in name for name in run.list_indexes())


def test_noise_and_an_edited_run(run):
    foo.get_operator("@constellation/clusters/edit_clusters")(run, run_key="km", action="dissolve", clusters=[1])
    run.reload()
    assert len(load(run, cluster=-1)) == 18
    with pytest.raises(ValueError, match="has no cluster 1"):
        load(run, cluster=1)


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({"cluster": 99}, "has no cluster 99"),
        ({"cluster": 0, "order": "random"}, "order='random' is not known; use one of confidence, typical"),
        ({"order": "typical"}, "is an order within a cluster; name one"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(run, kwargs, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(run, **kwargs)


def test_a_deleted_label_field_is_named(run):
    run.delete_sample_field("km")
    with pytest.raises(ValueError, match="label field 'km' of run 'km' was deleted"):
        load(run, cluster=0)


def test_the_form_sets_the_view(run):
    operator = foo.get_operator("@constellation/clusters/load_clustering_view")
    params = {"run_key": "km", "cluster": "1", "order": "atypical"}
    ctx = foo.ExecutionContext({"dataset_name": run.name, "params": params}, operator_uri=operator.uri)
    assert "order" in operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"]
    shown = []
    ctx.ops.set_view = lambda view: shown.append(view)
    operator.execute(ctx)
    assert isinstance(shown[0], fo.DatasetView) and len(shown[0]) == 18


def test_the_form_shows_a_run_of_the_whole_dataset_at_its_defaults(blobs, compute):
    compute(blobs, run_key="km")
    result = foo.execute_operator("@constellation/clusters/load_clustering_view", ctx={"dataset": blobs, "params": {}})
    told = [request.params["view"] for request in result.executor._requests]  # a dataset has no stages to serialize
    assert len(told) == 1 and len(fo.DatasetView._build(blobs, told[0])) == 60


def test_a_cluster_id_is_an_integer_of_any_kind(run):
    ids = load(run, cluster=1, order="typical").values("id")
    for same in (np.int64(1), "1"):
        assert load(run, cluster=same, order="typical").values("id") == ids
    for wrong in (True, 1.0, "one", [1]):
        with pytest.raises(ValueError, match="is not a cluster id; give an integer"):
            load(run, cluster=wrong)
