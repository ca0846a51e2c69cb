"""A run is the images that have its label, whatever became of the view that it was made on."""

import fiftyone as fo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from ..videos import SMALL, video


@pytest.fixture
def videos(dataset, compute, tmp_path):
    """Two videos of ten frames, and a run on their frames."""
    dataset.add_samples([video(tmp_path, 0), video(tmp_path, 1)])
    compute(dataset.to_frames(), run_key="r", **SMALL)
    return dataset


@pytest.mark.parametrize("given", ["frames", "dataset"])
def test_frames_that_came_later_are_assigned(given, videos, tmp_path):
    videos.add_sample(video(tmp_path, 2))
    samples = videos.to_frames() if given == "frames" else videos
    done = get("assign_clusters")(samples, run_key="r")
    assert done["n_assigned"] == 10
    assert videos.count("frames.r.label") == videos.count("frames.r.cluster") == 30
    assert sum(cluster["size"] for cluster in Run.open(videos, "r").clusters) == 30


def test_frames_of_a_deleted_video_count_no_more(videos, tmp_path):
    videos.delete_samples(videos.first().id)
    done = get("evaluate_clusters")(videos, run_key="r")
    assert done["n"] == 10
    exported = get("export_clusters")(videos, run_key="r", path=str(tmp_path / "r.csv"))
    assert exported["n"] == 10 and len((tmp_path / "r.csv").read_text().splitlines()) == 11
    assert len(get("load_clustering_view")(videos, run_key="r")) == 10


def test_a_field_of_frames_that_came_later_is_there(videos):
    videos.set_values("frames.kind", [{n: fo.Classification(label="ab"[n % 2]) for n in range(1, 11)}] * 2)
    done = get("evaluate_clusters")(videos, run_key="r", ground_truth="kind")
    assert 0 <= done["scores"]["nmi"] <= 1


def test_unchanged_frames_are_read_once(videos):
    first = Run.open(videos, "r").target.source
    assert Run.open(videos, "r").target.source is first
    frame = videos.first().frames[1]
    frame["note"] = "new"
    frame.save()
    videos.reload()
    assert Run.open(videos, "r").target.source is not first


def test_a_run_shows_its_images_after_their_tags_are_gone(blobs, compute):
    blobs.limit(40).tag_samples("todo")
    compute(blobs.match_tags("todo"), run_key="r", embeddings="emb")
    ids = set(blobs.limit(40).values("id"))
    blobs.untag_samples("todo")
    blobs.skip(30).tag_samples("todo")
    assert set(get("load_clustering_view")(blobs, run_key="r").values("id")) == ids
    assert get("evaluate_clusters")(blobs, run_key="r")["n"] == 40


def test_a_run_shows_its_images_after_their_order_has_changed(blobs, compute):
    blobs.set_values("rank", list(range(60)))
    view = blobs.sort_by("rank").limit(40)
    compute(view, run_key="r", embeddings="emb")
    ids = set(view.values("id"))
    blobs.set_values("rank", list(range(60))[::-1])
    assert set(get("load_clustering_view")(blobs, run_key="r").values("id")) == ids
    blobs.rename_sample_field("rank", "position")
    assert set(get("load_clustering_view")(blobs, run_key="r").values("id")) == ids
    get("edit_clusters")(blobs, run_key="r", action="merge", clusters=[0, 1])
    assert get("evaluate_clusters")(blobs, run_key="r")["n"] == 40


def test_a_run_of_patches_shows_patches(patches, compute):
    compute(patches.limit(10), run_key="r", embeddings="emb", patches_field="things")
    view = get("load_clustering_view")(patches, run_key="r")
    assert len(view) == 30 and view.media_type == "image" and view.first().things.r.cluster is not None
    own = Run.open(patches, "r").own_target
    assert own.count() == 30 and own.patches_field == "things"


def test_a_view_narrows_a_run(blobs, compute):
    compute(blobs.limit(40), run_key="r", embeddings="emb")
    assert len(get("load_clustering_view")(blobs.skip(30), run_key="r")) == 10
    assert isinstance(get("load_clustering_view")(blobs, run_key="r"), fo.DatasetView)
