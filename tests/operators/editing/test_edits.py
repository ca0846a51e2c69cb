"""Edits of clusters: what each does, and that undo restores everything exactly."""

import signal

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
import pytest
from fiftyone import ViewField as F
from fiftyone.plugins.orgs.constellation.clusters.models.labels import MIXED
from fiftyone.plugins.orgs.constellation.clusters.models.placement import place
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import resolve_target
from fiftyone.plugins.orgs.constellation.clusters.operators.editing import names as edits
from fiftyone.plugins.orgs.constellation.clusters.operators.editing.new_samples import NewSamples
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import clusters as label_fields
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import labels as cluster_labels
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import transaction as edited_run
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get, group_vectors
from ..execution.test_concurrency import Child
from ..handles import (
    absorb_noise,
    clusters_of,
    dissolve_clusters,
    get_config,
    merge_clusters,
    move_to_cluster,
    read_arrays,
    read_result,
    redo_edit,
    rename_clusters,
    split_cluster,
    undo_edit,
    version_of,
    write_results,
)


def state(dataset, key="km") -> tuple:
    """Everything an edit may change except the version and the log: what undo must restore."""
    dataset.reload()
    config = {k: v for k, v in get_config(dataset, key).to_dict().items() if k != "version"}
    path, coarse = config["label_path"], f"{config['label_path']}{label_fields.COARSE}"
    results = dataset.load_run_results(key, cache=False)
    tables = ("names", "becomes", "apart", "coarse", "hierarchy")
    kept = {k: v for k, v in results.serialize().items() if k not in ("edits", *tables)}
    found = {name: getattr(results, name, None) for name in tables}
    found = {name: table for name, table in found.items() if table and any(table.values())}
    fields = [p for p in (path, coarse) if dataset.get_field(p)]
    labels = {p: dataset.values([f"{p}.{a}" for a in ("id", "label", "cluster", "confidence")]) for p in fields}
    labels.setdefault(coarse, None)
    if labels[coarse]:
        labels[coarse] = labels[coarse][1:]  # a field that is made again has labels with other ids
    return config, kept, found, labels


def log_of(dataset, key="km"):
    return read_result(dataset, key, "edits", [])


@pytest.fixture
def run(blobs, compute):
    """Five clusters of three groups and some noise: k-means runs have none, so samples are moved there."""
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 5})
    return blobs


@pytest.fixture
def noisy(blobs, compute):
    """Three clusters and eight samples of noise, half of them at the edge of a cluster."""
    rng = np.random.default_rng(1)
    far = rng.normal(size=(4, 32)).astype(np.float32)
    ids = blobs.add_samples([fo.Sample(filepath=f"/nowhere/far{i}.png", emb=x) for i, x in enumerate(far)])
    compute(blobs, run_key="km", method="hdbscan", params={"min_cluster_size": 5}, embeddings="emb", reduce="none")
    return blobs, ids


def members(dataset, cluster, key="km"):
    return dataset.match(F(f"{key}.cluster") == cluster).values("id")


EDITS = {
    "rename": lambda ds: rename_clusters(ds, "km", {0: "dogs", 1: "cats"}, about={0: {"description": "bark"}}),
    "merge": lambda ds: merge_clusters(ds, "km", [0, 1, 2], name="all of them"),
    "split": lambda ds: split_cluster(ds, "km", 0, params={"n_clusters": 3}),
    "move": lambda ds: move_to_cluster(ds, "km", members(ds, 0)[:3], 1),
    "empty": lambda ds: move_to_cluster(ds, "km", members(ds, 0), 1),
    "found": lambda ds: move_to_cluster(ds, "km", members(ds, 0)[:2] + members(ds, 1)[:1], name="new"),
    "dissolve": lambda ds: dissolve_clusters(ds, "km", [0, 3]),
    "to_noise": lambda ds: move_to_cluster(ds, "km", members(ds, 0)[:2], -1),
}


