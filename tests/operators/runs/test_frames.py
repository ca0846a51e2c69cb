"""Runs on frames: their members are frames of the videos as they are now, whichever view names them."""

import fiftyone as fo
import pytest
from fiftyone import ViewField as F

from ..conftest import get
from ..videos import vector_video


@pytest.fixture
def videos(dataset):
    dataset.add_samples([vector_video(0), vector_video(1)])
    return dataset


def clusters_of(videos):
    return videos.count_values("frames.r.cluster")


def counts(samples, folder):
    """Numbers of members that operators see among ``samples``."""
    exported = get("export_clusters")(samples, run_key="r", path=str(folder / "r.csv"), overwrite=True)
    assert len((folder / "r.csv").read_text().splitlines()) == exported["n"] + 1
    return {
        exported["n"],
        get("evaluate_clusters")(samples, run_key="r")["n"],
        len(get("load_clustering_view")(samples, run_key="r")),
    }


def test_a_view_from_before_the_run_was_edited_shows_what_it_is_now(videos, compute):
    frames = videos.to_frames()
    compute(frames, run_key="r", embeddings="emb")
    done = get("edit_clusters")(videos, run_key="r", action="merge", clusters=[0, 1])
    merged = next(cluster["id"] for cluster in done["clusters"])
    assert len(get("load_clustering_view")(frames, run_key="r", cluster=merged)) == clusters_of(videos)[merged]
    found = get("tabulate_clusters")(frames, run_key="r", group_by="gt")
    assert len(found["rows"]) == 2


def test_a_view_from_before_a_deletion_counts_what_is_there(videos, compute, tmp_path):
    frames = videos.to_frames()
    compute(frames, run_key="r", embeddings="emb")
    videos.delete_samples(videos.first().id)
    assert counts(frames, tmp_path) == {10}
    videos.delete_frames(videos.first().frames[3].id)
    assert counts(frames, tmp_path) == counts(videos, tmp_path) == counts(frames.limit(15), tmp_path) == {9}


def test_a_run_on_a_view_from_before_a_deletion_is_of_what_is_there(videos, compute):
    frames = videos.to_frames()
    videos.delete_samples(videos.first().id)
    assert compute(frames, run_key="r", embeddings="emb")["n_used"] == 10
    assert videos.count("frames.r.label") == 10


def test_a_view_from_before_takes_no_old_value_back(videos, compute):
    frames = videos.to_frames()
    compute(videos.to_frames(), run_key="r", embeddings="emb")
    get("edit_clusters")(videos, run_key="r", action="rename", names={0: "zero"})
    videos.add_sample(vector_video(2))
    assert get("assign_clusters")(frames, run_key="r")["n_assigned"] == 10
    assert videos.count("frames.r.label") == 30 and "zero" in videos.distinct("frames.r.label")


def test_an_unchanged_view_is_used_itself(videos, compute):
    frames = videos.to_frames()
    compute(frames, run_key="r", embeddings="emb")
    assert frames.count("r.label") == 20


def test_frames_beyond_those_that_the_run_took_are_assigned(videos, compute):
    videos.set_values("metadata", [fo.VideoMetadata(frame_rate=10, total_frame_count=10)] * 2)
    assert compute(videos.to_frames(fps=5), run_key="r", embeddings="emb")["n_used"] == 10
    assert get("assign_clusters")(videos.to_frames(), run_key="r")["n_assigned"] == 10
    assert videos.count("frames.r.label") == 20


def test_a_view_of_some_frames_narrows_a_run(videos, compute, tmp_path):
    compute(videos.match_frames(F("frame_number") <= 6).to_frames(), run_key="r", embeddings="emb")
    assert counts(videos, tmp_path) == {12}
    assert counts(videos.match_frames(F("frame_number") <= 3), tmp_path) == {6}
    done = get("assign_clusters")(videos.match_frames(F("frame_number") <= 7), run_key="r")
    assert done["n_assigned"] == 2 and videos.count("frames.r.label") == 14


def test_clips_narrow_a_run_to_their_frames(videos, compute, tmp_path):
    for sample in videos.iter_samples(autosave=True):
        sample["events"] = fo.TemporalDetections(detections=[fo.TemporalDetection(label="x", support=[2, 5])])
    compute(videos.to_frames(), run_key="r", embeddings="emb")
    assert counts(videos.to_clips("events"), tmp_path) == {8}


def test_tags_of_videos_that_have_changed_are_counted(videos, compute):
    frames = videos.to_frames()
    compute(frames, run_key="r", embeddings="emb")
    first = videos.first()
    first.tags = ["train"]
    first.save()
    found = get("tabulate_clusters")(frames, run_key="r", group_by="tags")
    assert found["columns"] == ["train"] and found["n_none"] == 10


@pytest.mark.parametrize("active", ["video", "picture"])
def test_frames_of_a_group_slice(active, dataset, compute, tmp_path):
    dataset.add_group_field("group", default="video")
    for number in range(2):
        group = fo.Group()
        dataset.add_sample(vector_video(number, group=group.element("video")))
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{number}.png", group=group.element("picture")))
    some = dataset.select_group_slices("video")
    compute(some.to_frames(), run_key="r", embeddings="emb")
    dataset.group_slice = active
    assert counts(dataset, tmp_path) == counts(some, tmp_path) == counts(some.to_frames(), tmp_path) == {20}
    done = get("edit_clusters")(dataset, run_key="r", action="merge", clusters=[0, 1])
    assert done["n_changed"] and len(clusters_of(some)) == 2


