"""The Map tab without a browser: what is sent to draw it, and what clicks and the lasso do."""

import base64
import json

import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.executor import Executor
from fiftyone.plugins.orgs.constellation.clusters.models.labels import NOISE
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation import maps
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.events import map as map_events
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import map_places
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.map_points import MapPoints, keep_points, read_points
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from ..videos import vector_video
from .panel_browser import Browser


def give_map(dataset, key):
    """A map whose x is the cluster, kept with the run as if UMAP had made it."""
    run = Run.open(dataset, key)
    labels = run.labels()
    rows = np.flatnonzero(labels.clusters >= NOISE)
    xy = np.column_stack([labels.clusters[rows], np.linspace(0, 1, len(rows))])
    keep_points(run, MapPoints.of([labels.ids[row] for row in rows], xy))
    return run


@pytest.fixture
def mapped(browser):
    give_map(browser.dataset, "km")
    return Browser(browser.dataset)


def simple(browser):
    """What is in the simple view."""
    return browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["simple"]["type"]["properties"]


def sent(browser):
    """The traces that the App was sent."""
    return simple(browser)["map"]["view"]["data"]


def numbers(packed):
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])


def button(browser, name):
    """Presses a button of the bar, with what it was drawn with."""
    view = simple(browser)["mapbar"]["type"]["properties"][name]["view"]
    return browser.call(view["operator"].rpartition("#")[2], **view["params"])


def lasso(browser, rows):
    """Draws around some points; what the operator tells the panel then, the App passes on."""
    params = {"data": [{"trace_idx": 0, "idx": row} for row in rows], "panel_id": "one", "panel_state": browser.state}
    ctx = foo.ExecutionContext({"dataset_name": browser.dataset.name, "params": params}, executor=Executor())
    get("choose_on_map").execute(ctx)
    for told in ctx.executor._requests:
        browser.call(told.params["__method__"], rows=told.params["rows"])
    return len(ctx.executor._requests)


def drawn_layout(browser):
    return simple(browser)["map"]["view"]["layout"]


def members(dataset, cluster):
    dataset.reload()
    return dataset.match({"km.cluster": cluster}).values("id")


def test_it_is_in_front_of_a_run_with_a_map_and_its_points_are_sent_once(mapped):
    assert mapped.ui["tab"] == "map"
    tabs = list(mapped.got("show_panel_output")[-1]["output"]["type"]["properties"]["tabs"]["type"]["properties"])
    assert tabs[0] == "map"
    (points,) = sent(mapped)
    x, shown = numbers(points["x"]), Run.open(mapped.dataset, "km")
    assert len(x) == 57 and len(set(x.tolist())) == 3
    assert numbers(points["marker"]["color"]).tolist() == np.unique(x, return_inverse=True)[1].tolist()  # a color each
    assert points["text"][0] in shown.names.values()
    written = [one["text"] for one in drawn_layout(mapped)["annotations"]]
    assert sorted(written) == sorted(shown.names.values())
    assert len(json.dumps([points["x"], points["y"], points["marker"]["color"]])) < 57 * 8 + 120
    assert lasso(mapped, [0, 1, 2]) == 1 and lasso(mapped, [0, 1, 2]) == 0  # the App tells again when it has drawn
    assert not mapped.got("patch_panel_data") and not mapped.got("patch_panel_state")  # they would come back
    before = mapped.ui
    mapped.call("on_load")  # the page was loaded again
    assert mapped.ui["map"] == before["map"] and sent(mapped) == [points]


def test_without_a_map_it_stands_last_and_makes_one(browser):
    tabs = list(browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["tabs"]["type"]["properties"])
    assert tabs[-1] == "map" and browser.ui["tab"] == "clusters"
    browser.call("on_tab", tab="map")
    assert "This run has no map." in browser.drawn
    browser.call("on_map_make")
    assert len(numbers(sent(browser)[0]["x"])) == 57
    browser.dataset.reload()
    assert Run.open(browser.dataset, "km").config.visualization in browser.dataset.list_brain_runs()