def check_records(dataset, key="km"):
    """Assert that the records of the clusters agree with the labels."""
    dataset.reload()
    path = get_config(dataset, key).label_path
    found = list(zip(*dataset.values([f"{path}.{a}" for a in ("cluster", "label", "confidence")]), strict=True))
    records = clusters_of(dataset, key)
    assert {e["id"] for e in records} == {c for c, *_ in found if c is not None}
    for record in records:
        mine = [(label, p) for c, label, p in found if c == record["id"]]
        assert {label for label, _ in mine} == {record["label"]} and len(mine) == record["size"]
        assert record["confidence"] == pytest.approx(np.mean([p for _, p in mine]), abs=1e-4)
        assert set(record["prototypes"]) <= set(members(dataset, record["id"], key))
        assert bool(record["prototypes"]) == (record["id"] != -1)
    config = get_config(dataset, key)
    assert config.n_clusters == len({e["id"] for e in records} - {-1})
    assert config.n_noise == sum(c == -1 for c, *_ in found)


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_undone_restores_everything_and_redone_repeats_it(run, name):
    before = state(run)
    done = EDITS[name](run)
    check_records(run)
    after = state(run)
    assert done["n_changed"] > 0 and after != before and done["version"] == 1
    undo_edit(run, "km")
    assert state(run) == before
    redo_edit(run, "km")
    assert state(run) == after
    undo_edit(run, "km")
    assert state(run) == before and version_of(run, "km") == 4
    assert [record["action"] for record in log_of(run)] == [done["action"], "undo", "redo", "undo"]


def test_many_edits_are_undone_to_the_start_and_done_again(run):
    states = [state(run)]
    for name in ("rename", "found", "split", "to_noise", "merge"):
        EDITS[name](run)
        states.append(state(run))
    for expected in reversed(states[:-1]):
        undo_edit(run, "km")
        assert state(run) == expected
    with pytest.raises(ValueError, match="'km' has no edit to undo"):
        undo_edit(run, "km")
    for expected in states[1:]:
        redo_edit(run, "km")
        assert state(run) == expected
    with pytest.raises(ValueError, match="'km' has no edit to redo"):
        redo_edit(run, "km")
    check_records(run)


def test_a_new_edit_ends_what_could_be_redone_and_ids_are_never_used_again(run):
    first = split_cluster(run, "km", 0)
    (fresh,) = {c["id"] for c in first["clusters"]} - {0}
    assert fresh == 5
    undo_edit(run, "km")
    second = split_cluster(run, "km", 1)
    assert {c["id"] for c in second["clusters"]} == {1, 6}
    with pytest.raises(ValueError, match="no edit to redo"):
        redo_edit(run, "km")


def test_merge_keeps_the_largest_id_and_name_and_label_ids(run):
    ids, sizes = run.values("km.id"), {c["id"]: c["size"] for c in clusters_of(run, "km")}
    pair = sorted(sizes, key=sizes.get)[-2:]
    largest = max(pair, key=lambda c: (sizes[c], -c))
    done = merge_clusters(run, "km", pair)
    assert [c["id"] for c in done["clusters"]] == [largest] and done["removed"] == [min(set(pair) - {largest})]
    assert done["clusters"][0]["size"] == sizes[pair[0]] + sizes[pair[1]]
    assert run.values("km.id") == ids
    assert repr(label_fields.cluster_label(largest)) in done["text"]


def test_merged_members_are_as_sure_as_new_samples_would_be(run):
    groups = {}
    for cluster, true in zip(*run.values(["km.cluster", "ground_truth.label"]), strict=True):
        groups.setdefault(true, set()).add(cluster)
    pair = sorted(next(found for found in groups.values() if len(found) > 1))
    before = np.mean(run.match(F("km.cluster").is_in(pair)).values("km.confidence"))
    merge_clusters(run, "km", pair)
    config, X = get_config(run, "km"), np.stack(run.values("emb"))
    becomes = {int(k): v for k, v in read_result(run, "km", "becomes").items()}
    labels, sure = place(config.placement, read_arrays(run, "km"), X, mapping=becomes)
    assert labels.tolist() == run.values("km.cluster")
    assert sure == pytest.approx(run.values("km.confidence"), abs=1e-5)
    assert sure[np.isin(labels, pair)].mean() > before


