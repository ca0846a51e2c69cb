"""The forms, drawn as the App draws them but without the App."""

import os
import re

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import clusterers, costs, encoders
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.training import list_clusterings
from fiftyone.plugins.orgs.constellation.clusters.models.training.recipe import Recipe
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering import estimates, sampling
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import Target, resolve_target
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs import clustering as form_arguments
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.features import FILES
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.parameters import UNFOLD, form_values
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.target import ALL_SLICES

from ..conftest import get


def context(dataset, name="compute_clusters", view=None, **params):
    request = {"dataset_name": dataset.name, "params": params}
    if view is not None:
        request["view"] = view._serialize()
    return foo.ExecutionContext(request, operator_uri=f"@constellation/clusters/{name}")


def draw(dataset, name="compute_clusters", view=None, **params):
    form = get(name).resolve_type(context(dataset, name, view, **params), "inputs")
    return form.to_json()["type"]["properties"]


def flat(form):
    """All inputs of a form by name, those of nested objects included."""
    found = {}
    for key, prop in form.items():
        found[key] = prop
        found.update(flat(prop["type"].get("properties") or {}))
    return found


@pytest.mark.parametrize("method", clusterers.list_clusterers())
def test_every_method_has_its_form_and_defaults_are_valid(blobs, method):
    cls = clusterers.get_clusterer(method)
    form = flat(draw(blobs, method=method, **{f"method_{method}": {UNFOLD: True}}))
    assert not [key for key, prop in form.items() if prop.get("invalid")]
    for key in cls.relevant({}):
        info = parameters(cls)[key]
        assert key in form, f"{key} is not reachable"
        assert form[key]["view"]["description"] == info.description
        if info.default is not None:
            assert form[key]["default"] == info.default


def test_methods_come_in_groups_with_captions(blobs):
    prop = flat(draw(blobs, more=True))["method"]
    choices = prop["view"]["choices"]
    captions = [choice["label"] for choice in choices if choice["value"].startswith("group ")]
    assert captions == ["— Classical —", "— Deep, on embeddings or from images —", "— Deep, on embeddings —"]
    assert choices[0]["label"] == "— Classical —"
    offered = [choice["value"] for choice in choices if not choice["value"].startswith("group ")]
    assert sorted(offered) == sorted(clusterers.list_clusterers()) == sorted(prop["type"]["values"])
    caption = None
    for choice in choices:
        heads = choice["value"].startswith("group ")
        caption = choice["label"] if heads else caption
        if not heads:
            cls = clusterers.get_clusterer(choice["value"])
            learns = cls.name in list_clusterings()
            assert caption == f"— {cls.group.capitalize()}{' or from images' if learns else ''} —"
            assert choice["description"] == cls.when
    form = flat(draw(blobs, method=choices[0]["value"]))
    assert form["method"]["invalid"] and "choose a method below it" in form["method"]["error_message"]


@pytest.mark.parametrize("encoder", encoders.list_encoders())
def test_every_encoder_has_its_form(blobs, encoder):
    unfolded = {f"encoder_{encoder}": {UNFOLD: True}}
    form = flat(draw(blobs, source=form_arguments.NEW, encoder=encoder, **unfolded))
    assert "normalize" in form and not [key for key, prop in form.items() if prop.get("invalid")]


def test_the_form_is_what_how_many_and_against_which_classes(blobs):
    form = draw(blobs)
    assert list(form) == ["step_1", "view_target", "method_kmeans", "ground_truth", "more", "estimate"]
    count, suggest = (form["method_kmeans"]["type"]["properties"][name] for name in ("n_clusters", "suggest"))
    assert count["view"]["label"] == "Number of clusters" and suggest["view"]["params"] == {"embeddings": "emb"}
    assert "k-means on the vectors in emb, kept as kmeans_1" in form["more"]["view"]["description"]
    assert list(draw(blobs, panel_id="one", panel_state={"run": "km"})) == list(form)  # opened by a panel
    # what is folded away and was changed is shown, unless the user folds it again; how many is no change
    of_a_button = {"path": "buttons.natural", "panel_id": None}
    filled = {"method_kmeans": {"n_clusters": 7}, "source": "emb", "reduce": "none"}
    assert list(draw(blobs, **filled, **of_a_button)) == list(form)
    for changed in ({"method": "hdbscan"}, {"run_key": "mine"}, {"method_kmeans": {"swaps": 2}}, {"seed": 1}):
        assert {"run_key", "source", "method", "seed", "visualize"} <= set(draw(blobs, **changed)), changed
        assert "seed" not in draw(blobs, **changed, more=False)
    assert "suggest" not in flat(draw(blobs, source=form_arguments.NEW, more=False))


