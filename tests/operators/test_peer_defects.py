"""Traps that another clustering plugin fell into, P1 to P20; each test fails on that behaviour and passes on ours."""

import json
import re
import subprocess
import sys

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.encoders.base import Encoder
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.run_info import info_text

from .conftest import get
from .handles import read_arrays


@pytest.fixture
def files(dataset, tmp_path):
    """Six readable images, dark and bright in turn, after one that is missing."""
    from PIL import Image

    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "missing.png")))
    for i in range(6):
        Image.new("RGB", (48, 48), (30, 30, 30) if i % 2 else (220, 220, 220)).save(tmp_path / f"{i}.png")
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png")))
    return dataset


def test_p1_existing_vectors_never_load_a_model(blobs, compute, monkeypatch):
    def load(self):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(Encoder, "load", load)
    compute(blobs, run_key="km3", embeddings="emb")
    assert blobs.get_run_info("km3").config.encoder is None


def test_p2_missing_vectors_shift_nothing(blobs, compute):
    ids = blobs.values("id")
    blobs.set_values("emb", {i: None for i in ids[:5]}, key_field="id")
    before = dict(zip(*blobs.values(["id", "emb"]), strict=True))
    assert compute(blobs, run_key="km3", embeddings="emb")["skipped"] == {"no vector": 5}
    after = dict(zip(*blobs.values(["id", "emb"]), strict=True))
    assert all(np.array_equal(before[i], after[i]) if i in ids[5:] else after[i] is None for i in ids)
    labels = dict(zip(*blobs.values(["id", "km3.cluster"]), strict=True))
    assert [labels[i] for i in ids[:5]] == [None] * 5 and None not in [labels[i] for i in ids[5:]]
    truth = dict(zip(*blobs.values(["id", "ground_truth.label"]), strict=True))
    assert len({(labels[i], truth[i]) for i in ids[5:]}) == 3


def test_p3_a_missing_file_shifts_nothing(files, compute):
    compute(files, run_key="a", params={"n_clusters": 2}, encoder="efficientnet_lite0", embeddings="emb")
    found = files.values("a.cluster")
    assert found[0] is None and len(set(found[1::2])) == len(set(found[2::2])) == 1 and found[1] != found[2]
    alone = fo.Dataset()
    try:
        alone.add_sample(fo.Sample(filepath=files.skip(3).first().filepath))
        get("compute_embeddings")(alone, encoder="efficientnet_lite0", embeddings="emb")
        np.testing.assert_allclose(alone.first().emb, files.skip(3).first().emb, atol=2e-2)
    finally:
        alone.delete()


@pytest.mark.parametrize("field", ["filepath", "tags", "ground_truth", "id", "metadata", "a b"])
def test_p4_no_field_of_the_user_is_overwritten(blobs, compute, field):
    before = blobs.values("filepath")
    with pytest.raises(ValueError, match=re.escape(repr(field))):
        compute(blobs, run_key="km3", cluster_field=field, embeddings="emb")
    assert blobs.values("filepath") == before


def test_p5_a_failed_run_leaves_its_key_free(blobs, compute):
    for params in ({"n_clusters": 100}, {"n_clusters": "x"}):
        with pytest.raises(ValueError):
            compute(blobs, run_key="km3", params=params, embeddings="emb")
    assert compute(blobs, run_key="km3", embeddings="emb")["run_key"] == "km3"
    get("delete_clustering_run")(blobs, run_key="km3")
    assert compute(blobs, run_key="km3", embeddings="emb")["run_key"] == "km3"


CLASSICAL = [name for name in clusterers.list_clusterers() if clusterers.get_clusterer(name).group == "classical"]


@pytest.mark.parametrize("method", CLASSICAL)
def test_p6_p7_every_classical_method_runs_with_its_defaults(blobs, compute, method):
    params = {"n_clusters": 3} if "n_clusters" in clusterers.get_clusterer(method)().get_params() else {}
    summary = compute(blobs, run_key="a", method=method, params=params, embeddings="emb", reduce="none")
    assert summary["n_used"] == 60 and blobs.count("a.label") == 60


def test_p8_agglomerative_can_stop_at_a_distance_and_offers_only_what_works(blobs, compute):
    cls = clusterers.get_clusterer("agglomerative")
    params = {"stop": "distance_threshold", "distance_threshold": 3.0} if "stop" in cls().get_params() else None
    params = params or {"n_clusters": None, "distance_threshold": 3.0}
    assert compute(blobs, run_key="a", method="agglomerative", params=params, embeddings="emb")["n_clusters"] >= 2
    assert cls.offered({"linkage": "ward"})["metric"] == ["euclidean"]
    with pytest.raises(ValueError, match="ward"):
        compute(
            blobs,
            run_key="b",
            method="agglomerative",
            params={"n_clusters": 3, "linkage": "ward", "metric": "cosine"},
            embeddings="emb",
        )


