"""Dialogs of the App: every one ends, with what was done or with the sentence that refuses it."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.executor import Executor
from PIL import Image

from ..app_stream import app_messages
from ..conftest import get, group_vectors
from .test_delegation_checks import NAMES, RIGHT, WRONG

GENERATORS = [name for name in NAMES if get(name).config.execute_as_generator]
FORMS = {  # as the App enters them
    "check_neighbors": {"sample_size": 2, "n_neighbors": 3},
    "compute_clusters": {"source": "emb", "visualize": False},
    "edit_clusters": {"run_key": "km", "action": "merge", "clusters": ["0", "1"]},
    "propagate_labels": {"run_key": "km", "ground_truth": "ground_truth", "min_labeled": 1},
    "train_encoder": {"kind": "simclr", "name": "mine", "epochs": 1, "train_simclr": {"batch_size": 4}},
}
# What is refused after the form was drawn, for another user has deleted it meanwhile
GONE = {
    "compute_clusters": {"source": "emb", "method_kmeans": {"n_clusters": 999}},
    "sample_clusters": {"run_key": "nope"},
    "stop_clustering": {"job": "nope"},
    "delete_encoder": {"name": "nope"},
    "export_encoder": {"name": "nope", "path": "/nowhere"},
    "import_encoder": {"file": {"absolute_path": "/nowhere/nope.safetensors"}},
    "check_neighbors": {"embeddings": "nope"},
    "rename_clustering_run": {"run_key": "nope", "new_run_key": "other"},
}
NEVER_FAIL = {
    "choose_on_map",
    "cluster_embeddings",
    "list_encoders",
    "open_clusters_panel",
    "read_for_panel",
    "show_cluster_colors",
    "watch_clustering_runs",
}


@pytest.fixture
def pictures(dataset, compute, tmp_path):
    """Twelve small images in two groups, with vectors in ``emb`` and a run ``km`` of four clusters."""
    X, which = group_vectors(12, groups=2)
    for i, (x, w) in enumerate(zip(X, which, strict=True)):
        noise = np.random.default_rng(i).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
        truth = fo.Classification(label="ab"[w]) if i < 8 else None
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png"), emb=x, ground_truth=truth))
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 4})
    return dataset


def params_of(name, tmp_path):
    own = {"path": str(tmp_path / "report.html")} if name == "export_clusters" else {}
    return {**RIGHT, **FORMS}[name] | own


@pytest.mark.parametrize("name", GENERATORS)
def test_a_job_ends_with_an_output(pictures, name, tmp_path):
    messages = app_messages(pictures, name, params_of(name, tmp_path))
    assert not [text for told, text in messages if told == "raised"]
    dialog = [told for told, _ in messages if told in ("set_progress", "show_output")]
    if name == "compute_clusters":
        assert not dialog and messages[-1][0] == "notify"  # the panel shows the run
    elif name == "suggest_cluster_count":
        assert not dialog and messages[-1][0].endswith("open_clusters_panel")  # it shows the numbers
    else:
        assert dialog[-1] == "show_output"  # a bar would stay where it is


def in_app(operator, dataset, params, **more):
    request = {"dataset_name": dataset.name, "params": params, "filters": {}, **more}
    return foo.ExecutionContext(request, executor=Executor(), operator_uri=operator.uri)


def refusal(name):
    return GONE.get(name) or {**RIGHT.get(name, {}), **WRONG.get(name, {"run_key": "nope"})}


@pytest.fixture
def labeled(blobs, compute):
    compute(blobs, run_key="km")
    return blobs


def test_a_failure_is_shown_as_its_sentence(labeled):
    for name in sorted(set(NAMES) - set(GENERATORS) - NEVER_FAIL):
        operator, params = get(name), refusal(name)
        ctx = in_app(operator, labeled, params)
        result = operator.execute(ctx)
        assert "nope" in result["text"] and "Traceback" not in result["text"], name
        shown = operator.resolve_type(in_app(operator, labeled, {}, results=result), "outputs").to_json()
        assert shown["view"]["label"] == "Nothing was changed" and set(shown["type"]["properties"]) == {"text"}
        (told,) = ctx.executor._requests  # for who has no dialog open, such as a button of an output
        assert told.params["variant"] == "error" and told.params["message"] == result["text"]
        python = foo.ExecutionContext({"dataset_name": labeled.name, "params": params}, operator_uri=operator.uri)
        with pytest.raises(ValueError, match="nope"):
            operator.execute(python)


def test_a_job_that_fails_ends_with_its_sentence(labeled):
    for name in GENERATORS:
        operator, told = get(name), []
        with pytest.raises(ValueError) as failure:
            for message in operator.execute(in_app(operator, labeled, refusal(name))):
                told.append((message.body.operator_uri, message.body.params))
        shown = [params for uri, params in told if uri in ("set_progress", "show_output")][-1]
        assert shown["results"]["text"] == str(failure.value), name
        assert shown["outputs"]["view"]["label"] == "Nothing was changed"


def test_a_form_that_cannot_be_drawn_says_why(labeled):
    labeled.delete_sample_field("km")
    said = set()
    for name in NAMES:
        form = get(name).resolve_type(in_app(get(name), labeled, {"run_key": "km"}), "inputs")
        if form and "label field 'km' of run 'km' was deleted or renamed; delete the run" in str(form.to_json()):
            said.add(name)
    wanted = {"compare_clusterings", "edit_clusters", "group_by_criterion", "propagate_labels", "tabulate_clusters"}
    assert said >= wanted


def test_the_tiles_show_the_labels_of_the_new_run_and_what_was_ticked(pictures):
    for name, field in (("compute_clusters", "kmeans_1"), ("assign_clusters", "other")):
        params = FORMS.get(name) or {"run_key": "km", "cluster_field": field}
        params = {**params, "method_kmeans": {"n_clusters": 3}}
        messages = app_messages(pictures, name, params, active_fields=["ground_truth", "km"])
        told = [uri for uri, _ in messages]
        assert [p["fields"] for uri, p in messages if uri == "set_active_fields"] == [["ground_truth", field]]
        assert told.index("reload_dataset") < told.index("set_active_fields")
