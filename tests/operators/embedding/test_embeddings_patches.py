"""Vectors of patches: on each label of the source dataset, joined by label id."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import batches as module
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_fields import field_encoder
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_paths import vector_fields
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vectors import read_vectors
from fiftyone.plugins.orgs.constellation.clusters.operators.embedding.embeddings import fill_vectors
from PIL import Image


@pytest.fixture(scope="module")
def lite0():
    return get_encoder("efficientnet_lite0", {"image_size": 64, "precision": "float32", "device": "cpu"}).load()


@pytest.fixture
def boxes(dataset, tmp_path):
    """Four images with three labelled boxes each, one image without any, one with an empty and an outside box."""
    from skimage import data

    photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.coffee(), data.chelsea()]
    for i, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / f"{i}.png")
        corners = [(0.0, 0.0), (0.5, 0.0), (0.25, 0.5)]
        found = [fo.Detection(label=f"{i}", bounding_box=[x, y, 0.5, 0.5]) for x, y in corners]
        if i == 5:
            found = [fo.Detection(label="x", bounding_box=b) for b in ([0.1, 0.1, 0, 0], [2, 2, 1, 1], [0, 0, 1, 1])]
        sample = fo.Sample(filepath=str(tmp_path / f"{i}.png"))
        if i != 4:
            sample["gt"] = fo.Detections(detections=found)
        dataset.add_sample(sample)
    return dataset


def _expected(dataset, encoder):
    """Label id to vector, from crops made here."""
    expected = {}
    for sample in dataset.exists("gt"):
        image = Image.open(sample.filepath).convert("RGB")
        for label in sample.gt.detections:
            x, y, w, h = label.bounding_box
            edges = np.array([x * image.width, y * image.height, (x + w) * image.width, (y + h) * image.height])
            if w and x < 1:
                expected[label.id] = encoder.embed(image.crop(tuple(edges.astype(int))))
    return expected


def test_every_label_gets_the_vector_of_its_box(boxes, lite0):
    summary = fill_vectors(boxes, lite0, "emb", patches_field="gt", batch_size=4)
    assert (summary["n"], summary["computed"], summary["failed"]) == (15, 13, {"empty box": 2})
    expected = _expected(boxes, lite0)
    table = read_vectors(boxes, "emb", patches_field="gt")
    assert set(table.ids) == set(expected) and len(table.skipped["no vector"]) == 2
    for label_id, vector in zip(table.ids, table.X, strict=True):
        assert np.abs(vector - expected[label_id]).max() < 1e-5
    owners = {label.id: sample.id for sample in boxes.exists("gt") for label in sample.gt.detections}
    assert table.sample_ids == [owners[label_id] for label_id in table.ids]
    assert boxes.match_tags("embedding_failed").values("id") == [boxes.last().id]
    assert field_encoder(boxes, "gt.detections.emb") == lite0.identity
    assert vector_fields(boxes, "gt") == ["emb"]
    assert vector_fields(boxes) == []


def test_p14_patches_views_fill_the_source_dataset(boxes, lite0):
    patches = boxes.to_patches("gt")
    summary = fill_vectors(patches, lite0, "emb")
    assert (summary["n"], summary["computed"]) == (15, 13)
    assert boxes.get_field("gt.detections.emb") is not None
    ours, theirs = read_vectors(patches, "emb"), read_vectors(boxes, "emb", patches_field="gt")
    assert ours.ids == theirs.ids and ours.sample_ids == theirs.sample_ids and (ours.X == theirs.X).all()
    expected = _expected(boxes, lite0)
    assert all(np.abs(v - expected[i]).max() < 1e-5 for i, v in zip(ours.ids, ours.X, strict=True))
    assert fill_vectors(patches, lite0, "emb")["existing"] == 13


def test_a_filtered_patches_view_fills_only_its_labels(boxes, lite0):
    some = boxes.to_patches("gt").match(fo.ViewField("gt.label") == "2")
    assert fill_vectors(some, lite0, "emb")["computed"] == 3
    table = read_vectors(boxes, "emb", patches_field="gt")
    assert sorted(table.ids) == sorted(some.values("id"))
    assert read_vectors(some.shuffle(seed=1), "emb").ids == some.shuffle(seed=1).values("id")
    rest = fill_vectors(boxes, lite0, "emb", patches_field="gt")
    assert (rest["existing"], rest["computed"]) == (3, 10)


def test_filtered_labels_of_an_ordinary_view(boxes, lite0):
    view = boxes.filter_labels("gt", fo.ViewField("label") == "1")
    assert fill_vectors(view, lite0, "emb", patches_field="gt")["computed"] == 3
    assert len(read_vectors(boxes, "emb", patches_field="gt").ids) == 3


def test_single_detections_and_polylines(boxes, lite0):
    corners = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]]
    for sample in boxes[:2]:
        sample["one"] = fo.Detection(label="a", bounding_box=[0, 0, 0.5, 0.5])
        sample["line"] = fo.Polyline(label="a", points=corners)
        sample["lines"] = fo.Polylines(polylines=[fo.Polyline(points=corners), fo.Polyline(points=[])])
        sample.save()
    for field in ("one", "line", "lines"):
        assert fill_vectors(boxes, lite0, "emb", patches_field=field)["computed"] == 2
        assert vector_fields(boxes, field) == ["emb"]
    assert field_encoder(boxes, "one.emb") == lite0.identity
    fill_vectors(boxes, lite0, "emb", patches_field="gt")
    first = read_vectors(boxes, "emb", patches_field="gt").X[[0, 3]]
    for field in ("one", "line", "lines"):
        assert np.abs(read_vectors(boxes, "emb", patches_field=field).X - first).max() < 1e-5


def test_an_image_is_decoded_once_for_all_its_boxes(boxes, lite0, monkeypatch):
    opened = []
    read = module.read_image
    monkeypatch.setattr(module, "read_image", lambda path, *rest: opened.append(path) or read(path, *rest))
    fill_vectors(boxes, lite0, "emb", patches_field="gt", batch_size=2)
    assert sorted(opened) == sorted(boxes.exists("gt").values("filepath"))


def test_a_missing_file_fails_all_its_boxes_and_no_others(boxes, lite0):
    sample = boxes.skip(1).first()
    sample.filepath = "/nowhere/gone.png"
    sample.save()
    summary = fill_vectors(boxes, lite0, "emb", patches_field="gt")
    assert summary["failed"] == {"missing file": 3, "empty box": 2}
    assert sorted(summary["failed_ids"]["missing file"]) == sorted(label.id for label in sample.gt.detections)
    assert summary["computed"] == 10


def test_small_boxes_of_a_large_photograph_keep_their_pixels(dataset, tmp_path):
    """Fast decoding must not starve a small box."""
    from skimage import data

    photo = Image.fromarray(data.astronaut()).resize((2048, 2048), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "a.jpg", quality=95)
    quick = get_encoder("efficientnet_lite0", {"device": "cpu"})
    exact = get_encoder("efficientnet_lite0", {"device": "cpu", "precision": "float32"})
    items = [(str(tmp_path / "a.jpg"), box) for box in ([0.4, 0.1, 0.1, 0.1], [0.3, 0.05, 0.4, 0.4], None)]
    (_, a, _), (_, b, _) = next(module.embed_files(quick, items)), next(module.embed_files(exact, items))
    assert (a * b).sum(1).min() >= 0.998


@pytest.mark.parametrize(
    ("field", "words"),
    [("label", "holds Classification, not"), ("nothing", "no field 'nothing'"), ("frames.gt", r"to_frames\(\)")],
)
def test_fields_without_boxes_are_refused(boxes, lite0, field, words):
    boxes.set_values("label", [fo.Classification(label="a")] * 6)
    with pytest.raises(ValueError, match=words):
        fill_vectors(boxes, lite0, "emb", patches_field=field)


def test_label_attributes_with_other_data_are_refused(boxes, lite0):
    for name in ("label", "bounding_box", "confidence"):
        with pytest.raises(ValueError, match=f"embeddings='{name}'"):
            fill_vectors(boxes, lite0, name, patches_field="gt")


def test_no_labels_is_nothing_to_embed(boxes, lite0):
    with pytest.raises(ValueError, match="gt holds no labels"):
        fill_vectors(boxes.skip(4).limit(1), lite0, "emb", patches_field="gt")


def test_fiftyones_own_calls_take_our_encoders(boxes, lite0):
    boxes[:3].compute_embeddings(lite0, embeddings_field="theirs", batch_size=2, num_workers=0)
    fill_vectors(boxes[:3], lite0, "ours")
    assert np.allclose(boxes[:3].values("theirs"), boxes[:3].values("ours"), atol=1e-5)
    boxes[:3].compute_patch_embeddings(lite0, "gt", embeddings_field="theirs", batch_size=2, num_workers=0)
    fill_vectors(boxes[:3], lite0, "ours", patches_field="gt")
    theirs, ours = (read_vectors(boxes[:3], name, patches_field="gt").X for name in ("theirs", "ours"))
    assert (theirs * ours).sum(1).min() > 0.9999


def test_the_brain_takes_our_encoders(boxes, lite0):
    import fiftyone.brain as fob

    results = fob.compute_similarity(boxes, model=lite0, embeddings="emb", brain_key="similar", batch_size=2)
    assert results.total_index_size == 6
    fill_vectors(boxes, lite0, "ours")
    assert np.allclose(boxes.values("emb"), boxes.values("ours"), atol=1e-5)
    nearest = boxes.sort_by_similarity(boxes.skip(1).first().id, k=2, brain_key="similar")
    assert [path[-5] for path in nearest.values("filepath")] == ["1", "4"]
