"""Vectors of every shape that FiftyOne's Brain reads: nested, on labels, undeclared, lists of anything, single rows."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import patch_fields
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_paths import vector_fields
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vectors import read_vectors

from ..conftest import get, group_vectors
from ..handles import read_members

BOX = [0.1, 0.1, 0.5, 0.5]
N = 18
X, WHICH = group_vectors(N)
INTS = np.round(X * 100).astype(int)
OF_SAMPLES = {
    "feats.eff": X,
    "feats.deep.er": X,
    "gt.emb": X,
    "one.pe": X,
    "extra.w": X,
    "extra.lists": X,
    "ints": INTS,
    "untyped": X,
    "row": X,
    "column": X,
    "rows": X,
}
OF_LABELS = {"pe": X, "row": X, "lists": X, "ints": INTS, "about.vec": X}


def _label(i, cls=fo.Detection, **more):
    return cls(
        label="abc"[WHICH[i]],
        **({"bounding_box": BOX} if cls is fo.Detection else {}),
        pe=X[i],
        row=X[i][None],
        lists=X[i].tolist(),
        ints=INTS[i].tolist(),
        about=fo.DynamicEmbeddedDocument(vec=X[i]),
        color="red",
        **more,
    )


def _samples():
    for i, x in enumerate(X):
        mates = [i, (i + 3) % N]  # of one group
        yield fo.Sample(
            filepath=f"/nowhere/{i}.png",
            feats=fo.DynamicEmbeddedDocument(eff=x, deep=fo.DynamicEmbeddedDocument(er=x), name="effnet"),
            gt=fo.Classification(label="abc"[WHICH[i]], emb=x, source="me"),
            one=_label(i),
            extra={"w": x, "lists": x.tolist()},
            ints=INTS[i].tolist(),
            row=x[None],
            column=x[:, None],
            det=fo.Detections(detections=[_label(mate) for mate in mates]),
            predictions=fo.DynamicEmbeddedDocument(detections=fo.Detections(detections=[_label(i)])),
            spot=fo.GeoLocation(point=[float(WHICH[i]), 1 + i / 1000]),
        )


@pytest.fixture(scope="module", params=["declared", "undeclared"])
def shapes(request):
    """Vectors in all shapes, of three groups; nested attributes declared or, as FiftyOne's default is, not."""
    made = fo.Dataset()
    made.add_samples(list(_samples()), dynamic=request.param == "declared", progress=False)
    if request.param == "undeclared":
        made.add_sample_field("predictions.detections", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    made.add_sample_field("untyped", fo.ListField)
    made.set_values("untyped", X.tolist())
    made.add_sample_field("rows", fo.ListField)
    made.set_values("rows", X[:, None].tolist())
    yield made
    made.delete()


@pytest.fixture
def run(shapes, compute):
    """The function that makes run ``r``, which is deleted in the end."""
    yield lambda **kwargs: compute(shapes, run_key="r", **kwargs)
    assert get("delete_clustering_run")(shapes, run_key="r")["deleted_field"] and not shapes.list_runs()


def _groups_found(samples, labels, n):
    """Whether labels of ``n`` clusters tell the three groups of the vectors apart."""
    pairs = set(zip(labels, samples, strict=True))
    return len(pairs) == 3 and len(labels) == n and len(set(labels)) == 3


@pytest.mark.parametrize("name", OF_SAMPLES)
def test_vectors_of_samples_are_read(shapes, name):
    table = read_vectors(shapes, name)
    assert table.ids == shapes.values("id") and table.skipped == {}
    assert np.array_equal(table.X, OF_SAMPLES[name].astype(np.float32))


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("field", ["det", "one", "predictions.detections", "det.detections"])
def test_vectors_of_labels_are_read(shapes, field, name):
    table = read_vectors(shapes, name, field)
    order = [i for i in range(N) for i in ([i, (i + 3) % N] if field.startswith("det") else [i])]
    assert np.array_equal(table.X, OF_LABELS[name][order].astype(np.float32)) and table.skipped == {}


@pytest.mark.parametrize("name", ["feats.eff", "gt.emb", "ints"])
def test_runs_on_samples_are_evaluated_searched_and_shown(shapes, run, name):
    summary = run(embeddings=name)
    assert (summary["n_used"], summary["skipped"], summary["embeddings"]) == (N, {}, name)
    assert _groups_found(shapes.values("gt.label"), shapes.values("r.label"), N)
    scores = get("evaluate_clusters")(shapes, run_key="r", ground_truth="gt")
    assert scores["scores"]["ari"] == 1 and not scores["notes"] and scores["clusters"][0]["cohesion"] is not None
    assert get("find_cluster_duplicates")(shapes, run_key="r", min_similarity=0.5)["n_groups"] == 3
    assert get("sample_clusters")(shapes, run_key="r", n_per_cluster=2)["n"] == 6
    assert len(get("load_clustering_view")(shapes, run_key="r", cluster=0, order="typical")) == 6
    members = read_members(shapes, "r")
    assert np.allclose(np.linalg.norm(members.vectors(), axis=1), 1)


@pytest.mark.parametrize(
    "given",
    [
        {"embeddings": "det.detections.pe"},
        {"embeddings": "det.detections.pe", "patches_field": "det"},
        {"embeddings": "pe", "patches_field": "det.detections"},
        {"embeddings": "lists", "patches_field": "predictions.detections"},
        {"embeddings": "predictions.detections.detections.about.vec"},
    ],
)
def test_runs_on_labels_are_evaluated_searched_and_shown(shapes, run, given):
    summary = run(**given)
    field = "predictions.detections" if "predictions" in str(given) else "det"
    n = shapes.count(f"{field}.detections")
    assert (summary["n_used"], summary["unit"], summary["skipped"]) == (n, "patches", {})
    path = f"{field}.detections"
    truth, found = (shapes.values(f"{path}.{name}", unwind=True) for name in ("label", "r.label"))
    assert _groups_found(truth, found, n)
    scores = get("evaluate_clusters")(shapes, run_key="r", ground_truth=field)
    assert scores["scores"]["ari"] == 1 and not scores["notes"]
    patches = shapes.to_patches(field)
    assert get("find_cluster_duplicates")(patches, run_key="r", min_similarity=0.5, tag="twin")["n_extra"] == n - 3
    assert shapes.count_label_tags(field)["twin"] == n - 3
    assert len(get("load_clustering_view")(shapes, run_key="r", cluster=0, order="atypical")) == n // 3
    shapes.untag_labels("twin")


def test_new_samples_are_assigned_by_the_same_vectors(shapes, compute):
    compute(shapes[:12], run_key="r", embeddings="gt.emb")
    compute(shapes[:12], run_key="p", embeddings="det.detections.pe")
    assert get("assign_clusters")(shapes, run_key="r")["n_assigned"] == 6
    assert get("assign_clusters")(shapes, run_key="p")["n_assigned"] == 12
    assert _groups_found(shapes.values("gt.label"), shapes.values("r.label"), N)
    get("edit_clusters")(shapes, run_key="r", action="merge", clusters=[0, 1])
    for key in ("r", "p"):
        get("delete_clustering_run")(shapes, run_key=key)


def test_maps_are_drawn(shapes, compute):
    compute(shapes, run_key="r", embeddings="predictions.detections.detections.pe", visualize=True)
    key = next(key for key in shapes.list_brain_runs() if key.startswith("predictions_detections_pe_map"))
    assert len(shapes.load_brain_results(key).points) == N
    get("delete_clustering_run")(shapes, run_key="r")


def test_neighbors_and_counts_take_the_same_names(shapes):
    for name in ("feats.eff", "det.detections.pe"):
        found = get("check_neighbors")(
            shapes, embeddings=name, n_neighbors=3, ground_truth="det" if "det" in name else "gt"
        )
        assert found["n_used"] == (36 if "det" in name else N) and found["agreement"] == 1
        assert get("suggest_cluster_count")(shapes, embeddings=name, max_clusters=5)["natural"] == 3


def test_points_of_a_map_are_vectors(shapes, run):
    assert run(embeddings="spot.point")["n_used"] == N
    assert _groups_found(shapes.values("gt.label"), shapes.values("r.label"), N)


def test_menus_list_them(shapes):
    names = {"row", "column", "feats.eff", "feats.deep.er", "gt.emb", "one.pe", "extra.w", "ints", "untyped", "rows"}
    assert names <= set(vector_fields(shapes)) and not any("bounding_box" in name for name in vector_fields(shapes))
    assert {"pe", "row", "lists", "ints", "about.vec"} <= set(vector_fields(shapes, "predictions.detections"))
    assert {"det", "one", "predictions.detections"} <= set(patch_fields(shapes))
    params = {"source": "gt.emb", "visualize": False}
    form = str(_form(shapes, "compute_clusters", params))
    assert "Vectors in feats.eff" in form and "Patches of predictions.detections" in form
    assert "every image has one" in form
    patches = {"unit": "det", "source": "about.vec"}
    assert "Vectors in about.vec" in str(_form(shapes, "compute_clusters", patches))
    assert "feats.eff" in str(_form(shapes, "check_neighbors", {}))


def _form(dataset, name, params):
    ctx = foo.executor.ExecutionContext({"dataset_name": dataset.name, "params": params})
    return get(name).resolve_input(ctx).to_json()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"embeddings": "gt.color"}, "there is no field 'gt.color'; the vector fields are"),
        ({"embeddings": "gt.source"}, "'gt.source' (holds values of type str|is a StringField)"),
        ({"embeddings": "no.emb"}, "there is no field 'no.emb'"),
        ({"embeddings": "tags"}, "'tags' is a ListField and holds no vectors"),
        ({"embeddings": "det.detections.color"}, "'det.detections.color' (holds values of type str|is a StringField)"),
        ({"embeddings": "pe", "patches_field": "gt"}, "'gt' holds Classification, not Detections"),
    ],
)
def test_what_holds_no_vectors_is_refused(shapes, compute, given, words):
    with pytest.raises(ValueError, match=words):
        compute(shapes, **given)


