"""Fields added and described one at a time: stored as FiftyOne stores them, and no change of others is lost."""

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.schema import (
    declare_field,
    describe_field,
    load_of,
    refresh,
)

LABELS = {"embedded_doc_type": fo.Classification, "description": "about", "info": {"a": {"b": [1, None]}}}
NAMES = ("name", "db_field", "created_at")


def stored(dataset):
    return foo.get_db_conn().datasets.find_one({"name": dataset.name})


def named(fields, name):
    return next(field for field in fields if field["name"] == name)


def bare(field):
    return {key: bare_all(value) if key == "fields" else value for key, value in field.items() if key not in NAMES}


def bare_all(fields):
    return [bare(field) | {"name": field["name"]} for field in fields]


@pytest.fixture
def boxes(dataset):
    """A video and an image's fields: detections on samples and on frames."""
    found = fo.Detections(detections=[fo.Detection(label="a", bounding_box=[0, 0, 1, 1])])
    sample = fo.Sample(filepath="/nowhere/1.mp4", det=found)
    sample.frames[1] = fo.Frame(filepath="/nowhere/1.png", det=found)
    dataset.add_sample(sample)
    return dataset


@pytest.mark.parametrize("place", ["", "det.detections.", "frames.", "frames.det.detections."])
@pytest.mark.parametrize("kind", ["labels", "vectors"])
def test_a_declared_field_is_stored_as_fiftyone_does(boxes, place, kind):
    field_type, options = (fo.EmbeddedDocumentField, LABELS) if kind == "labels" else (fo.VectorField, {})
    declare_field(boxes, f"{place}ours", field_type, **options)
    in_memory = boxes.get_field(f"{place}ours")
    add = boxes.add_frame_field if place.startswith("frames.") else boxes.add_sample_field
    add(f"{place.removeprefix('frames.')}theirs", field_type, **options)
    if not place:
        assert in_memory.path == "ours" and in_memory.info == (LABELS["info"] if kind == "labels" else None)
    *parents, _ = f"{place.removeprefix('frames.')}ours".split(".")
    fields = stored(boxes)["frame_fields" if place.startswith("frames.") else "sample_fields"]
    for parent in parents:
        fields = named(fields, parent)["fields"]
    ours, theirs = named(fields, "ours"), named(fields, "theirs")
    assert bare(ours) == bare(theirs) | ({"info": ours["info"]} if kind == "labels" else {})
    boxes.reload()
    assert isinstance(boxes.get_field(f"{place}ours"), field_type)
    if kind == "labels":
        assert boxes.get_field(f"{place}ours").info == LABELS["info"]


@pytest.mark.parametrize("path", ["det", "det.detections.label", "frames.det.detections.label"])
def test_a_description_is_in_memory_and_in_the_database(boxes, path):
    label = boxes.get_field(path).description
    describe_field(boxes, path, {"x": 1})
    for _ in range(2):
        assert boxes.get_field(path).info == {"x": 1} and boxes.get_field(path).description == label
        boxes.save()
        boxes.reload()
    describe_field(boxes, path, {"x": 2}, "said")
    boxes.reload()
    assert boxes.get_field(path).info == {"x": 2} and boxes.get_field(path).description == "said"


def test_a_dataset_is_loaded_again_only_if_it_changed(boxes):
    refresh(boxes)
    before, loaded = boxes.get_field("det"), load_of(boxes)
    refresh(boxes)
    declare_field(boxes, "ours", fo.VectorField)
    describe_field(boxes, "ours", {"x": 1})
    refresh(boxes)
    assert boxes.get_field("det") is before and load_of(boxes) is not loaded
    foo.get_db_conn().datasets.update_one({"name": boxes.name}, {"$set": {"info.said": "elsewhere"}})
    refresh(boxes)
    assert boxes.info == {"said": "elsewhere"} and boxes.get_field("det") is not before


def test_what_others_change_at_the_same_time_is_seen(boxes):
    refresh(boxes)
    foo.get_db_conn().datasets.update_one({"name": boxes.name}, {"$set": {"info.said": "elsewhere"}})
    declare_field(boxes, "ours", fo.VectorField)
    boxes.app_config.sidebar_mode = "all"
    boxes.save()
    refresh(boxes)
    assert boxes.info == {"said": "elsewhere"} and boxes.has_field("ours")