def test_a_click_shows_the_cluster_and_the_picture(mapped):
    ids = read_points(Run.open(mapped.dataset, "km")).ids(np.arange(57))
    cluster = mapped.dataset[ids[5]].km.cluster
    mapped.call("on_map_click", idx=5, trace="points")
    assert sorted(mapped.view.values("id")) == sorted(members(mapped.dataset, cluster))
    assert mapped.ui["map"]["picked"] == {"id": ids[5], "cluster": cluster} and "It is in cluster" in mapped.drawn
    before = mapped.grid
    mapped.call("on_map_click", idx=5, trace="an entry of the legend")
    assert mapped.grid == before


def test_what_the_lasso_is_around_becomes_a_cluster_and_undo_takes_it_back(mapped):
    ids = read_points(Run.open(mapped.dataset, "km")).ids(np.arange(57))
    lasso(mapped, range(10))
    assert "10 images chosen" in mapped.drawn
    assert lasso(mapped, []) == 0 and "10 images chosen" in mapped.drawn
    button(mapped, "only")
    assert sorted(mapped.view.values("id")) == sorted(ids[:10])
    button(mapped, "new")
    assert sorted(members(mapped.dataset, 3)) == sorted(ids[:10])
    assert "images chosen" not in mapped.drawn
    assert "cluster 03" in [one["text"] for one in drawn_layout(mapped)["annotations"]]
    mapped.press("undo")
    assert members(mapped.dataset, 3) == []
    lasso(mapped, range(4))
    mapped.call("on_map_move", **next(one for one in mapped.buttons if one.get("value") == "2"))
    assert set(ids[:4]) <= set(members(mapped.dataset, 2))
    lasso(mapped, range(4))
    button(mapped, "remove")
    assert sorted(members(mapped.dataset, NOISE)) == sorted(ids[:4])
    lasso(mapped, range(3))
    mapped.call("on_map_tag", value="odd")
    mapped.dataset.reload()
    assert sorted(mapped.dataset.match_tags("odd").values("id")) == sorted(ids[:3])
    button(mapped, "clear")
    assert "images chosen" not in mapped.drawn


def test_outside_the_users_view_points_are_faded_and_stay_as_they_are(mapped):
    ids = read_points(Run.open(mapped.dataset, "km")).ids(np.arange(57))
    mapped.grid = [{"_cls": "fiftyone.core.stages.Select", "kwargs": [["sample_ids", ids[:20]], ["ordered", False]]}]
    mapped.call("on_behind")
    opacity = numbers(sent(mapped)[0]["marker"]["opacity"])
    assert (opacity[:20] > 0.5).all() and (opacity[20:] < 0.2).all()
    lasso(mapped, range(15, 30))
    button(mapped, "new")
    assert sorted(members(mapped.dataset, 3)) == sorted(ids[15:20])


def test_colors_by_confidence_and_by_fields(mapped):
    (_, *legend) = sent(mapped.call("on_map_color", value="field:ground_truth.label"))
    assert [entry["name"] for entry in legend] == ["a", "b", "c"] and "ground_truth: a" in sent(mapped)[0]["text"][0]
    (points,) = sent(mapped.call("on_map_color", value="confidence"))
    assert points["marker"]["showscale"] and points["marker"]["colorbar"]["title"]["text"] == "confidence"
    mapped.dataset.set_values("size", np.linspace(0, 1, 60).tolist())
    (points,) = sent(mapped.call("on_map_color", value="field:size"))
    assert points["marker"]["showscale"]
    mapped.dataset.delete_sample_field("size")
    assert not sent(mapped.call("on_refresh"))[0]["marker"]["showscale"]  # by cluster again