def test_p9_batch_size_and_workers_are_used(files, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.embedding import filling

    asked = {}

    def embed_files(encoder, items, batch_size, num_workers, *rest):
        asked.update(batch_size=batch_size, num_workers=num_workers)
        return iter(())

    monkeypatch.setattr(filling, "embed_files", embed_files)
    get("compute_embeddings")(files, encoder="efficientnet_lite0", embeddings="emb", batch_size=4, num_workers=2)
    assert asked == {"batch_size": 4, "num_workers": 2}


def test_p10_p11_results_hold_what_places_new_samples_and_no_vectors(blobs, compute):
    compute(blobs, run_key="km3", embeddings="emb")

    arrays = read_arrays(blobs, "km3")
    assert any(a.shape == (3, 32) for a in arrays.values())
    assert sum(a.size for a in arrays.values()) < blobs.count() * 32
    config = json.dumps(blobs.get_run_info("km3").config.serialize(), default=str)
    assert len(config) < 20_000


def test_p12_a_process_without_the_plugin_reads_the_run(blobs, compute, tmp_path):
    compute(blobs, run_key="km3", embeddings="emb")
    script = f"""
import fiftyone as fo, sys
ds = fo.load_dataset({blobs.name!r})
info = ds.get_run_info("km3")
assert not [m for m in sys.modules if m.startswith("fiftyone.plugins.orgs")]
results = ds.load_run_results("km3")
print(ds.list_runs(), info.config.method, info.config.params["n_clusters"], len(results.clusters),
      len(ds.load_run_view("km3")))
"""
    import os

    environment = {**os.environ, "FIFTYONE_PLUGINS_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip().endswith("['km3'] kmeans 3 3 60"), done.stderr[-2000:]
    assert "ModuleNotFoundError" not in done.stderr


def test_p13_no_top_level_module_is_ours():
    ours = {"models", "operators", "models.clusterers", "operators.runs"}
    assert not ours & set(sys.modules)


def test_p14_patches_are_patches(patches, compute):
    compute(patches.to_patches("things"), run_key="p", embeddings="emb")
    assert patches.count("things.detections.p.label") == 60 and "p" not in patches.get_field_schema()


def test_p15_a_grouped_dataset_is_never_half_labelled(compute):
    grouped = fo.Dataset()
    try:
        grouped.add_group_field("group", default="left")
        for i in range(4):
            group = fo.Group()
            elements = [fo.Sample(filepath=f"/n/{i}{s}.png", group=group.element(s)) for s in ("left", "right")]
            grouped.add_samples(elements)
        right = grouped.select_group_slices("right")
        right.set_values("emb", [[float(i // 2), 1.0] for i in range(4)])
        with pytest.raises(ValueError, match="'emb' has 0 usable vectors"):
            compute(grouped, run_key="g", embeddings="emb", params={"n_clusters": 2})
        assert not grouped.has_field("g")
        grouped.group_slice = "right"
        summary = compute(grouped, run_key="g", embeddings="emb", params={"n_clusters": 2})
        assert summary["n_used"] == right.count("g.label") == 4 and "slice 'right'" in summary["notes"][0]
    finally:
        grouped.delete()


def test_p16_the_field_goes_and_moves_with_its_run(blobs, compute):
    compute(blobs, run_key="km3", embeddings="emb")
    compute(blobs, run_key="other", cluster_field="mine", embeddings="emb")
    rename = get("rename_clustering_run")
    assert rename(blobs, run_key="km3", new_run_key="best") == {"run_key": "best", "cluster_field": "best"}
    assert blobs.count("best.label") == 60 and not blobs.has_field("km3")
    assert blobs.get_run_info("best").config.cluster_field == "best"
    assert rename(blobs, run_key="other", new_run_key="another")["cluster_field"] == "mine"
    delete = get("delete_clustering_run")
    assert delete(blobs, run_key="best")["deleted_field"] == "best"
    assert delete(blobs, run_key="another")["deleted_field"] == "mine"
    assert blobs.list_runs() == [] and not {"best", "mine", "km3"} & set(blobs.get_field_schema())


def test_p17_a_run_on_a_view_reads_and_names_only_that_view(blobs, compute):
    view = blobs.limit(20)
    compute(view, run_key="v", embeddings="emb")
    config = blobs.get_run_info("v").config
    assert config.n_used == 20 and sum(c["size"] for c in config.clusters) == 20
    assert {i for c in config.clusters for i in c["prototypes"]} <= set(view.values("id"))


def test_p18_a_run_tells_the_time_it_was_made(blobs, compute):
    compute(blobs, run_key="km3", embeddings="emb")
    info = get("get_clustering_run_info")(blobs, run_key="km3")
    stamp = blobs.get_run_info("km3").timestamp
    assert (
        info["created_at"] == f"{stamp.year}-{stamp.month:02d}-{stamp.day:02d} {stamp.hour:02d}:{stamp.minute:02d} UTC"
    )
    assert info["created_at"] in info_text(info) and "n_clusters=3" in info_text(info)


@pytest.mark.parametrize("key", ["my key", "1abc", "", "a-b", "_a"])
def test_p19_run_keys_are_checked_while_typing(blobs, key):
    import fiftyone.operators as foo

    operator = get("compute_clusters")
    params = {"run_key": key or "taken"}
    if not key:
        get("compute_clusters")(blobs, run_key="taken", embeddings="emb", params={"n_clusters": 3}, visualize=False)
    ctx = foo.ExecutionContext({"dataset_name": blobs.name, "params": params}, operator_uri=operator.uri)
    form = operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"]
    assert form["run_key"]["invalid"] and "run key" in form["run_key"]["error_message"]


def test_p20_repeatable_by_default_and_labels_are_classifications(blobs):
    op = get("compute_clusters")
    for key in ("a", "b"):
        op(blobs, run_key=key, embeddings="emb", visualize=False)
    assert blobs.values("a.cluster") == blobs.values("b.cluster")
    assert blobs.get_run_info("a").config.seed == 51
    assert isinstance(blobs.first().a, fo.Classification) and blobs.first().a.confidence is not None