def test_execute_works_at_once_on_a_fresh_dataset(blobs):
    form = flat(draw(blobs, more=True))
    assert form["run_key"]["default"] == "kmeans_1" and form["source"]["default"] == "emb"
    assert not any(prop["required"] and prop.get("default") is None for prop in form.values())


def test_ward_offers_only_what_it_can_do(blobs):
    form = flat(draw(blobs, method="agglomerative", method_agglomerative={"linkage": "ward"}))
    assert form["metric"]["type"]["values"] == ["euclidean"]
    form = flat(draw(blobs, method="agglomerative", method_agglomerative={"linkage": "average"}))
    assert "cosine" in form["metric"]["type"]["values"]


def test_agglomerative_shows_one_way_to_stop(blobs):
    form = flat(draw(blobs, method="agglomerative", method_agglomerative={"stop": "distance_threshold"}))
    assert "distance_threshold" in form and "n_clusters" not in form


@pytest.mark.parametrize(
    ("params", "bad", "words"),
    [
        ({"run_key": "1a"}, "run_key", "'1a' is not valid"),
        ({"cluster_field": "filepath"}, "cluster_field", "'filepath' exists"),
        ({"method_kmeans": {"n_clusters": 1}}, "n_clusters", "n_clusters=1"),
        ({"method_kmeans": {"n_clusters": 2.5}}, "n_clusters", "n_clusters=2.5"),
        ({"method_kmeans": {"n_clusters": 61}}, "n_clusters", "exceeds the 60"),
        ({"source": form_arguments.NEW, "embeddings": "filepath"}, "embeddings", "holds other data"),
        ({"seed": -3}, "seed", "-3"),
        ({"seed": 2**32}, "seed", "4294967296"),
    ],
)
def test_wrong_entries_are_marked_while_typing(blobs, params, bad, words):
    prop = flat(draw(blobs, **params))[bad]
    assert prop["invalid"] and words in prop["error_message"]


def test_what_another_method_left_behind_is_ignored():
    cls = clusterers.get_clusterer("kmeans")
    assert form_values(cls, {"n_clusters": 5.0, "linkage": "ward", "tol": ""}) == {"n_clusters": 5}


def test_form_entries_become_arguments(blobs):
    ctx = context(
        blobs,
        source="emb",
        method="hdbscan",
        method_hdbscan={"min_cluster_size": 7},
        method_kmeans={"n_clusters": 3},
        reduce="pca",
        reduce_pca={"n_components": 4},
        ground_truth=form_arguments.NONE,
        run_key="a",
    )
    samples, kwargs = form_arguments.arguments(ctx)
    assert len(samples) == 60
    assert kwargs == {
        "run_key": "a",
        "method": "hdbscan",
        "params": {"min_cluster_size": 7},
        "embeddings": "emb",
        "reduce": "pca",
        "reduce_params": {"n_components": 4},
    }


def test_no_reduction_is_an_answer(blobs):
    assert form_arguments.arguments(context(blobs, source="emb", reduce="none"))[1]["reduce"] == "none"


def test_a_selection_is_a_target(blobs):
    ids = blobs.values("id")[:5]
    ctx = foo.ExecutionContext(
        {"dataset_name": blobs.name, "params": {}, "selected": ids, "view_target": "SELECTED_SAMPLES"},
        operator_uri="@constellation/clusters/compute_clusters",
    )
    assert form_arguments.arguments(ctx)[0].values("id") == ids


def test_patches_can_be_chosen(patches):
    form = flat(draw(patches, unit="things", more=True))
    assert form["source"]["default"] == "emb" and "ground_truth" in form
    assert form_arguments.arguments(context(patches, unit="things", source="emb"))[1]["patches_field"] == "things"


def test_grouped_datasets_ask_for_the_slice():
    grouped = fo.Dataset()
    try:
        grouped.add_group_field("group", default="left")
        for i in range(3):
            group = fo.Group()
            pair = [fo.Sample(filepath=f"/n/{i}{s}.png", group=group.element(s)) for s in ("left", "right")]
            grouped.add_samples(pair)
        assert flat(draw(grouped))["group_slice"]["type"]["values"] == ["left", "right", ALL_SLICES]
        assert len(form_arguments.arguments(context(grouped, group_slice="right"))[0]) == 3
        assert len(form_arguments.arguments(context(grouped, group_slice=ALL_SLICES))[0]) == 6
    finally:
        grouped.delete()


def test_nothing_to_cluster_is_said(dataset):
    form = draw(dataset)
    assert any("empty" in str(prop.get("error_message")) for prop in form.values())


def test_run_forms_without_runs(dataset):
    for name in ("get_clustering_run_info", "rename_clustering_run", "delete_clustering_run", "load_clustering_view"):
        assert any(prop.get("invalid") for prop in draw(dataset, name).values())


def estimate_of(dataset, monkeypatch, n, **kwargs):
    monkeypatch.setattr(Target, "count", lambda self: n)
    return estimates.estimate_run(resolve_target(dataset), "emb", None, kwargs)


