"""Samples that are no images but have vectors: clustered, refused in one sentence where pictures are needed."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from PIL import Image

from ..conftest import get, group_vectors
from ..handles import edit, read_members
from ..panel.panel_browser import Browser
from ..videos import SMALL

MEDIA = {"mp4": "videos", "pcd": "point clouds", "fo3d": "3D scenes", "wav": "samples"}
NO_PICTURES = "cannot be seen as images.*grid_media_field"


def media_dataset(dataset, ext, folder=None, n=30):
    """Samples in three groups, with thumbnails in red, green and blue if a folder is given."""
    X, which = group_vectors(n)
    samples = []
    for place, (x, w) in enumerate(zip(X, which, strict=True)):
        sample = fo.Sample(filepath=f"/nowhere/{place}.{ext}", emb=x, kind=fo.Classification(label="abc"[w]))
        if folder:
            sample["thumb"] = str(folder / f"{place}.png")
            Image.new("RGB", (32, 32), ["red", "lime", "blue"][w]).save(sample["thumb"])
        samples.append(sample)
    dataset.add_samples(samples)
    if folder:
        dataset.app_config.media_fields = ["filepath", "thumb"]
        dataset.app_config.grid_media_field = "thumb"
        dataset.save()
    return dataset


@pytest.fixture(params=MEDIA, scope="module")
def run(request, compute):
    """A run of one kind of media, which the last test with it changes."""
    dataset = media_dataset(fo.Dataset(), request.param)
    summary = compute(dataset, run_key="r", ground_truth="kind", visualize=request.param == "mp4")
    assert summary["unit"] == MEDIA[request.param] and summary["scores"]["acc"] == 1
    yield dataset
    dataset.delete()


def test_what_needs_pictures_says_why_not(run, tmp_path):
    fields = list(run.get_field_schema())
    calls = {
        "compute_embeddings": {"encoder": "efficientnet_lite0"},
        "compute_clusters": {"encoder": "efficientnet_lite0"},
        "train_encoder": {},
        "label_clusters": {"run_key": "r", "source": "classifier"},
        "group_by_criterion": {"run_key": "r", "criterion": "place"},
        "export_clusters": {"run_key": "r", "path": str(tmp_path / "x"), "format": "contact_sheets"},
    }
    for name, given in calls.items():
        with pytest.raises(ValueError, match=NO_PICTURES) as refusal:
            get(name)(run, **given)
        assert len(str(refusal.value)) < 300
    with pytest.raises(ValueError, match=NO_PICTURES):
        get("compute_clusters")(run, method="scan", train="images")
    assert list(run.get_field_schema()) == fields and not list(tmp_path.iterdir())


def test_form_and_panel_say_it_too(run):
    def form(name, **params):
        ctx = foo.ExecutionContext(
            {"dataset_name": run.name, "params": params}, operator_uri=f"@constellation/clusters/{name}"
        )
        return str(get(name).resolve_type(ctx, "inputs").to_json())

    assert "cannot be seen" not in form("compute_clusters") and "'problem'" not in form("compute_clusters")
    assert "cannot be seen" in form("compute_clusters", source="compute new vectors")
    assert "cannot be seen" in form("train_encoder") and "cannot be seen" in form("compute_embeddings")
    browser = Browser(run)
    assert not browser.got("notify") and "cannot be seen as images" in browser.drawn
    browser.call("on_card", cluster=0)
    assert len(browser.view) == 10


def test_they_are_clustered_edited_exported_and_assigned(run, compute, tmp_path):
    assert run.count("r.label") == 30 and len(read_members(run, "r").ids) == 30
    assert get("evaluate_clusters")(run, run_key="r", ground_truth="kind")["n"] == 30
    for format in ("csv", "json", "html"):
        assert get("export_clusters")(run, run_key="r", path=str(tmp_path / format), format=format)["n"] == 30
    assert "No thumbnails: " in next((tmp_path / "html").glob("*.html")).read_text()
    edit(run, "r", "merge", {"clusters": [0, 1]})
    assert len(run.distinct("r.label")) == 2
    assert len(get("load_clustering_view")(run, run_key="r", cluster=2)) == 10
    names = get("label_clusters")(run, run_key="r", source="field", label_field="kind")["names"]
    assert len(names) == 2
    compute(run.limit(15), run_key="half")
    assert get("assign_clusters")(run, run_key="half")["n_assigned"] == 15
    assert get("suggest_cluster_count")(run)["natural"] == 3
    assert get("check_neighbors")(run, ground_truth="kind", n_neighbors=5)["agreement"] == 1
    assert get("get_clustering_run_info")(run, run_key="r")["unit"] in MEDIA.values()


@pytest.mark.parametrize("ext", MEDIA)
def test_the_pictures_that_the_app_shows_are_used(dataset, compute, tmp_path, ext):
    (tmp_path / "thumbs").mkdir()
    media_dataset(dataset, ext, tmp_path / "thumbs", 12)
    compute(dataset, run_key="r", **SMALL)
    assert dataset.count("efficientnet_lite0") == 12
    browser = Browser(dataset)
    assert str(browser.told).count("/media?filepath") == 3 and "cannot be seen" not in browser.drawn
    if ext != "mp4":  # what follows reads the same files
        return
    done = get("export_clusters")(dataset, run_key="r", path=str(tmp_path / "x"), format="contact_sheets")
    assert not done["skipped"]
    sheet = np.asarray(Image.open(min((tmp_path / "x").glob("*.png"))).convert("RGB")).reshape(-1, 3)
    assert sum((sheet == color).all(axis=1).sum() > 900 for color in ([255, 0, 0], [0, 255, 0], [0, 0, 255])) == 1
    assert get("label_clusters")(dataset, run_key="r", source="classifier")["n_clusters"] == 3
    trained = get("train_encoder")(dataset, epochs=1, params={"batch_size": 4, "image_size": 32})
    assert trained["images"] == 12
    get("delete_encoder")(name=trained["name"])


def test_projections_of_point_clouds_are_their_pictures(dataset, tmp_path):
    from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.files import picture_field
    from fiftyone.utils.utils3d import OrthographicProjectionMetadata

    media_dataset(dataset, "pcd")
    projected = OrthographicProjectionMetadata(filepath=str(tmp_path / "p.png"))
    dataset.set_values("flat", [projected] * 30)
    assert picture_field(dataset) == "flat.filepath"


def test_boxes_in_point_clouds_are_not_cut_out_of_thumbnails(dataset, compute, tmp_path):
    media_dataset(dataset, "pcd", tmp_path)
    X, _ = group_vectors(30)
    boxes = [fo.Detections(detections=[fo.Detection(label="car", location=[0, 0, 0], emb=x)]) for x in X]
    dataset.set_values("det", boxes)
    dataset.add_sample_field("det.detections.emb", fo.VectorField)
    assert compute(dataset, run_key="r", patches_field="det")["n_used"] == 30
    with pytest.raises(ValueError, match="boxes of 'det' are in point clouds"):
        compute(dataset, run_key="s", patches_field="det", encoder="efficientnet_lite0")
    with pytest.raises(ValueError, match="boxes of 'det' are in point clouds"):
        get("export_clusters")(dataset, run_key="r", path=str(tmp_path / "x"), format="folders")


def test_a_run_of_whole_videos_is_not_one_of_their_frames(dataset, compute):
    media_dataset(dataset, "mp4")
    first = dataset.first()
    first.frames[1] = fo.Frame(filepath="/nowhere/1.png")
    first.save()
    compute(dataset, run_key="r")
    with pytest.raises(ValueError, match="holds frames but run 'r' is of whole videos"):
        get("evaluate_clusters")(dataset.to_frames(), run_key="r")
