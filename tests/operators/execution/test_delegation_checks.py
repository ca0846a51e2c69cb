"""Arguments of calls from Python are checked alike with and without ``delegate``, and never by the form's defaults."""

import fiftyone.operators as foo
import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService

from ..conftest import get

PREFIX = "@constellation/clusters/"
NAMES = sorted(o.name for o in foo.list_operators(type="operator") if o.uri.startswith(PREFIX))
DELEGATED = [name for name in NAMES if get(name).config.allow_delegated_execution and hasattr(get(name), "work")]

SERVER = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
RIGHT = {
    "assign_clusters": {"run_key": "km"},
    "build_cluster_hierarchy": {"run_key": "km", "n_coarse": 3},
    "compute_clusters": {"params": {"n_clusters": 3}},
    "compute_embeddings": {"encoder": "efficientnet_lite0", "encoder_params": {"image_size": 64}},
    "edit_clusters": {"run_key": "km", "action": "merge", "clusters": [0, 1]},
    "evaluate_clusters": {"run_key": "km"},
    "export_clusters": {"run_key": "km"},
    "find_cluster_duplicates": {"run_key": "km", "tag": "copies"},
    "group_by_criterion": {
        "run_key": "km",
        "criterion": "color",
        "dry_run": True,
        "base_url": "http://127.0.0.1:9/v1",
        "model": "m",
    },
    "label_clusters": {"run_key": "km", "source": "field", "label_field": "ground_truth"},
    "label_clusters_with_gpt4v": {"run_key": "km", "source": "field", "label_field": "ground_truth"},
    "propagate_labels": {"run_key": "km", "ground_truth": "ground_truth", "output_field": "proposal"},
    "sample_clusters": {"run_key": "km", "tag": "few", "n_per_cluster": 1},
    "suggest_cluster_count": {"embeddings": "emb", "max_clusters": 3},
    "train_encoder": {"kind": "simclr", "name": "mine", "epochs": 1},
}
WRONG = {
    "assign_clusters": {"min_confidence": 7},
    "build_cluster_hierarchy": {"n_coarse": 99},
    "compute_clusters": {"params": {"n_clusters": 9}},
    "compute_embeddings": {"batch_size": 0},
    "edit_clusters": {"clusters": [0, 77]},
    "evaluate_clusters": {"ground_truth": "nope"},
    "export_clusters": {"format": "pptx"},
    "find_cluster_duplicates": {"run_key": "nope"},
    "group_by_criterion": {"run_key": "nope"},
    "label_clusters": {"label_field": "nope"},
    "label_clusters_with_gpt4v": {"label_field": "nope"},
    "propagate_labels": {"ground_truth": "nope"},
    "sample_clusters": {"tag": ""},
    "suggest_cluster_count": {"embeddings": "nope"},
    "train_encoder": {"epochs": 0},
}


@pytest.fixture
def few(blobs, compute):
    """Eight samples with a run of four clusters: fewer than the form's default number."""
    blobs.delete_samples(blobs.skip(8).values("id"))
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 4})
    return blobs


def arguments(name, tmp_path, table):
    more = {"path": str(tmp_path / "out.csv")} if name == "export_clusters" else {}
    return {**RIGHT[name], **more, **table.get(name, {})}


def test_every_operator_that_may_be_delegated_checks_its_arguments():
    assert DELEGATED == sorted(RIGHT) == sorted(WRONG)
    assert all(get(name).check is not None for name in DELEGATED)


@pytest.mark.parametrize("name", DELEGATED)
def test_what_is_right_is_queued(name, few, tmp_path):
    queued = get(name)(few, **arguments(name, tmp_path, {}), delegate=True)
    assert queued["delegated"] is True


@pytest.mark.parametrize("name", DELEGATED)
def test_what_is_wrong_is_refused_alike(name, few, tmp_path):
    given = arguments(name, tmp_path, WRONG)
    with pytest.raises(ValueError) as at_once:
        get(name)(few, **given)
    with pytest.raises(ValueError) as queued:
        get(name)(few, **given, delegate=True)
    if name != "edit_clusters":  # held at once, looked at before it is queued
        assert str(queued.value) == str(at_once.value)
    assert len(str(queued.value)) < 300


def test_a_delegated_edit_does_what_was_asked(few):
    queued = get("edit_clusters")(few, run_key="km", action="merge", clusters=[0, 1], delegate=True)
    service = DelegatedOperationService()
    outcome = service.execute_operation(service.get(ObjectId(queued["id"])))
    assert outcome.error is None
    few.reload()
    assert len(set(few.values("km.cluster"))) == 3