def test_what_a_view_hides_is_called_hidden(blobs, patches, compute):
    blobs.set_values("gt", [fo.Classification(label="a")] * len(blobs))
    for view in (blobs.select_fields("gt"), blobs.exclude_fields("emb")):
        with pytest.raises(ValueError, match="this view hides the field 'emb'; use a view that has it"):
            compute(view, embeddings="emb")
        with pytest.raises(ValueError, match="hides the field 'emb'"):
            get("check_neighbors")(view, embeddings="emb")
    with pytest.raises(ValueError, match="hides the field 'things'"):
        compute(patches.exclude_fields("things"), patches_field="things")
    with pytest.raises(ValueError, match="hides the field 'things.detections.emb'"):
        compute(patches.exclude_fields("things.detections.emb"), patches_field="things", embeddings="emb")


def test_labels_that_a_view_hides_are_called_hidden(blobs, compute):
    compute(blobs, run_key="r")
    for name in ("evaluate_clusters", "load_clustering_view", "assign_clusters"):
        with pytest.raises(ValueError, match="hides the field 'r'"):
            get(name)(blobs.select_fields("emb"), run_key="r")
    with pytest.raises(ValueError, match="hides the field 'emb'"):
        get("assign_clusters")(blobs[:5].exclude_fields("emb"), run_key="r", cluster_field="s")
    with pytest.raises(ValueError, match="hides the field 'ground_truth'"):
        get("evaluate_clusters")(blobs.exclude_fields("ground_truth"), run_key="r", ground_truth="ground_truth")


