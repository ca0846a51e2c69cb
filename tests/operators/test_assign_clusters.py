"""New samples in the clusters of a stored run: the estimator's own labels, after edits too, here and elsewhere."""

from importlib.util import find_spec

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from bson import ObjectId
from fiftyone import ViewField as F
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import get_reduction
from fiftyone.plugins.orgs.constellation.clusters.operators.editing import new_samples
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from PIL import Image

from .conftest import get, group_vectors
from .editing.test_edits import check_records, log_of, state
from .handles import (
    clusters_of,
    dissolve_clusters,
    merge_clusters,
    move_to_cluster,
    rename_clusters,
    split_cluster,
    undo_edit,
    version_of,
)
from .panel.panel_browser import Browser


@pytest.fixture
def split(blobs, compute):
    """A run on the first 40 of 60 samples; the ids of the others."""
    compute(blobs.limit(40), run_key="km", embeddings="emb", params={"n_clusters": 5})
    return blobs, blobs.skip(40).values("id")


@pytest.fixture
def other():
    """Another dataset, with vectors of the same kind and no run."""
    X, which = group_vectors(30)
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=f"/elsewhere/{i}.png", emb=x) for i, x in enumerate(X)])
    yield dataset, which
    dataset.delete()


def assign(samples, **kwargs):
    return get("assign_clusters")(samples, run_key="km", **kwargs)


@pytest.mark.parametrize(
    "method, params, reduce",
    [
        ("kmeans", {"n_clusters": 5}, "none"),
        ("kmeans", {"n_clusters": 5}, "pca"),
        ("gaussian_mixture", {"n_clusters": 3}, "none"),
        ("hdbscan", {"min_cluster_size": 5}, "none"),
        ("agglomerative", {"n_clusters": 4}, "none"),
    ],
)
def test_labels_are_those_that_the_estimator_predicts(blobs, compute, method, params, reduce):
    strays = np.random.default_rng(3).normal(size=(5, 32)).astype(np.float32)
    blobs.add_samples([fo.Sample(filepath=f"/nowhere/far{i}.png", emb=x) for i, x in enumerate(strays)])
    compute(blobs.limit(40), run_key="km", method=method, params=params, embeddings="emb", reduce=reduce)
    before = list(zip(*blobs.limit(40).values(["km.id", "km.label", "km.confidence"]), strict=True))
    done = assign(blobs)
    X = l2_normalize(np.stack(blobs.values("emb")))
    estimator = get_clusterer(method)(**params)
    reducer = get_reduction(reduce)()
    X = np.concatenate([reducer.fit_transform(X[:40]), reducer.transform(X[40:])])
    labels, confidence = estimator.fit(X[:40]).assign(X[40:])
    new = blobs.skip(40)
    assert new.values("km.cluster") == labels.tolist()
    assert new.values("km.confidence") == pytest.approx(confidence, abs=2e-5)
    assert list(zip(*blobs.limit(40).values(["km.id", "km.label", "km.confidence"]), strict=True)) == before
    assert done["n_assigned"] + done["n_noise"] == 25 and done["n_noise"] == (labels < 0).sum()
    check_records(blobs)


QUICK = {"n_clusters": 3, "steps": 40, "heads": 1, "pretrain_steps": 40, "runs": 2, "min_cluster_size": 5}


@pytest.mark.parametrize("method", list_clusterers())
def test_labels_of_every_method_are_those_of_its_predict(blobs, compute, method):
    if method == "evoc" and not find_spec("evoc"):
        pytest.skip("evoc is not installed")
    strays = np.random.default_rng(3).normal(size=(5, 32)).astype(np.float32)
    blobs.add_samples([fo.Sample(filepath=f"/nowhere/far{i}.png", emb=x) for i, x in enumerate(strays)])
    params = {key: value for key, value in QUICK.items() if key in parameters(get_clusterer(method))}
    compute(blobs.limit(40), run_key="km", method=method, params=params, embeddings="emb", reduce="none")
    assign(blobs)
    X = l2_normalize(np.stack(blobs.values("emb")))
    estimator = get_clusterer(method)(**params).fit(X[:40])
    assert blobs.limit(40).values("km.cluster") == estimator.labels_.tolist()
    assert blobs.skip(40).values("km.cluster") == estimator.predict(X[40:]).tolist()


