"""The Python contract of ``compute_clusters``: what a call returns, stores and refuses."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering import job as clustering
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import resolve_target
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import locks
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.run_info import info_text
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.summary import as_text
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import lifecycle as runs
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.labels import create_label_field
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.orphans import clean_fields
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.store import list_clustering_runs

from .conftest import get, group_vectors
from .handles import read_clusters


def groups_found(dataset, field):
    """True if clusters and true classes are the same partition."""
    pairs = set(zip(*dataset.values([f"{field}.cluster", "ground_truth.label"]), strict=True))
    return len(pairs) == 3 and len({a for a, _ in pairs}) == 3


def test_a_run_is_kept_with_all_that_was_asked_for(blobs, compute):
    summary = compute(blobs, run_key="km3", embeddings="emb", ground_truth="ground_truth", seed=7)
    assert groups_found(blobs, "km3")
    assert summary["n_clusters"] == 3 and summary["n_used"] == 60 and summary["scores"]["acc"] == 1
    config = blobs.get_run_info("km3").config
    assert (config.method, config.params["n_clusters"], config.seed) == ("kmeans", 3, 7)
    assert (config.embeddings, config.cluster_field, config.skipped) == ("emb", "km3", {})
    assert {"numpy", "scikit_learn", "fiftyone"} <= set(config.versions)
    assert set(config.seconds) == {"reading", "clustering", "scoring", "writing"}
    assert sorted(c["size"] for c in config.clusters) == [20, 20, 20]
    ids = set(blobs.values("id"))
    for cluster in config.clusters:
        members = blobs.match(F("km3.cluster") == cluster["id"]).values("id")
        assert len(cluster["prototypes"]) == 9 and set(cluster["prototypes"]) <= set(members) <= ids
        confidences = blobs.match(F("km3.cluster") == cluster["id"]).values("km3.confidence")
        assert cluster["confidence"] == pytest.approx(np.mean(confidences), abs=1e-3)


def test_labels_are_names_confidences_and_numbers(blobs, compute):
    compute(blobs, run_key="km3", embeddings="emb")
    one = blobs.first().km3
    assert one.label == f"cluster {one.cluster:02d}" and 0 <= one.confidence <= 1
    assert isinstance(blobs.get_field("km3.cluster"), fo.IntField)
    assert blobs.get_field("km3").info["constellation"] == {"role": "clusters", "run_key": "km3", "status": "done"}


def test_noise_has_its_own_name(blobs, compute):
    strays = np.random.default_rng(1).normal(size=(4, 32)).astype(np.float32)
    ids = blobs.add_samples([fo.Sample(filepath=f"/nowhere/far{i}.png", emb=x) for i, x in enumerate(strays)])
    params = {"min_cluster_size": 5}
    summary = compute(blobs, run_key="hd", method="hdbscan", params=params, embeddings="emb", reduce="none")
    noise = blobs.match(F("hd.label") == "noise")
    assert len(set(ids) & set(noise.values("id"))) >= 3 and set(noise.values("hd.cluster")) == {-1}
    assert summary["n_noise"] == len(noise) and summary["n_clusters"] == 3
    assert -1 not in [c["id"] for c in blobs.get_run_info("hd").config.clusters if c["label"] != "noise"]


def test_same_seed_same_clusters(blobs, compute):
    for key in ("a", "b"):
        compute(blobs, run_key=key, embeddings="emb", seed=3)
    assert blobs.values("a.cluster") == blobs.values("b.cluster")
    assert blobs.get_run_info("a").config.digest == blobs.get_run_info("b").config.digest


def test_defaults_need_no_arguments_but_vectors(blobs):
    summary = get("compute_clusters")(blobs, embeddings="emb", visualize=False)
    assert summary["run_key"] == "kmeans_1" and summary["method"] == "kmeans"
    assert get("compute_clusters")(blobs, embeddings="emb", visualize=False)["run_key"] == "kmeans_2"


def test_unusable_vectors_are_skipped_and_counted(blobs, compute):
    bad = [None, np.full(32, np.nan), np.full(32, np.inf), np.zeros(32)]
    ids = blobs.values("id")
    for sample_id, vector in zip(ids, bad, strict=False):
        sample = blobs[sample_id]
        sample["emb"] = vector if vector is None else vector.astype(np.float32)
        sample.save()
    summary = compute(blobs, run_key="km3", embeddings="emb")
    assert summary["skipped"] == {"no vector": 1, "not finite": 2, "zero vector": 1}
    assert summary["n_used"] == 56
    assert blobs.select(ids[:4]).values("km3") == [None] * 4
    assert groups_found(blobs.select(ids[4:]), "km3")


def test_a_view_is_clustered_alone(blobs, compute):
    view = blobs.match(F("ground_truth.label") != "c")
    compute(view, run_key="ab", params={"n_clusters": 2}, embeddings="emb")
    assert blobs.count("ab.label") == 40
    assert blobs.load_run_view("ab").values("id") == view.values("id")
    assert get("load_clustering_view")(blobs, run_key="ab").values("id") == view.values("id")


def test_patches_and_a_patches_view_mean_the_same(patches, compute):
    compute(patches, run_key="whole", embeddings="emb", patches_field="things")
    compute(patches.to_patches("things"), run_key="view", embeddings="emb")
    a, b = (patches.values(f"things.detections.{key}.cluster", unwind=True) for key in ("whole", "view"))
    assert a == b and len(a) == 60 and None not in a
    names = patches.values("things.detections.label", unwind=True)
    assert len(set(zip(a, names, strict=True))) == 3
    config = patches.get_run_info("whole").config
    assert config.patches_field == "things" and config.n_used == 60
    labels = set(patches.values("things.detections.id", unwind=True))
    assert set(config.clusters[0]["prototypes"]) <= labels
    assert patches.load_run_view("view")._is_patches


def test_some_patches_of_a_view(patches, compute):
    part = patches.to_patches("things").match(F("things.label") != "c")
    compute(part, run_key="ab", params={"n_clusters": 2}, embeddings="emb")
    values = patches.values("things.detections.ab.cluster")
    assert all(row[2] is None and None not in row[:2] for row in values)


def test_frames_of_videos(dataset, compute):
    video = fo.Sample(filepath="/nowhere/a.mp4")
    X, _ = group_vectors(30)
    for number, x in enumerate(X, start=1):
        video.frames[number] = fo.Frame(filepath=f"/nowhere/{number}.png", emb=x)
    dataset.add_sample(video)
    frames = dataset.to_frames(sample_frames=False)
    summary = compute(frames, run_key="f", embeddings="emb")
    assert summary["n_used"] == 30
    found = [dataset.first().frames[n]["f"].cluster for n in range(1, 31)]
    assert len(set(found)) == 3 and found == frames.values("f.cluster")
    assert get("rename_clustering_run")(dataset, run_key="f", new_run_key="g")["cluster_field"] == "g"
    assert dataset.first().frames[1]["g"].label.startswith("cluster")
    assert get("delete_clustering_run")(dataset, run_key="g")["deleted_field"] == "frames.g"
    assert set(dataset.get_frame_field_schema()) & {"f", "g"} == set()


def test_a_single_label_per_sample(dataset, compute):
    X, which = group_vectors(30)
    for i, (x, w) in enumerate(zip(X, which, strict=True)):
        thing = fo.Detection(label="abc"[w], bounding_box=[0, 0, 0.5, 0.5], emb=x)
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{i}.png", thing=thing))
    dataset.add_sample_field("thing.emb", fo.VectorField)
    summary = compute(dataset, run_key="s", embeddings="emb", patches_field="thing", ground_truth="thing")
    assert summary["scores"]["acc"] == 1 and dataset.count("thing.s.label") == 30


def test_ground_truth_of_patches(patches, compute):
    for key, name in (("a", "things"), ("b", "label"), ("c", "things.detections.label")):
        summary = compute(patches, run_key=key, embeddings="emb", patches_field="things", ground_truth=name)
        assert summary["scores"]["acc"] == 1


def test_more_clusters_than_classes_are_scored_many_to_one_too(blobs, compute):
    summary = compute(blobs, run_key="k6", embeddings="emb", params={"n_clusters": 6}, ground_truth="ground_truth")
    scores, text = summary["scores"], as_text(summary)
    assert scores["purity"] == 1 > scores["acc"] and scores["inverse_purity"] < 1
    assert scores["neighbor_agreement"] > 0.5
    assert "6 clusters for 3 classes: acc pairs them one to one, so that surplus clusters count as wrong" in text
    assert "one class give 1.000 (purity)" in text
    config = blobs.get_run_info("k6").config
    assert config.recall == summary["recall"] and {name for name, _ in config.recall} == {"a", "b", "c"}
    assert all(f"{name} {share:.2f}" in text for name, share in summary["recall"])
    assert "6 clusters for 3 classes" in info_text(get("get_clustering_run_info")(blobs, run_key="k6"))
    plain = compute(blobs, run_key="k3", embeddings="emb", ground_truth="ground_truth")
    assert "one to one" not in as_text(plain) and plain["recall"] == [["a", 1.0], ["b", 1.0], ["c", 1.0]]


@pytest.mark.parametrize("kind", ["int", "string", "bool"])
def test_ground_truth_of_plain_fields(blobs, compute, kind):
    plain = {"int": {"a": 0, "b": 1, "c": 2}, "string": {"a": "x", "b": "y", "c": None}, "bool": dict(a=True, b=False)}
    values = [plain[kind].get(label) for label in blobs.values("ground_truth.label")]
    blobs.set_values("plain", values)
    scores = compute(blobs, run_key="k", embeddings="emb", ground_truth="plain")["scores"]
    assert scores["n_scored"] == sum(v is not None for v in values) and scores["inverse_purity"] == 1


def test_length_matters_only_for_coordinates(dataset, compute):
    rng = np.random.default_rng(0)
    near = rng.normal(size=(30, 2)) + [10, 10]
    far = rng.normal(size=(30, 2)) + [100, 100]
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", xy=v) for i, v in enumerate(np.vstack([near, far]))])
    compute(dataset, run_key="places", params={"n_clusters": 2}, embeddings="xy")
    found = dataset.values("places.cluster")
    assert len(set(found[:30])) == len(set(found[30:])) == 1 and found[0] != found[30]


REFUSED = [
    ({"params": {"n_clusters": 1}}, "n_clusters=1"),
    ({"params": {"n_clusters": 61}}, "n_clusters=61 exceeds the 60"),
    ({"params": {"n_clusters": "3"}}, "n_clusters='3'"),
    ({"params": {"n_klusters": 3}}, "no parameter 'n_klusters'; did you mean 'n_clusters'"),
    ({"method": "kmean"}, "did you mean 'kmeans'"),
    ({"run_key": "my key"}, "'my key' is not valid"),
    ({"run_key": "1abc"}, "'1abc' is not valid"),
    ({"run_key": "taken"}, "'taken' is taken"),
    ({"cluster_field": "filepath"}, "'filepath' exists and is not"),
    ({"cluster_field": "tags"}, "'tags' exists"),
    ({"cluster_field": "ground_truth"}, "'ground_truth' exists"),
    ({"cluster_field": "emb"}, "'emb' exists"),
    ({"cluster_field": "taken"}, "holds the clusters of run 'taken'"),
    ({"params": [1]}, "params=[1] is not valid"),
    ({"visualize": "no"}, "visualize='no' is not valid"),
    ({"normalize": "yes"}, "normalize='yes' is not valid"),
    ({"reduce": ["pca"]}, "reduce=['pca'] is not valid"),
    ({"ground_truth": 3}, "ground_truth=3 is not valid"),
    ({"patches_field": 3}, "patches_field=3 is not valid"),
    ({"embeddings": np.ones(3)}, "embeddings=[1.0, 1.0, 1.0] is not valid"),
    ({"encoder": 5}, "encoder 5 is not an encoder"),
    ({"encoder_params": {"image_size": 96}}, "have no use without an encoder"),
    ({"encoder": "efficientnet_lite0", "embeddings": "filepath"}, "'filepath' is a field of type StringField"),
    ({"encoder": "efficientnet_lite0", "embeddings": "new_emb", "params": {"n_clusters": 61}}, "exceeds the 60"),
    ({"encoder": "efficientnet_lite0", "encoder_params": {"image_size": 0}}, "image_size=0"),
    ({"batch_size": 0}, "batch_size=0 is not valid"),
    ({"num_workers": -1}, "num_workers=-1 is not valid"),
    ({"seed": 2**32}, "seed 4294967296"),
    ({"cluster_field": "a b"}, "'a b' is not valid"),
    (
        {"embeddings": "nothing"},
        "there is no field 'nothing'; the vector fields are emb; choose one, or compute one with an encoder",
    ),
    ({"embeddings": "ground_truth"}, "'ground_truth' is a EmbeddedDocumentField and holds no vectors"),
    ({"encoder": "clipp"}, "did you mean 'clip'"),
    ({"reduce": "tsne"}, "no reduction 'tsne'"),
    ({"reduce": "pca", "reduce_params": {"n_components": 0}}, "n_components=0"),
    ({"reduce_params": {"n_components": 5}}, "need a reduction"),
    ({"ground_truth": "nothing"}, "'nothing' is missing"),
    ({"ground_truth": "emb"}, "'emb' is VectorField"),
    ({"seed": -1}, "seed -1"),
    ({"seed": 2.5}, "seed=2.5"),
    ({"patches_field": "ground_truth"}, "'ground_truth' holds Classification, not Detections"),
]


@pytest.mark.parametrize(("wrong", "words"), REFUSED)
def test_refused_in_one_sentence_and_nothing_changes(blobs, compute, wrong, words):
    compute(blobs, run_key="taken", embeddings="emb")
    before = (list(blobs.get_field_schema(flat=True)), blobs.list_runs(), blobs.values("filepath"))
    with pytest.raises(ValueError) as caught:
        compute(blobs, **{"run_key": "new", "embeddings": "emb", **wrong})
    text = str(caught.value)
    assert words in text and "\n" not in text and "Traceback" not in text
    blobs.reload()
    assert (list(blobs.get_field_schema(flat=True)), blobs.list_runs(), blobs.values("filepath")) == before
    assert compute(blobs, run_key="new", embeddings="emb")["run_key"] == "new"


def test_vectors_of_mixed_dimensions_are_refused(blobs, compute):
    sample = blobs.first()
    sample["emb"] = np.ones(8, np.float32)
    sample.save()
    with pytest.raises(ValueError, match="8 and 32 dimensions"):
        compute(blobs, run_key="new", embeddings="emb")
    assert blobs.list_runs() == [] and not blobs.has_field("new")


def test_too_few_usable_vectors(blobs, compute):
    blobs.set_values("emb", [None] * 60)
    with pytest.raises(ValueError, match="0 usable vectors, at least 2 are needed .60 no vector"):
        compute(blobs, run_key="new", embeddings="emb")
    with pytest.raises(ValueError, match="view is empty"):
        compute(blobs.limit(0), run_key="new", embeddings="emb")


def test_videos_and_groups_say_what_to_do(compute):
    video, grouped = fo.Dataset(), fo.Dataset()
    try:
        video.add_sample(fo.Sample(filepath="/nowhere/a.mp4"))
        with pytest.raises(ValueError, match="to_frames"):
            compute(video, run_key="v", embeddings="emb")
        with pytest.raises(ValueError, match="cannot be seen as images; pass to_frames"):
            compute(video, run_key="v")
        X, _ = group_vectors(20)
        grouped.add_group_field("group", default="left")
        for x in X[:10]:
            group = fo.Group()
            grouped.add_samples(
                [fo.Sample(filepath=f"/n/{s}.png", group=group.element(s), emb=x) for s in ("left", "right")]
            )
        assert compute(grouped, run_key="left", embeddings="emb")["n_used"] == 10
        assert not grouped.select_group_slices("right").count("left.label")
        compute(grouped.select_group_slices(media_type="image"), run_key="g", embeddings="emb")
        assert grouped.select_group_slices(media_type="image").count("g.label") == 20
    finally:
        video.delete()
        grouped.delete()


def test_a_failure_in_the_middle_leaves_nothing(blobs, compute, monkeypatch):
    def explode(*args, **kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(runs, "write_labels", explode)
    with pytest.raises(RuntimeError, match="disk is full"):
        compute(blobs, run_key="km3", embeddings="emb", visualize=True)
    blobs.reload()
    assert blobs.list_runs() == [] and blobs.list_brain_runs() == [] and not blobs.has_field("km3")
    monkeypatch.undo()
    assert compute(blobs, run_key="km3", embeddings="emb")["n_clusters"] == 3


def test_a_stop_leaves_nothing(blobs, compute):
    class Stopped(Exception):
        pass

    def progress(fraction, message=""):
        if "writing" in message:
            raise Stopped

    with pytest.raises(Stopped):
        compute(blobs, run_key="km3", embeddings="emb", progress=progress)
    assert blobs.list_runs() == [] and not blobs.has_field("km3")


def test_the_leftovers_of_a_killed_run_are_cleaned(blobs, compute):
    create_label_field(resolve_target(blobs), "dead", "dead")
    create_label_field(resolve_target(blobs), "other_field", "other")
    assert clean_fields(blobs) == ["dead", "other_field"]
    create_label_field(resolve_target(blobs), "dead", "dead")
    compute(blobs, run_key="dead", embeddings="emb")
    assert blobs.count("dead.label") == 60


def test_a_living_writer_keeps_others_out(blobs, compute):
    with locks.write_lock(blobs, "run key 'km3'"), pytest.raises(ValueError, match="'km3' is being written by process"):
        compute(blobs, run_key="km3", embeddings="emb")
    with locks.write_lock(blobs, "field 'shared'"), pytest.raises(ValueError, match="'shared' is being written"):
        compute(blobs, run_key="km3", cluster_field="shared", embeddings="emb")
    create_label_field(resolve_target(blobs), "alive", "alive")
    with locks.write_lock(blobs, "run key 'alive'"):
        assert clean_fields(blobs) == []
    assert compute(blobs, run_key="km3", embeddings="emb")["n_clusters"] == 3


def test_the_map_is_made_once_and_goes_with_its_last_run(blobs, compute, monkeypatch):
    compute(blobs, run_key="a", embeddings="emb", visualize=True)
    [key] = blobs.list_brain_runs()
    assert key == "emb_map"
    stamp = blobs.get_brain_info(key).timestamp
    points = blobs.load_brain_results(key)
    assert points.points.shape == (60, 2) and list(points.sample_ids) == blobs.values("id")
    assert compute(blobs, run_key="b", embeddings="emb", visualize=True)["visualization"] == key
    assert blobs.list_brain_runs() == [key] and blobs.get_brain_info(key).timestamp == stamp
    compute(blobs.limit(40), run_key="c", embeddings="emb", visualize=True)
    assert blobs.list_brain_runs() == [key, "emb_map_2"]
    clone = blobs.clone()
    assert compute(clone, run_key="d", embeddings="emb", visualize=True)["visualization"] == key
    clone.delete()
    delete = get("delete_clustering_run")
    assert delete(blobs, run_key="a")["deleted_map"] is None
    assert delete(blobs, run_key="b")["deleted_map"] == key
    assert len(blobs.list_brain_runs()) == 1


def test_the_map_of_patches(patches, compute):
    summary = compute(patches, run_key="p", embeddings="emb", patches_field="things", visualize=True)
    results = patches.load_brain_results(summary["visualization"])
    assert results.config.patches_field == "things" and len(results.label_ids) == 60


def test_what_a_run_costs_is_small(dataset, compute):
    X, _ = group_vectors(3000, groups=3, d=64)
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(X)], progress=False)
    compute(dataset, run_key="many", params={"n_clusters": 2500}, embeddings="emb")
    import bson

    assert len(bson.encode(dataset.get_run_info("many").config.serialize())) < 1_000_000
    assert len(read_clusters(dataset, "many")) == 2500
    assert "colors only the 100 largest" in str(get("get_clustering_run_info")(dataset, run_key="many")["notes"])


def test_a_run_reports_by_stage(blobs, compute):
    seen = []
    compute(blobs, run_key="a", embeddings="emb", progress=lambda f, m="": seen.append((f, m)))
    fractions = [f for f, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1)
    assert list(dict.fromkeys(m.split()[1] for _, m in seen)) == ["reading", "clustering", "scoring", "writing"]


def test_encoders_fill_what_is_missing(dataset, compute, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(6):
        tone = np.full((40, 40, 3), 40 if i % 2 else 220, np.uint8)
        Image.fromarray(tone + rng.integers(0, 9, tone.shape, dtype=np.uint8)).save(tmp_path / f"{i}.png")
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png")))
    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "missing.png")))
    summary = compute(dataset, run_key="a", params={"n_clusters": 2}, encoder="efficientnet_lite0")
    assert summary["embeddings"] == "efficientnet_lite0" and summary["skipped"] == {"missing file": 1}
    assert dataset.get_run_info("a").config.encoder["dimension"] == 1280
    found = dataset.values("a.cluster")
    assert len(set(found[0:6:2])) == len(set(found[1:6:2])) == 1 and found[0] != found[1] and found[6] is None
    assert dataset.match_tags("embedding_failed").values("filepath") == [str(tmp_path / "missing.png")]


def test_seconds_are_those_of_the_stages(blobs, compute):
    assert set(compute(blobs, run_key="a", embeddings="emb")["seconds"]) == {
        "reading",
        "clustering",
        "scoring",
        "writing",
    }
    assert clustering.SEED == 51


def test_a_vector_field_is_never_taken_for_a_leftover(dataset, compute, tmp_path):
    from PIL import Image

    for i in range(4):
        Image.new("RGB", (40, 40), (60 * i, 20, 20)).save(tmp_path / f"{i}.png")
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png")))
    get("compute_embeddings")(dataset, encoder="efficientnet_lite0", embeddings="vec")
    before = dataset.values("vec")
    for wrong in ({"cluster_field": "vec"}, {"run_key": "vec"}):
        with pytest.raises(ValueError, match="'vec' exists"):
            compute(dataset, **{"run_key": "k", "params": {"n_clusters": 2}, "embeddings": "vec", **wrong})
    assert all(np.array_equal(a, b) for a, b in zip(before, dataset.values("vec"), strict=True))


def test_runs_of_other_plugins_are_left_alone(blobs, compute):
    blobs.register_run("foreign", blobs.init_run(kind="clustering", method="x"))
    compute(blobs, run_key="mine", embeddings="emb")
    assert list_clustering_runs(blobs) == ["mine"]
    with pytest.raises(ValueError, match="no clustering run 'foreign'; the runs here are mine"):
        get("delete_clustering_run")(blobs, run_key="foreign")


def test_numpy_numbers_are_numbers(blobs, compute):
    params = {"n_clusters": np.int64(3)}
    compute(blobs, run_key="a", params=params, seed=np.int64(5), embeddings="emb", reduce="none")
    config = blobs.get_run_info("a").config
    assert (config.params["n_clusters"], config.seed) == (3, 5)


def test_what_a_method_warns_of_is_noted(dataset, compute):
    vectors = np.repeat(np.eye(2, 32, dtype=np.float32), 10, axis=0)
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(vectors)])
    notes = compute(dataset, run_key="a", params={"n_clusters": 5}, embeddings="emb")["notes"]
    assert notes and all("\n" not in note for note in notes)


def test_tiny_and_huge_vectors_are_directions_too(blobs, compute):
    scale = np.where(np.arange(60) % 2, 1e-30, 1e25)
    scaled = [(x * s).astype(np.float32) for x, s in zip(blobs.values("emb"), scale, strict=True)]
    blobs.set_values("emb", scaled)
    compute(blobs, run_key="a", embeddings="emb")
    assert groups_found(blobs, "a")


def test_a_field_the_user_renamed_is_the_users(blobs, compute):
    compute(blobs, run_key="a", embeddings="emb")
    blobs.rename_sample_field("a", "mine")
    with pytest.raises(ValueError, match="'mine' exists"):
        compute(blobs, run_key="b", cluster_field="mine", embeddings="emb")
    info = get("get_clustering_run_info")(blobs, run_key="a")
    assert not info["field_exists"]


def test_the_default_features_are_the_vectors_that_are_there(blobs, compute):
    assert compute(blobs, run_key="a")["embeddings"] == "emb"


def test_classes_that_are_all_missing_are_noted(blobs, compute):
    blobs.add_sample_field("empty", fo.StringField)
    summary = compute(blobs, run_key="a", embeddings="emb", ground_truth="empty")
    assert "acc" not in summary["scores"] and "'empty' has no class" in summary["notes"][0]


def test_small_datasets(dataset, compute):
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=np.eye(3)[i]) for i in range(3)])
    assert compute(dataset.limit(2), run_key="two", params={"n_clusters": 2}, embeddings="emb")["n_clusters"] == 2
    with pytest.raises(ValueError, match="only 1 of the images"):
        compute(dataset.limit(1), run_key="one", params={"n_clusters": 2}, embeddings="emb")
    summary = compute(dataset, run_key="um", params={"n_clusters": 2}, embeddings="emb", reduce="umap", visualize=True)
    assert any("principal components" in note for note in summary["notes"])


@pytest.mark.parametrize("reduce", ["pca", "umap"])
def test_copies_get_one_cluster_whatever_the_reduction_makes_of_them(reduce, blobs, compute):
    ids = blobs.values("id")
    same = ids[3:60:3]  # of one group
    blobs.set_values("emb", dict.fromkeys(same, blobs[ids[0]].emb), key_field="id")
    summary = compute(blobs, run_key="a", params={"n_clusters": 12}, embeddings="emb", reduce=reduce)
    found = blobs.values(["a.cluster", "a.confidence"])
    of_copies = {pair for row_id, pair in zip(ids, zip(*found, strict=True), strict=True) if row_id in {ids[0], *same}}
    assert len(of_copies) == 1 and set(found[0]) == set(range(summary["n_clusters"]))