def test_an_encoder_never_rewrites_undeclared_vectors(shapes):
    before = shapes.values("det.detections.pe", unwind=True)
    done = get("compute_embeddings")(shapes, embeddings="det.detections.pe", encoder="efficientnet_lite0")
    assert (done["computed"], done["existing"]) == (0, 36)
    assert np.array_equal(shapes.values("det.detections.pe", unwind=True), before)
    with pytest.raises(ValueError, match="embeddings='color'"):
        get("compute_embeddings")(shapes, embeddings="color", patches_field="det")


def test_gaps_among_undeclared_vectors_are_not_filled(dataset):
    dataset.add_samples(
        [fo.Sample(filepath="/a.png", one=fo.Detection(bounding_box=BOX, **more)) for more in ({"pe": X[0]}, {})]
    )
    with pytest.raises(ValueError, match="pe has vectors of unrecorded origin and some are missing"):
        get("compute_embeddings")(dataset, embeddings="pe", patches_field="one", encoder="efficientnet_lite0")
    assert dataset.get_field("one.pe") is None


def test_vectors_that_a_training_did_not_make_are_not_taken_for_its_own(blobs, compute):
    with pytest.raises(ValueError, match="embeddings field 'emb' holds vectors of unrecorded origin"):
        compute(blobs, method="cc", params={"batch_size": 30}, train="images", embeddings="emb")