def test_videos_of_another_dataset_are_assigned_by_their_frames(videos, compute):
    compute(videos.to_frames(), run_key="r", embeddings="emb")
    other = fo.Dataset()
    try:
        other.add_samples([vector_video(2), fo.Sample(filepath="/nowhere/3.mp4")])
        done = get("assign_clusters")(other, run_key="r", run_dataset=videos.name)
        assert done["n_assigned"] == 10 and other.count("frames.r.label") == 10 and not other.has_field("r")
        assert [note[:33] for note in done["notes"]] == ["1 videos have no images of frames"]
    finally:
        other.delete()


def test_patches_from_before_an_edit_show_what_they_are_now(patches, compute):
    old = patches.to_patches("things")
    compute(patches, run_key="r", embeddings="emb", patches_field="things")
    assert [len(get("load_clustering_view")(old, run_key="r", cluster=cluster)) for cluster in range(3)] == [20] * 3
    get("edit_clusters")(patches, run_key="r", action="merge", clusters=[0, 1])
    sizes = patches.count_values("things.detections.r.cluster")
    for cluster, size in sizes.items():
        assert len(get("load_clustering_view")(old, run_key="r", cluster=cluster)) == size


def test_patches_from_before_a_deletion_count_what_is_there(patches, compute, tmp_path):
    old = patches.to_patches("things")
    compute(patches, run_key="r", embeddings="emb", patches_field="things")
    patches.delete_samples(patches.limit(5).values("id"))
    first = patches.first()
    first.things.detections.pop()
    first.save()
    assert counts(old, tmp_path) == counts(patches, tmp_path) == {44}


def test_patches_of_frames_from_before_a_deletion_count_what_is_there(videos, compute, tmp_path):
    videos.set_values(
        "frames.det",
        [
            {n: fo.Detections(detections=[fo.Detection(label="x", bounding_box=[0, 0, 1, 1], emb=x)]) for n, x in found}
            for found in (enumerate(values, 1) for values in videos.values("frames.emb"))
        ],
    )
    videos.add_frame_field("det.detections.emb", fo.VectorField)
    old = videos.to_frames().to_patches("det")
    compute(old, run_key="r", embeddings="emb")
    videos.delete_samples(videos.first().id)
    videos.delete_frames(videos.first().frames[3].id)
    assert counts(old, tmp_path) == counts(videos, tmp_path) == counts(old.limit(15), tmp_path) == {9}


def test_clips_from_before_a_deletion_count_what_is_there(videos, compute, tmp_path):
    X = videos.first().frames[1].emb
    for sample in videos.iter_samples(autosave=True):
        clips = [fo.TemporalDetection(label="x", support=[n, n + 1], emb=X * n) for n in range(1, 6)]
        sample["events"] = fo.TemporalDetections(detections=clips)
    videos.add_sample_field("events.detections.emb", fo.VectorField)
    old = videos.to_clips("events")
    compute(old, run_key="r", embeddings="emb")
    videos.delete_samples(videos.first().id)
    assert counts(old, tmp_path) == counts(videos, tmp_path) == {5}


def test_a_saved_view_of_frames_shows_what_is_there(videos, compute, tmp_path):
    videos.save_view("some", videos.to_frames().match(F("frame_number") > 2))
    compute(videos.to_frames(), run_key="r", embeddings="emb")
    videos.delete_samples(videos.first().id)
    assert counts(videos.load_saved_view("some"), tmp_path) == {8}


def test_a_saved_view_of_patches_shows_what_is_there(patches, compute, tmp_path):
    patches.save_view("some", patches.to_patches("things"))
    compute(patches, run_key="r", embeddings="emb", patches_field="things")
    patches.delete_samples(patches.first().id)
    assert counts(patches.load_saved_view("some"), tmp_path) == {57}


def test_a_view_appended_to_another_reads_from_the_same_copy(videos, compute, tmp_path):
    frames = videos.to_frames()
    both = frames.limit(8).concat(frames.skip(4).limit(8))
    compute(frames, run_key="r", embeddings="emb")
    videos.delete_frames(videos.first().frames[1].id)
    assert len(set(get("load_clustering_view")(both, run_key="r").values("id"))) == 12


def test_no_video_is_decoded_again(videos, compute, monkeypatch, tmp_path):
    decoded = []
    monkeypatch.setattr(fo.core.video.fouv, "sample_videos", lambda some, **_: decoded.append(len(some)))
    videos.set_values("metadata", [fo.VideoMetadata(frame_rate=10, total_frame_count=10)] * 2)
    options = {"sample_frames": True, "fps": 5, "force_sample": True}
    frames = videos.to_frames(**options)
    assert decoded == [2]
    compute(frames, run_key="r", embeddings="emb")
    videos.delete_samples(videos.first().id)
    assert counts(frames, tmp_path) == counts(videos, tmp_path) == {5}
    get("edit_clusters")(frames, run_key="r", action="merge", clusters=[0, 1])
    assert decoded == [2]


def test_a_view_of_some_fields_is_used_itself(videos, compute):
    frames = videos.select_fields(["frames.emb", "frames.filepath"]).to_frames()
    compute(frames, run_key="r", embeddings="emb")
    assert frames.count("r.label") == 20
