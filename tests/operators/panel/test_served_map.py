"""Answers to the map in the browser, and the meaning of its lasso."""

import base64

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.events import map as map_events
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import map_clusters
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.map_points import read_points
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from .panel_browser import Browser
from .test_map_tab import give_map

GONE = {"gone": True}


@pytest.fixture
def widget(browser):
    """The panel as it is with widgets in the browser, at run ``km``, whose map has the cluster as x."""
    give_map(browser.dataset, "km")
    return Browser(browser.dataset, simple=False)


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def pack(rows):
    return base64.b64encode(np.asarray(rows, "<u4").tobytes()).decode()


def where(widget):
    """Positions of the points, ``(n, 2)`` from 0 to 1."""
    found = widget.read("positions")
    return np.column_stack([numbers(found[axis], "<u2") for axis in "xy"]) / 65535


def clusters(widget):
    """The cluster of each point."""
    found = widget.read("colors")
    return np.array([entry["cluster"] for entry in found["entries"]])[numbers(found["places"], "u1")]


def around(widget, x):
    """A lasso around all points left of ``x``, as corners."""
    return {"polygon": [[-0.1, -0.1], [x, -0.1], [x, 1.1], [-0.1, 1.1]], "color": "cluster", "hidden": []}


def do(widget, method, lasso, **more):
    digest = more.pop("digest", None) or widget.read("positions")["digest"]
    version = Run.open(widget.dataset, "km").version
    return widget.call(method, lasso=lasso, digest=digest, version=version, window="one", **more).answer


def sizes(widget):
    widget.dataset.reload()
    return widget.dataset.count_values("km.cluster")


def test_positions_and_colors_are_few_bytes_in_the_order_of_the_map(widget):
    places, found = where(widget), widget.read("colors")
    assert len(places) == found["n"] == 57 and places.min() == 0 and places.max() == 1
    assert np.array_equal(np.round(2 * places[:, 0]), clusters(widget))  # x is the cluster
    assert [entry["count"] for entry in found["entries"]] == [19, 19, 19]
    assert [name["text"] for name in found["names"]] == ["cluster 00", "cluster 01", "cluster 02"]
    assert found["inside"] is None and found["scale"] is None
    point = widget.read("point", row=3, digest=widget.read("positions")["digest"])
    assert point["name"] == f"cluster 0{clusters(widget)[3]}" and set(point) == {"name", "picture"}


def test_pictures_of_the_largest_clusters_are_asked_for_once_the_names_are_there(widget):
    assert all(set(name) == {"cluster", "text", "at", "color"} for name in widget.read("colors")["names"])
    found = widget.read("portraits")["portraits"]
    assert set(found) == {"0", "1", "2"} and len(set(found.values())) == 3
    assert all(address.endswith(".jpg") for address in found.values())


def test_colors_of_confidence_and_of_a_field(widget):
    scale = widget.read("colors", color="confidence")
    assert scale["scale"]["title"] == "confidence" and len(scale["entries"]) == 256
    assert scale["scale"]["low"] <= scale["scale"]["high"] <= 1
    classes = widget.read("colors", color="field:ground_truth.label")
    names = np.array([entry["name"] for entry in classes["entries"]])[numbers(classes["places"], "u1")]
    by_id = dict(zip(*widget.dataset.values(["id", "ground_truth.label"]), strict=True))
    points = read_points(Run.open(widget.dataset, "km"))
    assert names.tolist() == [by_id[key] for key in points.ids(np.arange(len(points)))]
    assert widget.read("colors", color="field:gone")["color"] == "cluster"


def test_what_is_outside_of_the_users_view_or_deleted_is_told(widget):
    widget.grid = widget.dataset.match({"km.cluster": 1})._serialize()
    inside = np.unpackbits(numbers(widget.read("colors")["inside"], "u1"))[:57].astype(bool)
    assert np.array_equal(inside, clusters(widget) == 1)
    widget.grid = []
    gone = widget.dataset.match({"km.cluster": 2}).first().id
    widget.dataset.delete_samples([gone])
    found = widget.read("colors")
    (row,) = np.flatnonzero(clusters(widget) == -2)
    assert read_points(Run.open(widget.dataset, "km")).ids(np.array([row])) == [gone]
    assert not np.unpackbits(numbers(found["inside"], "u1"))[row]


@pytest.mark.parametrize("kind", ["rows", "polygon", "cluster"])
def test_a_lasso_of_every_kind_becomes_a_cluster(widget, kind):
    rows = np.flatnonzero(clusters(widget) == 0)
    lasso = {"rows": {"rows": pack(rows)}, "polygon": around(widget, 0.3), "cluster": {"cluster": 0}}[kind]
    assert do(widget, "on_map_only", lasso) is None
    assert set(widget.view.values("km.cluster")) == {0} and len(widget.view) == 19
    assert do(widget, "on_map_new", lasso) == {"done": True}
    assert sizes(widget)[3] == 19 and 0 not in sizes(widget)
    assert np.array_equal(np.flatnonzero(clusters(widget) == 3), rows)