def test_the_estimate_warns_of_slow_methods(dataset, monkeypatch):
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=np.ones(512, np.float32)) for i in range(3)])
    quick = estimate_of(dataset, monkeypatch, 5000, method="kmeans")
    assert not quick.long and quick.warning is None and "5,000 images" in quick.text
    slow = estimate_of(dataset, monkeypatch, 300_000, method="hdbscan", reduce="none")
    assert slow.long and "UMAP" in slow.warning and "schedule it" in slow.warning
    assert estimate_of(dataset, monkeypatch, 300_000, method="hdbscan", reduce="auto").seconds < slow.seconds
    for module in (estimates, sampling):
        monkeypatch.setattr(module, "free_memory", lambda: 3 * 10**9)
    large = estimate_of(dataset, monkeypatch, 1_000_000, method="kmeans", visualize=False)
    assert "memory are free" in large.warning and "fitted on a sample of 300,000" in large.text
    with pytest.raises(sampling.SampleError, match="50,000,000 vectors of 512 dimensions take 102.4 GB"):
        estimate_of(dataset, monkeypatch, 50_000_000, method="kmeans", visualize=False)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("compute_embeddings", {"encoder": "clip"}),
        ("compute_clusters", {"method": "scan", "train": "images"}),
        ("train_encoder", {}),
    ],
)
def test_every_estimate_of_a_network_reckons_with_the_cores_this_process_may_use(blobs, monkeypatch, name, params):
    monkeypatch.setattr(costs.shutil, "which", lambda program: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(Target, "count", lambda self: 100_000)
    monkeypatch.setattr(Recipe, "propose_side", lambda self, items: 32)
    texts, ranks = [], {" s": 1, " min": 60, " h": 3600}
    for cores in (64, 2):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, n=cores: set(range(n)), raising=False)
        texts.append(draw(blobs, name, **params)["estimate"]["view"]["label"])
    found = [re.search(r"About ([\d.]+)( s| min| h)", text) for text in texts]
    many, few = (float(match[1]) * ranks[match[2]] for match in found)
    assert few > 10 * many


def test_long_runs_are_delegated_by_default(dataset, monkeypatch):
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=np.ones(512, np.float32)) for i in range(3)])
    operator = get("compute_clusters")
    for n, delegated in ((1000, False), (2_000_000, True)):
        monkeypatch.setattr(Target, "count", lambda self, n=n: n)
        options = operator.resolve_execution_options(context(dataset, source="emb"))
        assert options.default_choice_to_delegated is delegated
        assert options.allow_immediate_execution and options.allow_delegated_execution


def test_vectors_from_files_are_named_by_a_path_that_is_checked_while_typing(blobs, tmp_path):
    np.save(tmp_path / "a.npy", np.stack(blobs.values("emb")))
    (tmp_path / "a.ids.txt").write_text("\n".join(blobs.values("id")))
    files = {"source": FILES, "more": True}
    assert not flat(draw(blobs, **files))["vectors_path"]["invalid"]
    wrong = flat(draw(blobs, **files, vectors_path=str(tmp_path / "none.npy")))["vectors_path"]
    assert wrong["invalid"] and "is not there" in wrong["error_message"]
    drawn = flat(draw(blobs, **files, vectors_path=str(tmp_path)))
    assert not drawn["vectors_path"]["invalid"] and "estimate" in drawn
    ctx = context(blobs, **files, vectors_path=str(tmp_path), encoder="clip")
    assert form_arguments.arguments(ctx)[1]["embeddings"] == str(tmp_path)
    again = flat(draw(blobs, source=str(tmp_path), more=True))
    assert str(tmp_path) in again["source"]["type"]["values"]
    assert "60 vectors there" in again["features_note"]["view"]["label"]
    (tmp_path / "a.npy").unlink()
    assert "put the files back" in flat(draw(blobs, source=str(tmp_path), more=True))["problem"]["error_message"]
    with pytest.raises(ValueError, match="enter the path of a file or folder"):
        form_arguments.arguments(context(blobs, **files))


def test_vectors_can_be_written_to_a_folder_from_the_form(blobs, tmp_path):
    assert "dtype" not in draw(blobs, "compute_embeddings")
    drawn = draw(blobs, "compute_embeddings", path=str(tmp_path / "new"))
    assert drawn["dtype"]["type"]["values"] == ["float32", "float16"] and not drawn["path"]["invalid"]
    both = draw(blobs, "compute_embeddings", path=str(tmp_path / "new"), embeddings="emb")["path"]
    assert both["invalid"] and "leave one of them empty" in both["error_message"]
    (tmp_path / "file").write_text("")
    assert "is a file" in draw(blobs, "compute_embeddings", path=str(tmp_path / "file"))["path"]["error_message"]