def test_it_is_an_edit_that_can_be_undone(split):
    dataset, ids = split
    before = state(dataset)
    rename_clusters(dataset, "km", {c["id"]: f"name {c['id']}" for c in clusters_of(dataset, "km")})
    named = state(dataset)
    prototypes = [c["prototypes"] for c in clusters_of(dataset, "km")]
    done = assign(dataset, author="anna")
    assert done["version"] == 2 and log_of(dataset)[-1]["by"] == "anna"
    assert sum(c["size"] for c in done["clusters"]) == 20 and done["text"].startswith("Assigned 20 images to ")
    assert {c["label"] for c in done["clusters"]} == {f"name {c['id']}" for c in done["clusters"]}
    assert [c["prototypes"] for c in clusters_of(dataset, "km")] == prototypes
    check_records(dataset)
    again = assign(dataset)
    assert again["version"] == 2 and again["text"] == "All of these images had a label before; nothing was changed"
    undo_edit(dataset, "km")
    assert state(dataset) == named and dataset.select(ids).values("km") == [None] * 20
    undo_edit(dataset, "km")
    assert state(dataset) == before


def test_below_the_minimum_they_stay_unassigned(split):
    dataset, ids = split
    assign(dataset)
    sure = np.array(dataset.select(ids).values("km.confidence"))
    undo_edit(dataset, "km")
    limit = float(np.median(sure)) + 1e-9
    done = assign(dataset, min_confidence=limit)
    assert (
        done["n_unassigned"] == (sure < limit).sum() > 0 and f"{done['n_unassigned']} stay unassigned" in done["text"]
    )
    left = dataset.select(ids).match(F("km") == None).values("id")  # noqa: E711
    assert set(left) == {row_id for row_id, p in zip(ids, sure, strict=True) if p < limit}
    view = dataset.select(left[:3])
    assert assign(view)["n_assigned"] == 3 and dataset.count("km.label") == 40 + 20 - len(left) + 3
    check_records(dataset)


def test_new_samples_go_where_the_edited_clusters_are(split):
    dataset, ids = split
    assign(dataset, cluster_field="plain")
    first = dict(zip(*dataset.select(ids).values(["id", "plain.cluster"]), strict=True))
    merge_clusters(dataset, "km", [0, 1], name="both")
    dissolve_clusters(dataset, "km", [2])
    fresh = split_cluster(dataset, "km", 3)["clusters"]
    done = assign(dataset)
    kept = next(c["id"] for c in clusters_of(dataset, "km") if c["label"] == "both")
    goes = {0: {kept}, 1: {kept}, 2: {-1}, 3: {c["id"] for c in fresh} | {kept, -1, 4}, 4: {4}}
    for row_id, cluster in zip(*dataset.select(ids).values(["id", "km.cluster"]), strict=True):
        assert cluster in goes[first[row_id]]
    assert done["n_noise"] > 0
    check_records(dataset)
    merge_clusters(dataset, "km", [kept, 4])
    assert assign(dataset, overwrite=True)["version"] == version_of(dataset, "km")
    check_records(dataset)


def test_again_moves_what_was_assigned_and_nothing_else(split):
    dataset, ids = split
    assign(dataset)
    by_hand, seen = ids[0], dict(zip(*dataset.limit(40).values(["id", "km.cluster"]), strict=True))
    there = dataset[by_hand].km.cluster
    move_to_cluster(dataset, "km", [by_hand], (there + 1) % 5)
    done = assign(dataset, overwrite=True, min_confidence=1)
    assert done["n_unassigned"] + done["n_assigned"] == 19 and done["n_unassigned"] > 10
    assert dataset.select(ids[1:]).values("km").count(None) == done["n_unassigned"]
    assert dataset[by_hand].km.cluster == (there + 1) % 5
    assert dict(zip(*dataset.limit(40).values(["id", "km.cluster"]), strict=True)) == seen
    check_records(dataset)


def test_into_another_dataset(split, other):
    dataset, _ = split
    target, which = other
    before = state(dataset)
    rename_clusters(dataset, "km", {0: "dogs"})
    done = assign(target, run_dataset=dataset.name)
    assert done["cluster_field"] == "km" and done["n_assigned"] == 30
    pairs = set(zip(which, target.values("km.cluster"), strict=True))
    assert len({cluster for _, cluster in pairs}) == len(pairs)  # no cluster has two groups
    assert set(target.match(F("km.cluster") == 0).values("km.label")) <= {"dogs"}
    (late,) = target.add_samples([fo.Sample(filepath="/elsewhere/late.png", emb=target.first().emb)])
    labels = target.values("km.id")[:30]
    assert assign(target, run_dataset=dataset.name)["n_assigned"] == 1
    assert target.values("km.id")[:30] == labels and target[late].km.cluster == target.first().km.cluster
    undo_edit(dataset, "km")
    assert assign(target, run_dataset=dataset.name, overwrite=True)["n_assigned"] == 31
    assert "dogs" not in target.count_values("km.label") and state(dataset) == before