def test_of_many_points_a_sample_is_shown_and_the_lasso_means_all_of_them(browser, monkeypatch):
    monkeypatch.setattr(maps, "SHOWN", 30)
    run = give_map(browser.dataset, "km")
    mapped, points = Browser(browser.dataset), read_points(run)
    assert "30 of 57 images are shown" in mapped.drawn and len(numbers(sent(mapped)[0]["x"])) == 30
    shown = maps.ShownMap.of(points)
    wanted = points.xy[:, 0] == 1
    lasso(mapped, np.flatnonzero(shown.xy[:, 0] == 1).tolist())
    assert f"{wanted.sum()} images chosen" in mapped.drawn
    button(mapped, "new")
    assert sorted(members(mapped.dataset, 3)) == sorted(points.ids(np.flatnonzero(wanted)))
    lasso(mapped, np.flatnonzero(shown.xy[:, 0] == 0).tolist())
    few = points.ids(np.flatnonzero(points.xy[:, 0] == 0))
    button(mapped, "only")
    assert sorted(mapped.view.values("id")) == sorted(few)
    monkeypatch.setattr(map_events, "LISTED", 5)  # and its labels have no positions
    before = mapped.grid
    button(mapped, "only")
    assert "the grid takes 5 at once" in mapped.got("notify")[0]["message"] and mapped.grid == before


def test_more_than_a_view_can_name_are_found_inside_the_outline(blobs, compute, monkeypatch):
    for module in (map_places, maps, map_events):
        monkeypatch.setattr(module, "LISTED", 5)
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 3}, visualize=True)
    run = Run.open(blobs, "km")
    points = read_points(run)
    mapped = Browser(blobs)
    assert "place" not in json.dumps(blobs.get_field_schema(flat=True), default=str)
    wanted = np.flatnonzero(points.xy[:, 0] < np.median(points.xy[:, 0]))
    lasso(mapped, wanted.tolist())
    button(mapped, "only")
    (stage,) = mapped.grid
    assert stage["_cls"].endswith("Match") and "$geoWithin" in json.dumps(stage) and len(json.dumps(stage)) < 20_000
    found = mapped.view.values("id")
    assert f"{len(found)} images" in mapped.drawn and len(set(found) ^ set(points.ids(wanted))) <= 2
    button(mapped, "new")  # the positions stay on labels that are edited, and move with the run
    assert sorted(members(blobs, 3)) == sorted(found)
    get("rename_clustering_run")(blobs, "km", "renamed")
    blobs.reload()
    assert map_places.has_places(Run.open(blobs, "renamed"))


def test_patches_are_points_too(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    points = read_points(give_map(patches, "km"))
    mapped = Browser(patches)
    mapped.call("on_map_click", idx=5, trace="points")
    assert mapped.ui["map"]["picked"]["id"] == points.ids(np.arange(5, 6))[0]
    lasso(mapped, range(4))
    button(mapped, "only")
    assert sorted(mapped.view.values("id")) == sorted(points.ids(np.arange(4)))
    button(mapped, "new")
    patches.reload()
    found = dict(
        zip(*patches.values(["things.detections.id", "things.detections.km.cluster"], unwind=True), strict=True)
    )
    assert sorted(key for key, cluster in found.items() if cluster == 3) == sorted(points.ids(np.arange(4)))


def test_frames_are_points_too(dataset, compute):
    videos = dataset
    videos.add_samples([vector_video(0), vector_video(1)])
    compute(videos.to_frames(), run_key="km", embeddings="emb", params={"n_clusters": 2})
    points = read_points(give_map(videos, "km"))
    mapped = Browser(videos)
    lasso(mapped, range(4))
    assert "4 images chosen" in mapped.drawn
    button(mapped, "only")
    assert sorted(mapped.view.values("id")) == sorted(points.ids(np.arange(4)))
    button(mapped, "new")
    videos.reload()
    found = dict(zip(*videos.values(["frames.id", "frames.km.cluster"], unwind=True), strict=True))
    assert sorted(key for key, cluster in found.items() if cluster == 2) == sorted(points.ids(np.arange(4)))
