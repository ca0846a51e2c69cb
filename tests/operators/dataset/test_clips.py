"""Clips of videos: those of a field of temporal detections are labels, others have no place for labels."""

import fiftyone as fo
import fiftyone.operators as foo
import pytest

from ..conftest import get, group_vectors
from ..handles import edit, read_members
from ..panel.panel_browser import Browser

LABELS = "events.detections"


@pytest.fixture
def videos(dataset):
    X, which = group_vectors(24)
    for v in range(6):
        rows = range(4 * v, 4 * v + 4)
        found = [
            fo.TemporalDetection(label="abc"[which[row]], support=[10 * place + 1, 10 * place + 9], emb=X[row])
            for place, row in enumerate(rows)
        ]
        about = fo.VideoMetadata(total_frame_count=40, frame_rate=10)
        events = fo.TemporalDetections(detections=found)
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{v}.mp4", metadata=about, events=events))
    dataset.add_sample_field(f"{LABELS}.emb", fo.VectorField)
    return dataset


@pytest.mark.parametrize("as_view", [True, False])
def test_clips_are_clustered_on_their_labels(videos, compute, tmp_path, as_view):
    samples = videos.to_clips("events") if as_view else videos
    given = {} if as_view else {"patches_field": "events"}
    summary = compute(samples, run_key="r", ground_truth="events", **given)
    assert summary["unit"] == "clips" and summary["n_used"] == 24 and summary["scores"]["acc"] == 1
    assert videos.count(f"{LABELS}.r.label") == 24
    for shape in (videos, videos.to_clips("events")):
        assert len(read_members(shape, "r").ids) == 24
        view = get("load_clustering_view")(shape, run_key="r", cluster=0)
        assert len(view) == 8 and view.first().events.r.cluster == 0 and view.first().support
    done = get("export_clusters")(videos, run_key="r", path=str(tmp_path / "x.csv"))
    assert done["n"] == 24
    edit(videos.to_clips("events").limit(3), "r", "move", {"cluster": None, "name": "mine"})
    assert videos.count_values(f"{LABELS}.r.label")["mine"] == 3
    tagged = get("sample_clusters")(videos, run_key="r", n_per_cluster=1, tag="todo")
    assert videos.count_label_tags("events") == {"todo": tagged["n"]}
    browser = Browser(videos)
    assert not browser.got("notify") and "24 clips" in browser.drawn
    get("delete_clustering_run")(videos, run_key="r")
    assert videos.get_field(f"{LABELS}.r") is None


def test_no_map_of_clips_is_made_and_the_summary_says_so(videos, compute):
    summary = compute(videos.to_clips("events"), run_key="r", visualize=True)
    assert summary["n_used"] == 24 and summary["visualization"] is None and not videos.list_brain_runs()
    assert any("no maps of clips" in note for note in summary["notes"])


def test_clips_need_pictures_for_an_encoder(videos, compute):
    with pytest.raises(ValueError, match="cannot be seen as images"):
        compute(videos.to_clips("events"), run_key="r", encoder="efficientnet_lite0")


def test_other_clips_are_refused_as_they_would_vanish(videos, compute):
    clips = videos.to_clips([[[1, 5], [6, 9]]] * 6)
    clips.set_values("emb", list(group_vectors(12)[0]))
    with pytest.raises(ValueError, match="would vanish with their view"):
        compute(clips, run_key="r")
    copy = clips.clone()
    assert compute(copy, run_key="r")["n_used"] == 12 and copy.count("r.label") == 12
    copy.delete()


def test_the_form_offers_clips(videos):
    ctx = foo.ExecutionContext(
        {"dataset_name": videos.name, "params": {"unit": "events"}},
        operator_uri="@constellation/clusters/compute_clusters",
    )
    form = str(get("compute_clusters").resolve_type(ctx, "inputs").to_json())
    assert "Clips of events" in form and "'problem'" not in form