def test_what_was_hidden_is_not_in_the_lasso(widget):
    everything = around(widget, 1.1)
    assert do(widget, "on_map_move", {**everything, "hidden": [1]}, value="0") == {"done": True}
    assert sizes(widget) == {0: 38, 1: 19, None: 3}
    by_class = {**everything, "color": "field:ground_truth.label"}
    names = [entry["name"] for entry in widget.read("colors", color=by_class["color"])["entries"]]
    assert do(widget, "on_map_remove", {**by_class, "hidden": [names.index("a")]}) == {"done": True}
    assert widget.dataset.match({"km.cluster": -1}).count_values("ground_truth.label").get("a") is None


def test_a_large_lasso_is_looked_for_by_its_corners_and_tags(widget, monkeypatch):
    monkeypatch.setattr(map_events, "LISTED", 5)
    monkeypatch.setattr(map_events, "large_choice", lambda ctx, run: None)
    do(widget, "on_map_only", around(widget, 0.6))
    assert "38 images are chosen and the grid takes 5 at once" in widget.got("notify")[-1]["message"]
    do(widget, "on_map_tag", around(widget, 0.6), value="left")
    widget.dataset.reload()
    assert widget.dataset.count_sample_tags()["left"] == 38


def test_another_map_another_run_and_a_click_beside_change_nothing(widget):
    lasso, before = around(widget, 0.3), sizes(widget)
    assert do(widget, "on_map_new", lasso, digest="another") == {"stale": True}
    assert do(widget, "on_map_only", lasso, digest="another") == {"stale": True} and sizes(widget) == before
    assert widget.read("point", row=0, digest="another") == GONE
    assert do(widget, "on_map_click", None, row=57) is None and not widget.got("set_view")
    do(widget, "on_map_click", None, row=int(np.flatnonzero(clusters(widget) == 2)[0]))
    assert set(widget.view.values("km.cluster")) == {2}
    known = widget.uid
    get("delete_clustering_run")(widget.dataset, run_key="km")
    assert widget.read("positions", uid=known) == GONE


@pytest.mark.parametrize("polygon", [[], [[0, 0], [1, 1]], [[0, 0, 0]] * 3, [[0, 0], [1, 0], [float("nan"), 1]]])
def test_corners_that_are_none_are_refused(widget, polygon):
    assert do(widget, "on_map_new", {"polygon": polygon}) == {"done": False}
    assert "a lasso has at least 3 corners" in widget.got("notify")[-1]["message"]
    assert sizes(widget) == {0: 19, 1: 19, 2: 19, None: 3}


def test_the_selection_of_the_grid_is_told_as_rows(widget):
    ids = widget.dataset.match({"km.cluster": 1}).limit(3).values("id")
    outside = widget.dataset.match({"km": None}).first().id
    widget.selected = [*ids, outside]
    found = widget.read("selected")
    points = read_points(Run.open(widget.dataset, "km"))
    assert sorted(points.ids(numbers(found["rows"], "<u4"))) == sorted(ids)


def test_clusters_are_kept_until_labels_change(widget, monkeypatch):
    run, digest = Run.open(widget.dataset, "km"), widget.read("positions")["digest"]
    clusters(widget)
    map_clusters._cache.clear()  # as another process
    assert np.array_equal(map_clusters.kept_clusters(run, digest), clusters(widget))
    get("edit_clusters")(widget.dataset, run_key="km", action="rename", names={0: "first"})
    assert map_clusters.kept_clusters(Run.open(widget.dataset, "km"), digest) is not None
    get("edit_clusters")(widget.dataset, run_key="km", action="merge", clusters=[0, 1])
    assert map_clusters.kept_clusters(Run.open(widget.dataset, "km"), digest) is None
    assert set(clusters(widget)) == {0, 2}
    widget.dataset.delete_samples([widget.dataset.first().id])
    assert map_clusters.kept_clusters(Run.open(widget.dataset, "km"), digest) is None


def test_many_are_kept_in_several_documents(widget, monkeypatch):
    monkeypatch.setattr(map_clusters, "_PER_DOCUMENT", 20)
    run = Run.open(widget.dataset, "km")
    map_clusters.keep_clusters(run, "digest", np.arange(57) - 2)
    map_clusters._cache.clear()
    assert map_clusters.kept_clusters(run, "digest").tolist() == list(range(-2, 55))
    map_clusters.drop_clusters(run)
    assert map_clusters.kept_clusters(run, "digest") is None


def test_a_run_with_a_map_comes_with_its_clusters(blobs, compute):
    compute(blobs, run_key="with", embeddings="emb", visualize=True)
    run = Run.open(blobs, "with")
    points = read_points(run)
    map_clusters._cache.clear()
    found = map_clusters.kept_clusters(run, points.digest)
    by_id = dict(zip(*blobs.values(["id", "with.cluster"]), strict=True))
    assert found.tolist() == [by_id[key] for key in points.ids(np.arange(len(points)))]
