"""Tags of a selection and of failures last: no tag is left on a view that FiftyOne makes anew."""

import fiftyone as fo
import pytest
from PIL import Image

from ..conftest import get, group_vectors
from ..videos import SMALL, video


@pytest.fixture
def frames_run(dataset, compute, tmp_path):
    dataset.add_samples([video(tmp_path, number, 6) for number in range(2)])
    compute(dataset.to_frames(), run_key="r", **SMALL)
    return dataset


def tagged(dataset, tag):
    """Frame ids whose label of the run has a tag, as the dataset has it."""
    frames = dataset.to_frames()
    pairs = zip(*frames.values(["id", "r.tags"]), strict=True)
    return {key for key, tags in pairs if tag in (tags or [])}


def test_a_choice_of_frames_is_tagged_on_the_labels_of_the_run(frames_run):
    done = get("sample_clusters")(frames_run.to_frames(), run_key="r", n_per_cluster=1, tag="todo")
    assert done["n"] == 3 and tagged(frames_run, "todo") == set(done["ids"])
    assert frames_run.count_label_tags("frames.r") == {"todo": 3} and not frames_run.count_sample_tags()
    again = get("sample_clusters")(frames_run, run_key="r", n_per_cluster=2, tag="more", view_name="kept")
    assert tagged(frames_run, "more") == set(again["ids"])
    assert sorted(frames_run.load_saved_view("kept").values("id")) == sorted(again["ids"])


def test_duplicate_frames_are_tagged_on_the_labels_of_the_run(frames_run):
    done = get("find_cluster_duplicates")(frames_run, run_key="r", min_similarity=0.5, tag="twice")
    assert done["n_extra"] and tagged(frames_run, "twice") == set(done["extra"])


def test_the_labels_of_the_run_stay_what_they_are(frames_run):
    before = frames_run.values("frames.r.label", unwind=True)
    get("sample_clusters")(frames_run, run_key="r", n_per_cluster=1, tag="todo")
    assert frames_run.values("frames.r.label", unwind=True) == before


def test_videos_of_unreadable_frames_are_tagged_until_all_can_be_read(dataset, tmp_path):
    dataset.add_samples([video(tmp_path, number, 3) for number in range(3)])
    broken = tmp_path / "1_2.png"
    broken.write_bytes(b"no picture")
    assert sum(get("compute_embeddings")(dataset.to_frames(), **SMALL)["failed"].values()) == 1
    assert dataset.match_tags("embedding_failed").values("id") == [dataset.values("id")[1]]
    Image.new("RGB", (64, 64), "red").save(broken)
    assert get("compute_embeddings")(dataset.to_frames(), **SMALL)["computed"] == 1
    assert not dataset.count_sample_tags()


def test_videos_of_unreadable_patches_are_tagged(dataset, tmp_path):
    dataset.add_samples([video(tmp_path, number, 3) for number in range(2)])
    (tmp_path / "1_2.png").write_bytes(b"no picture")
    done = get("compute_embeddings")(dataset.to_frames().to_patches("det"), **SMALL)
    assert sum(done["failed"].values()) == 2
    assert dataset.match_tags("embedding_failed").values("id") == [dataset.values("id")[1]]


def test_patches_slices_and_groups_keep_their_tags(patches, compute):
    compute(patches, run_key="r", patches_field="things")
    for samples in (patches, patches.to_patches("things"), patches.group_by("filepath")):
        patches.untag_labels("todo")
        done = get("sample_clusters")(samples, run_key="r", n_per_cluster=1, tag="todo")
        assert set(
            patches.match_labels(tags="todo").select_labels(tags="todo").values("things.detections.id", unwind=True)
        ) == set(done["ids"])


def test_samples_of_a_slice_keep_their_tags(dataset, compute):
    X, _ = group_vectors(12)
    dataset.add_group_field("group", default="left")
    for i, x in enumerate(X):
        group = fo.Group()
        sides = ("left", "right")
        dataset.add_samples([fo.Sample(filepath=f"/{i}{s}.png", group=group.element(s), emb=x) for s in sides])
    right = dataset.select_group_slices("right")
    compute(right, run_key="r")
    done = get("sample_clusters")(right, run_key="r", n_per_cluster=1, tag="todo")
    assert set(dataset.select_group_slices("right").match_tags("todo").values("id")) == set(done["ids"])
    assert not dataset.select_group_slices("left").count_sample_tags()