def test_what_was_assigned_elsewhere_is_a_run_there(split, other):
    dataset, _ = split
    target, _ = other
    rename_clusters(dataset, "km", {0: "dogs"})
    assign(target.limit(20), run_dataset=dataset.name)
    panel = Browser(target)
    assert "Show dogs" in panel.drawn and "20 images" in panel.drawn and panel.ui["unassigned"] == 10
    assign(target, run_dataset=dataset.name)
    target.reload()
    run = Run.open(target, "km")
    assert sum(record["size"] for record in run.clusters) == run.config.n_used == 30 and panel.call("on_refresh")
    assert get("evaluate_clusters")(target, run_key="km")["n"] == 30
    merged = merge_clusters(target, "km", sorted({0, *target.distinct("km.cluster")})[:2])
    check_records(target)
    (late,) = target.add_samples([fo.Sample(filepath="/elsewhere/late.png", emb=target.first().emb)])
    with pytest.raises(ValueError, match="run 'km' of dataset .* has edits of its own since it was filled"):
        assign(target, run_dataset=dataset.name)
    assert assign(target)["n_assigned"] == 1 and target[late].km.cluster == target.first().km.cluster
    assert merged["n_changed"] and get("delete_clustering_run")(target, run_key="km")["deleted_field"] == "km"


def test_a_field_of_assigned_clusters_is_nobody_elses(split, other, compute):
    dataset, _ = split
    target, _ = other
    assign(target, run_dataset=dataset.name, cluster_field="mine")
    compute(target, run_key="own", embeddings="emb")
    with pytest.raises(ValueError, match="field 'mine' holds the clusters of run 'mine'"):
        compute(target, run_key="b", cluster_field="mine", embeddings="emb")
    with pytest.raises(ValueError, match="field 'own' holds the clusters of run 'own'"):
        assign(target, run_dataset=dataset.name, cluster_field="own")
    with pytest.raises(ValueError, match="field 'mine' holds clusters of run 'km' of dataset"):
        get("assign_clusters")(target, run_key="own", cluster_field="mine")
    with pytest.raises(ValueError, match="field 'emb' exists"):
        assign(target, run_dataset=dataset.name, cluster_field="emb")


def test_a_failure_leaves_no_field(split, other, monkeypatch):
    dataset, _ = split
    target, _ = other

    def stop(fraction, message=""):
        if "4/4" in message and fraction > 0.76:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assign(target, run_dataset=dataset.name, progress=stop)
    assert not target.has_field("km")
    before = state(dataset)
    with pytest.raises(KeyboardInterrupt):
        assign(dataset, progress=stop)
    assert state(dataset) == before


def test_patches_and_their_views(patches, compute):
    some = patches.limit(12)
    compute(some, run_key="km", embeddings="emb", patches_field="things")
    view = patches.skip(12).to_patches("things").limit(5)
    assert assign(view)["n_assigned"] == 5 and assign(patches)["n_assigned"] == 19
    names, clusters = patches.values(["things.detections.label", "things.detections.km.cluster"], unwind=True)
    assert len(set(zip(names, clusters, strict=True))) == 3 and len(clusters) == 60
    undo_edit(patches, "km"), undo_edit(patches, "km")
    assert patches.count("things.detections.km.label") == 36


def test_what_has_no_usable_vector_is_counted(split):
    dataset, ids = split
    dataset.set_values("emb", {ids[0]: np.zeros(32), ids[1]: np.full(32, np.nan)}, key_field="id")
    dataset.select(ids[2]).clear_sample_field("emb")
    done = assign(dataset)
    assert done["skipped"] == {"no vector": 1, "not finite": 1, "zero vector": 1} and done["n_assigned"] == 17
    assert dataset.select(ids[:3]).values("km") == [None] * 3
    assert done["notes"] == ["no encoder is on record for 'emb', so vectors that are missing were not computed"]