def test_new_samples_follow_the_edits(run):
    """Merged: the cluster that stays. Taken apart: the nearest samples decide. Dissolved: noise."""
    X = np.stack(run.values("emb"))
    spec, arrays = get_config(run, "km").placement, read_arrays(run, "km")
    merge_clusters(run, "km", [0, 1])
    split_cluster(run, "km", 2)
    dissolve_clusters(run, "km", [3])
    run.reload()
    becomes = {int(k): v for k, v in read_result(run, "km", "becomes").items()}
    now = np.array(run.values("km.cluster"))
    found, sure = place(spec, arrays, X + 1e-4, X, now, becomes)
    assert found.tolist() == now.tolist() and set(now) >= {-1, 2, 5}
    assert (sure[found == -1] == 0).all() and (sure[found >= 0] > 0).all()


def test_runs_stored_before_mixed_had_a_number_are_read(run):
    split_cluster(run, "km", 2)
    log = log_of(run)
    assert read_result(run, "km", "becomes") == {"2": MIXED}
    assert log[-1]["changes"]["becomes"] == {"2": [None, MIXED]}
    log[-1]["changes"]["becomes"] = {"2": [None, -2]}
    write_results(run, "km", becomes={"2": -2}, edits=log)
    X, now = np.stack(run.values("emb")), run.values("km.cluster")
    found, _ = NewSamples(Run.open(run, "km"), resolve_target(run), []).place(X)
    assert found.tolist() == now and 5 in now
    undo_edit(run, "km")
    assert not read_result(run, "km", "becomes")
    redo_edit(run, "km")
    assert read_result(run, "km", "becomes") == {"2": MIXED}
    assert run.values("km.cluster") == now


def test_noise_is_absorbed_above_the_minimum_only(noisy):
    dataset, far = noisy
    before = state(dataset)
    noise = set(members(dataset, -1))
    assert len(noise & set(far)) >= 3
    nothing = absorb_noise(dataset, "km", min_similarity=1)
    assert nothing["n_changed"] == 0 and version_of(dataset, "km") == 0
    limit = nothing["nearest_left"] - 1e-4
    one = absorb_noise(dataset, "km", min_similarity=limit)
    assert one["n_changed"] == 1 and one["n_left"] == len(noise) - 1 and one["nearest_left"] <= limit
    rest = absorb_noise(dataset, "km", min_similarity=-1)
    assert rest["n_left"] == 0 and rest["removed"] == [-1] and rest["nearest_left"] is None
    check_records(dataset)
    undo_edit(dataset, "km"), undo_edit(dataset, "km")
    assert state(dataset) == before
    some = sorted(noise)[:2]
    assert absorb_noise(dataset, "km", min_similarity=-1, ids=some)["n_changed"] == 2
    with pytest.raises(ValueError, match="min_similarity=7 is not valid"):
        absorb_noise(dataset, "km", min_similarity=7)


def test_edits_of_a_density_run_move_its_limits(noisy):
    dataset, _ = noisy
    split_cluster(dataset, "km", 0)
    config = get_config(dataset, "km")
    becomes = {int(k): v for k, v in read_result(dataset, "km", "becomes").items()}
    X, now = np.stack(dataset.values("emb")), np.array(dataset.values("km.cluster"))
    found, _ = place(config.placement, read_arrays(dataset, "km"), X, X, now, becomes)
    assert found.tolist() == now.tolist() and now.max() == 3