def test_missing_vectors_are_made_by_the_runs_encoder(dataset, compute, tmp_path, monkeypatch):
    paths = []
    for i in range(9):
        color = [(200, 30, 30), (30, 200, 30), (30, 30, 200)][i % 3]
        paths.append(str(tmp_path / f"{i}.png"))
        Image.new("RGB", (24, 24), tuple(c + 3 * i for c in color)).save(paths[-1])
    dataset.add_samples([fo.Sample(filepath=path) for path in paths])
    compute(dataset.limit(6), run_key="km", encoder="efficientnet_lite0", embeddings="vec")
    assert assign(dataset)["n_assigned"] == 3 and dataset.count("vec") == 9
    clusters = dataset.values("km.cluster")
    assert clusters[6:] == clusters[:3]
    twin = fo.Dataset()
    twin.add_samples([fo.Sample(filepath=path) for path in paths[:3]])
    try:
        assert assign(twin, run_dataset=dataset.name)["notes"] == []
        assert twin.values("km.cluster") == clusters[:3]
        twin.add_sample(fo.Sample(filepath=paths[4]))
        monkeypatch.setattr(new_samples, "same_encoder", lambda a, b: False)
        with pytest.raises(ValueError, match="'vec' holds vectors of efficientnet_lite0 .* rename that field"):
            assign(twin, run_dataset=dataset.name)
        twin.delete_sample_field("vec")
        with pytest.raises(ValueError, match="has changed since, and its vectors would not fit"):
            assign(twin, run_dataset=dataset.name)
    finally:
        twin.delete()


def test_refusals(split, other):
    dataset, _ = split
    target, _ = other
    before = state(dataset)
    for given, said in (
        ({"run_dataset": "nowhere"}, "there is no dataset 'nowhere'"),
        ({"min_confidence": 2.0}, "min_confidence=2.0 is not valid"),
        ({"batch_size": 0}, "batch_size=0 is not valid"),
        ({"cluster_field": "filepath"}, "field 'filepath' exists"),
        ({"cluster_field": "a b"}, "cluster field 'a b' is not valid"),
    ):
        for delegate in (False, True):
            with pytest.raises(ValueError, match=said):
                assign(dataset, delegate=delegate, **given)
    with pytest.raises(ValueError, match="there is no clustering run 'km'; this dataset has none"):
        assign(target)
    target.set_values("emb", [np.ones(7)] * 30)
    with pytest.raises(ValueError, match="do not fit a run on 32 dimensions"):
        assign(target, run_dataset=dataset.name)
    target.delete_sample_field("emb")
    with pytest.raises(ValueError, match="there is no vector field 'emb' here"):
        assign(target, run_dataset=dataset.name)
    assert state(dataset) == before and not target.has_field("km")
    dataset.delete_sample_field("km")
    with pytest.raises(ValueError, match="label field 'km' of run 'km' was deleted or renamed"):
        assign(dataset)


def test_in_the_app(split, other):
    dataset, _ = split
    target, _ = other
    uri = "@constellation/clusters/assign_clusters"

    def draw(samples, **params):
        ctx = foo.ExecutionContext({"dataset_name": samples.name, "params": params}, operator_uri=uri)
        return get("assign_clusters").resolve_type(ctx, "inputs").to_json()["type"]["properties"]

    form = draw(target, run_dataset=f"in {dataset.name}")
    assert set(form["run_key"]["type"]["values"]) == {"km"} and {"view_target", "min_confidence"} <= set(form)
    assert "problem" in draw(target) and draw(dataset, cluster_field="a b")["cluster_field"]["invalid"]
    foo.execute_operator(uri, ctx={"dataset": dataset, "params": {"run_key": "km"}})
    assert dataset.count("km.label") == 60
    params = {"run_dataset": f"in {dataset.name}", "run_key": "km", "cluster_field": "found", "min_confidence": 0.01}
    foo.execute_operator(uri, ctx={"dataset": target, "params": params})
    assert target.count("found.label") > 20


def test_delegated_with_all_of_its_arguments(split):
    dataset, ids = split
    queued = assign(
        dataset.select(ids[:7]), min_confidence=0.001, batch_size=3, num_workers=0, author="anna", delegate=True
    )
    service = DelegatedOperationService()
    service.execute_queued_operations(limit=1, log=False)
    assert "Assigned 7 images" in service.get(ObjectId(queued["id"])).status.label
    dataset.reload()
    assert log_of(dataset)[-1]["by"] == "anna" and dataset.count("km.label") == 47