def test_patches_are_edited_by_their_label_ids(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    path = "things.detections.km"
    before = state(patches)
    ids, clusters = patches.values(["things.detections.id", f"{path}.cluster"], unwind=True)
    chosen = [i for i, c in zip(ids, clusters, strict=True) if c == 0][:2]
    done = move_to_cluster(patches, "km", chosen, 1)
    assert done["n_changed"] == 2 and "2 patches" in done["text"]
    merge_clusters(patches, "km", [0, 2])
    rename_clusters(patches, "km", {1: "boxes"})
    assert patches.count_values(f"{path}.label")["boxes"] == 22
    assert sorted(c["size"] for c in clusters_of(patches, "km")) == [22, 38]
    with pytest.raises(ValueError, match="1 of 1 ids are no patches of this dataset.*give label ids"):
        move_to_cluster(patches, "km", [patches.first().id], 1)
    for _ in range(3):
        undo_edit(patches, "km")
    assert state(patches) == before


def test_frames_of_videos_are_edited(dataset, compute):
    video = fo.Sample(filepath="/nowhere/a.mp4")
    X, _ = group_vectors(30)
    for number, x in enumerate(X, start=1):
        video.frames[number] = fo.Frame(filepath=f"/nowhere/{number}.png", emb=x)
    dataset.add_sample(video)
    compute(dataset.to_frames(sample_frames=False), run_key="km", embeddings="emb")
    before = dataset.values("frames.km.cluster")[0]
    rename_clusters(dataset, "km", {0: "start"})
    merge_clusters(dataset, "km", [0, 1])
    dataset.reload()
    after = dataset.values("frames.km.cluster")[0]
    assert sorted(set(before)) == [0, 1, 2] and sorted(set(after)) == [0, 2]
    assert set(dataset.values("frames.km.label")[0]) == {"start", "cluster 02"}
    undo_edit(dataset, "km")
    assert dataset.values("frames.km.cluster")[0] == before


def test_one_slice_of_groups_is_edited(dataset, compute):
    X, _ = group_vectors(30)
    dataset.add_group_field("group", default="left")
    for x in X:
        group = fo.Group()
        for name in ("left", "right"):
            dataset.add_sample(fo.Sample(filepath=f"/nowhere/{name}.png", group=group.element(name), emb=x))
    left = dataset.select_group_slices("left")
    compute(left, run_key="km", embeddings="emb")
    merge_clusters(dataset, "km", [0, 1])
    assert len(set(left.values("km.cluster"))) == 2
    assert set(dataset.select_group_slices("right").values("km.cluster")) == {None}


def test_a_sample_that_the_run_left_out_can_be_moved_into_a_cluster(run):
    (new,) = run.add_samples([fo.Sample(filepath="/nowhere/new.png")])
    before = state(run)
    move_to_cluster(run, "km", [new], 2)
    label = run[new].km
    assert (label.label, label.cluster, label.confidence) == ("cluster 02", 2, 1)
    check_records(run)
    undo_edit(run, "km")
    assert run[new].km is None and state(run) == before


def test_names_keep_the_state_of_the_labels_and_undo_gives_it_back(run):
    def now():
        run.reload()
        return get_config(run, "km").state

    assert now() == 0
    merge_clusters(run, "km", [0, 1])
    merged = now()
    rename_clusters(run, "km", {0: "dogs"})
    assert merged == now() != 0
    split_cluster(run, "km", 2)
    assert now() not in (0, merged)
    for expected in (merged, merged, 0):
        undo_edit(run, "km")
        assert now() == expected
    redo_edit(run, "km")
    assert now() == merged
    run.delete_samples(members(run, 3)[:1])
    undo_edit(run, "km")
    assert now() not in (0, merged)  # there is a sample less than in any state before


def test_undo_says_so_if_nothing_of_the_edit_is_left(run):
    gone = members(run, 0)[:2]
    move_to_cluster(run, "km", gone, 1)
    run.delete_samples(gone)
    assert undo_edit(run, "km")["text"].endswith("2 images were changed or deleted since and stay as they are")


def test_two_editors_and_nothing_is_lost(run):
    seen = version_of(run, "km")
    rename_clusters(run, "km", {0: "mine"}, version=seen)
    after = state(run)
    for name, call in {
        "rename": lambda: rename_clusters(run, "km", {0: "theirs"}, version=seen),
        "merge": lambda: merge_clusters(run, "km", [0, 1], version=seen),
        "undo": lambda: undo_edit(run, "km", version=seen),
    }.items():
        with pytest.raises(ValueError, match="it is at version 1 and you saw 0"):
            call()
        assert state(run) == after, name


def test_an_edit_that_fails_or_is_stopped_changes_nothing(run, monkeypatch):
    before = state(run)

    def stop(fraction, message=""):
        if "writing" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dissolve_clusters(run, "km", [0], progress=stop)
    assert state(run) == before and log_of(run) == []
    monkeypatch.setattr(edited_run, "update_config", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        merge_clusters(run, "km", [0, 1])
    monkeypatch.undo()
    rename_clusters(run, "km", {0: "later"})  # the next editor takes back what was left half done
    undo_edit(run, "km")
    assert state(run) == before


def test_an_editor_that_was_killed_is_taken_back_by_the_next(run, monkeypatch):
    before = state(run)
    real = cluster_labels.write_values

    def killed(target, path, *args):
        if path == "km.cluster":
            raise SystemExit
        real(target, path, *args)

    monkeypatch.setattr(cluster_labels, "write_values", killed)
    monkeypatch.setattr(edited_run.EditedRun, "recover", lambda self: None)
    with pytest.raises(SystemExit):
        merge_clusters(run, "km", [0, 1])
    monkeypatch.undo()
    assert state(run) != before and log_of(run)[-1]["pending"]
    with pytest.raises(ValueError, match="no edit to undo"):
        undo_edit(run, "km")
    assert state(run) == before and log_of(run) == [] and version_of(run, "km") == 1


def test_a_process_that_is_killed_and_one_that_comes_late(run):
    before = state(run)
    killed = """
    import os, signal, sys
    package = "fiftyone.plugins.orgs.constellation.clusters.operators."
    labels = sys.modules[package + "runs.labels"]
    labels.write_values, real = lambda target, path, *rest: (
        os.kill(os.getpid(), signal.SIGKILL) if path == "km.confidence" else real(target, path, *rest)
    ), labels.write_values
    foo.get_operator("@constellation/clusters/edit_clusters")(ds, run_key="km", action="merge", clusters=[0, 1])
""".strip()
    late = 'foo.get_operator("@constellation/clusters/edit_clusters")(ds, run_key="km", action="undo", version=0)'
    first, second = Child(run, killed), Child(run, late)
    first.go()
    first.process.wait(120)
    assert first.process.returncode == -signal.SIGKILL and state(run) != before
    rename_clusters(run, "km", {0: "mine"})
    second.go()
    assert "you saw 0; look at it again" in second.said()
    assert set(run.match(F("km.cluster") == 0).values("km.label")) == {"mine"}
    undo_edit(run, "km")
    assert state(run) == before and [record["action"] for record in log_of(run)] == ["rename", "undo"]


def test_undo_leaves_alone_what_was_changed_or_deleted_since(run):
    sizes = {c["id"]: c["size"] for c in clusters_of(run, "km")}
    gone, other, *_ = members(run, 0)
    merge_clusters(run, "km", [0, 1])
    run.delete_samples([gone])
    sample = run[other]
    sample.km.cluster, sample.km.label = 3, "cluster 03"
    sample.save()
    done = undo_edit(run, "km")
    assert "2 images were changed or deleted since" in done["text"]
    assert run[other].km.cluster == 3
    check_records(run)
    assert {c["id"]: c["size"] for c in clusters_of(run, "km")} == {**sizes, 0: sizes[0] - 2, 3: sizes[3] + 1}


def test_a_run_whose_field_is_gone_or_renamed_says_so(run):
    run.rename_sample_field("km", "elsewhere")
    with pytest.raises(ValueError, match="'km' of run 'km' was deleted or renamed; it seems to be 'elsewhere' now"):
        merge_clusters(run, "km", [0, 1])
    run.delete_sample_field("elsewhere")
    with pytest.raises(ValueError, match="was deleted or renamed; delete the run or compute it again"):
        rename_clusters(run, "km", {0: "a"})


def test_without_vectors_a_cluster_is_merged_but_not_split(run):
    run.delete_sample_field("emb")
    merge_clusters(run, "km", [0, 1])
    check_records(run)
    with pytest.raises(ValueError, match="cluster 2 has 0 usable vectors in 'emb', too few to split"):
        split_cluster(run, "km", 2)


def test_a_cloned_dataset_is_edited_by_itself(run):
    merge_clusters(run, "km", [0, 1])
    before = state(run)
    twin = run.clone()
    try:
        assert clusters_of(twin, "km") == clusters_of(run, "km")
        undo_edit(twin, "km")
        check_records(twin)
        assert len(clusters_of(twin, "km")) == 5 and state(run) == before
    finally:
        twin.delete()


def test_an_exported_dataset_is_edited_after_it_came_back(run, tmp_path):
    dissolve_clusters(run, "km", [0])
    run.export(str(tmp_path), dataset_type=fo.types.FiftyOneDataset, export_media=False)
    back = fo.Dataset.from_dir(str(tmp_path), dataset_type=fo.types.FiftyOneDataset)
    try:
        undo_edit(back, "km")
        rename_clusters(back, "km", {0: "back"})
        check_records(back)
        assert len(clusters_of(back, "km")) == 5
    finally:
        back.delete()


REFUSED = [
    (lambda ds: merge_clusters(ds, "km", [0]), r"merging \[0\] changes nothing"),
    (lambda ds: merge_clusters(ds, "km", [0, 0]), r"merging \[0\] changes nothing"),
    (lambda ds: merge_clusters(ds, "km", []), "no cluster was named"),
    (lambda ds: merge_clusters(ds, "km", [0, 9]), "has no cluster 9; its clusters are 0, 1, 2, 3, 4"),
    (lambda ds: merge_clusters(ds, "km", [0, -1]), "-1 is noise, not a cluster"),
    (lambda ds: merge_clusters(ds, "km", ["a", 1]), "'a' is not a cluster id"),
    (lambda ds: move_to_cluster(ds, "km", [], 1), "no images were chosen"),
    (lambda ds: move_to_cluster(ds, "km", ["x"], 1), "1 of 1 ids are no images of this dataset, 'x'"),
    (lambda ds: move_to_cluster(ds, "km", members(ds, 0), 1, name="a"), "name='a' is for a new cluster"),
    (lambda ds: split_cluster(ds, "km", 0, params={"n_clusters": 99}), "n_clusters=99 exceeds"),
    (lambda ds: split_cluster(ds, "km", 0, method="nope"), "there is no clustering method 'nope'"),
    (
        lambda ds: split_cluster(ds, "km", 0, method="hdbscan", params={"min_cluster_size": 10}),
        "hdbscan finds . groups in cluster 0, so there is nothing to split",
    ),
    (lambda ds: absorb_noise(ds, "km"), "run 'km' has no noise among these images"),
    (lambda ds: merge_clusters(ds, "other", [0, 1]), "there is no clustering run 'other'"),
]


def test_refusals_are_one_sentence_and_change_nothing(run):
    before = state(run)
    for call, said in REFUSED:
        with pytest.raises(ValueError, match=said):
            call(run)
    assert state(run) == before and log_of(run) == []


def test_parts_are_named_after_their_cluster(run):
    rename_clusters(run, "km", {0: "dogs"})
    assert [c["label"] for c in split_cluster(run, "km", 0)["clusters"]] == ["dogs", "dogs (2)"]
    assert [c["label"] for c in split_cluster(run, "km", 1)["clusters"]] == ["cluster 01", "cluster 06"]


@pytest.mark.parametrize(
    "given, kept",
    [
        ("  a\n b\tc ", "a b c"),
        ("<b>bold</b> & *md*", "<b>bold</b> & *md*"),
        ("שלום עולם", "שלום עולם"),
        ("👩\u200d🚀 crew", "👩\u200d🚀 crew"),
        ("safe\u202etxt.exe", "safetxt.exe"),
        ("bad\ud800half\x00", "badhalf"),
        ("x" * 10_000, "x" * 79 + "…"),
        ("e" * 78 + "e\u0301more", "e" * 78 + "…"),
    ],
)
def test_names_are_plain_text_on_one_line(given, kept):
    assert edits.clean_name(given) == kept and edits.clean_name(kept) == kept


@pytest.mark.parametrize("name", ["", "  \n", "\u200b\u202e", 7, None])
def test_a_name_shows_something(name):
    with pytest.raises(ValueError, match="give a name of 1 to 80 characters"):
        edits.clean_name(name)


def test_every_edit_renews_every_map(run):
    ids = run.values("id")
    for key in ("ours", "theirs"):
        points = dict(zip(ids, np.random.default_rng(0).normal(size=(60, 2)), strict=True))
        fob.compute_visualization(run, points=points, brain_key=key)
    fob.compute_uniqueness(run, embeddings="emb")
    stamps = [[run.get_brain_info(key).timestamp for key in run.list_brain_runs()]]
    rename = {"run_key": "km", "new_run_key": "other"}
    for call in (
        EDITS["rename"],
        EDITS["split"],
        lambda ds: undo_edit(ds, "km"),
        lambda ds: get("rename_clustering_run")(ds, **rename),
        lambda ds: get("delete_clustering_run")(ds, run_key="other"),  # a new run may have its name
    ):
        call(run)
        run.reload()
        stamps.append([run.get_brain_info(key).timestamp for key in run.list_brain_runs()])
    for key, found in zip(run.list_brain_runs(), zip(*stamps, strict=True), strict=True):
        assert len(set(found)) == (6 if key in ("ours", "theirs") else 1) and sorted(found) == list(found)
