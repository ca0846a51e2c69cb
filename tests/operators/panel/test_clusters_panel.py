"""The Clusters panel without a browser: what it draws, and what its buttons do to the grid and the run."""

import json
import re

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.labels import UNASSIGNED
from fiftyone.plugins.orgs.constellation.clusters.models.palette import COLORS
from fiftyone.plugins.orgs.constellation.clusters.operators import OPERATORS
from fiftyone.plugins.orgs.constellation.clusters.operators.panel import charts as clusters_panel_charts
from fiftyone.plugins.orgs.constellation.clusters.operators.panel import menus as clusters_panel_actions
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.run import PAGE, SORTS, PanelRun
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from ..handles import write_results
from .panel_browser import URI, Browser


def test_opened_it_shows_the_newest_run_with_all_that_is_known(browser, compute):
    assert browser.state["run"] == "km" and browser.ui["unassigned"] == 3
    for words in (
        "3 clusters of 57 images",
        "cluster 00",
        "100 % a",
        "tight",
        "alone, nearest is",
        "Cohesion 0.",
        "Without a cluster",
    ):
        assert words in browser.drawn, words
    compute(browser.dataset, run_key="a_newer_one")  # that is not the last by name
    assert Browser(browser.dataset).state["run"] == "a_newer_one"
    foo.get_operator("@constellation/clusters/edit_clusters")(
        browser.dataset, run_key="km", action="rename", names={0: "old"}
    )
    assert Browser(browser.dataset).state["run"] == "a_newer_one"


def test_a_dataset_without_runs_and_one_whose_field_is_gone(blobs, compute):
    opened = Browser(blobs)
    assert "no clustering run yet" in opened.drawn
    compute(blobs, run_key="km")
    opened.call("on_done").call("on_simple")  # the form of the first run was opened from here
    assert "Show cluster 00" in opened.drawn and opened.ui["tab"] == "clusters"
    blobs.delete_sample_field("km")
    opened = Browser(blobs)
    assert "The label field 'km' of run 'km' was deleted or renamed; delete the run" in opened.drawn
    assert "cards" not in opened.drawn


def test_a_field_that_was_renamed_is_named(browser):
    browser.dataset.rename_sample_field("km", "mine")
    browser.call("on_refresh")
    assert "it seems to be 'mine' now, rename that back" in browser.drawn
    browser.press("undo")
    assert browser.got("notify")[0]["variant"] == "error"
    browser.dataset.rename_sample_field("mine", "km")
    assert "Show cluster 00" in browser.call("on_refresh").drawn


def test_cards_and_steps_show_clusters_in_the_grid(browser):
    browser.call("on_card", cluster=1)
    assert set(browser.view.values("km.cluster")) == {1} and len(browser.view) == 19 and browser.ui["shown"] == 1
    browser.call("on_next")
    assert browser.ui["shown"] == 2
    browser.call("on_next")
    assert browser.ui["shown"] == 0  # and round again
    browser.call("on_back")
    assert browser.ui["shown"] == 2
    browser.call("on_order", value="atypical")
    assert len(browser.view) == 19 and browser.ui["order"] == "atypical"
    browser.call("on_card", cluster=UNASSIGNED)
    assert len(browser.view) == 3 and "images without a cluster" in browser.drawn
    browser.call("on_all")
    assert browser.got("clear_view") and browser.ui["shown"] is None


def test_borderline_images_are_shown_with_their_second_choice(browser):
    browser.call("on_borderline")
    assert len(browser.view) == 57 and "or cluster 0" in browser.drawn
    browser.call("on_pair", clusters=[0, 2])
    assert set(browser.view.values("km.cluster")) == {0, 2}
    browser.choose("borderline", 1)
    assert set(browser.view.values("km.cluster")) == {1} and "or cluster 0" in browser.drawn


def test_clicks_on_charts(browser):
    browser.call("on_tab", tab="charts")

    def click(chart, x, y):
        browser.call("on_chart", chart=chart)
        assert f"chart_{chart}" in browser.drawn
        return browser.call("on_chart_click", relative_path=f"chart_{chart}", x=x, y=y).view

    assert set(click("sizes", 2, 19).values("km.cluster")) == {2}
    assert len(set(click("similarity", 0, 1).values("km.cluster"))) == 2
    assert len(set(click("silhouette", 0, 0.5).values("km.cluster"))) == 1
    classes = click("confusion", 1, 1).values("ground_truth.label")
    assert len(classes) == 19 and set(classes) == {"b"}
    browser.call("on_all")
    confidence = np.array(browser.dataset.exists("km").values("km.confidence"))
    low = np.floor(confidence.max() * 20) / 20
    expected = (confidence >= low).sum()
    assert len(click("confidence", min(low + 0.02, 0.99), 3)) == expected


def test_a_cluster_has_one_color_on_its_card_and_in_the_charts(browser):
    assert all(color in browser.drawn for color in COLORS[:3])
    get("edit_clusters")(browser.dataset, run_key="km", action="merge", clusters=[0, 1])
    browser.call("on_refresh")
    assert COLORS[2] in browser.drawn and COLORS[1] not in browser.drawn  # the color of the third stays
    browser.call("on_card", cluster=2).call("on_tab", tab="charts")
    for chart in ("sizes", "silhouette", "confidence"):
        browser.call("on_chart", chart=chart)
        assert COLORS[2] in browser.drawn, chart


def test_curves_of_a_training_share_the_axis_below_both(browser):
    config = browser.dataset.get_run_info("km").config
    config.history = {"step": [1, 2], "loss": [0.9, 0.4], "used": [3, 2], "entropy": [1.0, 0.7]}
    browser.dataset.update_run_config("km", config)
    browser.dataset.reload()
    lines, layout = clusters_panel_charts.training_curve(PanelRun(Run.cached(browser.dataset, "km")))
    assert [(line["name"], line["yaxis"]) for line in lines] == [("loss", "y"), ("used", "y2"), ("entropy", "y2")]
    assert lines[0]["x"] == [1, 2] and lines[1]["y"] == [1, 2 / 3] and layout["xaxis"]["anchor"] == "y2"
    browser.call("on_tab", tab="charts").call("on_chart", chart="training")
    assert "chart_training" in browser.drawn


def test_search_and_every_order(browser):
    browser.call("on_search", value="CLUSTER 02")
    assert "Show cluster 02" in browser.drawn and "Show cluster 00" not in browser.drawn
    browser.call("on_search", value="nobody")
    assert "No cluster has such a name." in browser.drawn
    browser.call("on_search", value="b")  # a class is a name, too
    assert "Show cluster 01" in browser.drawn and "Show cluster 00" not in browser.drawn
    browser.call("on_search", value="")
    for sort in SORTS:
        browser.call("on_sort", value=sort)
        assert all(f"Show cluster 0{i}" in browser.drawn for i in range(3)), sort


def test_another_field_of_classes_is_measured_at_once(browser):
    browser.dataset.set_values("other", ["x"] * 60)
    browser.call("on_truth", value="other")
    assert "100 % x" in browser.drawn
    browser.call("on_truth", value="none")
    assert "100 %" not in browser.drawn


def test_forms_are_filled_in(browser):
    browser.choose("rename", 1)
    (prompt,) = browser.got("prompt_user_for_operation")
    assert prompt["operator_uri"].endswith("/edit_clusters") and prompt["on_success"].endswith("#on_done")
    filled = {"run_key": "km", "action": "rename", "cluster": "1", "name": "cluster 01", "version_km": 0}
    assert prompt["params"] == filled
    browser.choose("merge", 1)
    clusters = browser.got("prompt_user_for_operation")[0]["params"]["clusters"]
    assert clusters[0] == "1" and clusters[1] in ("0", "2")
    browser.call("on_run_menu", value="evaluate_clusters")
    assert browser.got("prompt_user_for_operation")[0]["params"] == {"run_key": "km", "ground_truth": "ground_truth"}


def test_somebody_else_edits_and_the_second_is_told(browser):
    edit, second = foo.get_operator("@constellation/clusters/edit_clusters"), Browser(browser.dataset)
    edit(browser.dataset, run_key="km", action="merge", clusters=[0, 1])
    browser.choose("rename", 2)  # opened on what was seen before: the form says so at once
    params = browser.got("prompt_user_for_operation")[0]["params"]
    assert params["version_km"] == 0
    ctx = foo.ExecutionContext({"dataset_name": browser.dataset.name, "params": params}, operator_uri=edit.uri)
    form = edit.resolve_type(ctx, "inputs").to_json()["type"]["properties"]
    assert "edited by somebody else" in form["problem"]["error_message"] and "name" not in form
    second.press("undo")  # would take back what this one has never seen
    (told,) = second.got("notify")
    assert told["variant"] == "error" and "it is at version 1 and you saw 0" in told["message"]
    assert "2 clusters of 57 images" in second.drawn and len(set(browser.dataset.values("km.cluster"))) == 3
    second.press("undo")  # now it has
    assert second.got("notify")[0]["variant"] == "success" and "3 clusters of 57 images" in second.drawn


def test_after_samples_were_deleted_cards_say_what_a_click_shows(browser):
    browser.dataset.delete_samples(browser.dataset.match(fo.ViewField("km.cluster") == 1).values("id")[:6])
    browser.call("on_refresh").call("on_card", cluster=1)
    assert len(browser.view) == 13 and "cluster 01 · 13 images" in browser.drawn
    assert "3 clusters of 51 images" in browser.drawn
    browser.dataset.delete_samples(browser.dataset.match(fo.ViewField("km.cluster") == 1))
    browser.call("on_refresh")
    assert "2 clusters of 38 images" in browser.drawn and "Show cluster 01" not in browser.drawn


def test_a_run_that_is_renamed_from_the_panel_stays_open(browser, compute):
    compute(browser.dataset, run_key="a_newest")
    rename = foo.get_operator("@constellation/clusters/rename_clustering_run")
    done = rename(browser.dataset, run_key="km", new_run_key="digits")
    browser.call("on_done", result=done, original_params={"run_key": "km", "new_run_key": "digits"})
    assert browser.state["run"] == "digits" and "3 clusters of 57 images" in browser.drawn
    foo.get_operator("@constellation/clusters/delete_clustering_run")(browser.dataset, run_key="digits")
    browser.call("on_done", result={"run_key": "digits"}, original_params={"run_key": "digits"})
    assert browser.state["run"] == "a_newest"


@pytest.mark.parametrize(
    ("event", "params"),
    [
        ("on_card", {"cluster": 1}),
        ("on_next", {}),
        ("on_tab", {"tab": "charts"}),
        ("on_chart_click", {"relative_path": "chart_sizes", "x": 0, "y": 1}),
        ("on_menu", {"value": "merge", "cluster": 1, "version": 0}),
        ("on_all", {}),
    ],
)
def test_what_is_done_to_a_run_that_was_deleted_meanwhile_shows_the_newest(browser, compute, event, params):
    compute(browser.dataset, run_key="other", params={"n_clusters": 2})
    foo.get_operator("@constellation/clusters/delete_clustering_run")(browser.dataset, run_key="km")
    browser.call(event, **params)
    assert browser.state["run"] == "other" and "2 clusters of 60 images" in browser.drawn
    foo.get_operator("@constellation/clusters/delete_clustering_run")(browser.dataset, run_key="other")
    assert "no clustering run yet" in browser.call(event, **params).drawn


def test_the_picker_tells_runs_apart_and_the_run_tab_lists_edits(browser):
    assert "km · kmeans · 3 clusters of 57 · 20" in browser.drawn and "silhouette 0." in browser.drawn
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    edit(browser.dataset, run_key="km", action="rename", names={0: "*dogs*"}, author="anna")
    edit(browser.dataset, run_key="km", action="merge", clusters=[1, 2], author="ben")
    edit(browser.dataset, run_key="km", action="undo")
    browser.call("on_refresh").call("on_tab", tab="details")
    assert "Renamed 'cluster 00' to '\\\\*dogs\\\\*' (anna, 20" in browser.drawn
    assert "ben" in browser.drawn and "undone" in browser.drawn


def test_every_entry_of_the_menus_has_an_operator():
    names = {operator().config.name for operator in OPERATORS}
    assert set(clusters_panel_actions.RUN_ACTIONS) <= names and "edit_clusters" in names
    assert list(clusters_panel_actions.card_actions(0))[:3] == ["rename", "merge", "split"]
    assert set(clusters_panel_actions.card_actions(-1)) == {"absorb_noise", "move"}


def test_edits_are_undone_and_redone_and_figures_follow(browser):
    foo.get_operator("@constellation/clusters/edit_clusters")(
        browser.dataset, run_key="km", action="merge", clusters=[0, 1]
    )
    browser.call("on_done")
    assert "2 clusters of 57 images" in browser.drawn and "from before the last edit" not in browser.drawn
    browser.press("undo")
    assert "3 clusters of 57 images" in browser.drawn
    browser.press("redo")
    assert "2 clusters of 57 images" in browser.drawn
    browser.press("redo")
    assert browser.got("notify")[0]["variant"] == "error"


def test_mixed_clusters_are_flagged_and_names_are_text(browser):
    name = "<b>cats</b> & [dogs](javascript:alert(1)) 🐈"
    foo.get_operator("@constellation/clusters/edit_clusters")(
        browser.dataset, run_key="km", action="rename", names={0: name}
    )
    about = {"0": {"coherent": False, "description": "Cats and dogs"}, "1": {"coherent": True, "description": "One"}}
    write_results(browser.dataset, "km", names=about)
    browser.call("on_refresh")
    assert browser.drawn.count("mixed: more than one kind of thing") == 1 and "Cats and dogs" in browser.drawn
    # names stand in text views only, which show markup as it is
    assert json.dumps(name, ensure_ascii=False)[1:-1] in browser.drawn and '"name": "MarkdownView"' not in browser.drawn


def test_two_clusters_of_one_name_are_told_to_be_renamed(browser):
    said = "another cluster has the same name; rename one"
    assert said not in browser.drawn
    config = browser.dataset.get_run_info("km").config
    for record in config.clusters[:2]:
        record["label"] = "cats"  # as 0.1.0 may have left it
    browser.dataset.update_run_config("km", config)
    browser.dataset.reload()
    assert browser.call("on_refresh").drawn.count(said) == 2
    get("edit_clusters")(browser.dataset, run_key="km", action="rename", names={0: "dogs", 1: "cats"})
    assert said not in browser.call("on_refresh").drawn


def test_noise_has_a_card_of_its_own(browser):
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    edit(browser.dataset, run_key="km", action="dissolve", clusters=[2])
    browser.call("on_refresh")
    assert "Show noise" in browser.drawn and "Put into the nearest clusters" in browser.drawn
    browser.call("on_card", cluster=-1)
    assert len(browser.view) == 19
    # the chart of confidences is that of all then, and so is the click
    browser.call("on_tab", tab="charts").call("on_chart", chart="confidence")
    assert "confidence of all clusters" in browser.drawn
    assert len(browser.call("on_chart_click", relative_path="chart_confidence", x=0.025, y=19).view) == 19


def test_the_confidences_of_a_cluster_stay_its_own_when_a_bar_is_clicked(browser):
    browser.call("on_card", cluster=1).call("on_tab", tab="charts").call("on_chart", chart="confidence")
    assert "confidence of cluster 01" in browser.drawn
    low = np.floor(max(browser.dataset.match({"km.cluster": 1}).values("km.confidence")) * 20) / 20
    for _ in range(2):
        browser.call("on_chart_click", relative_path="chart_confidence", x=low + 0.02, y=3)
        assert set(browser.view.values("km.cluster")) == {1} and "confidence of cluster 01" in browser.drawn
    browser.call("on_tab", tab="clusters")
    assert "cluster 01 · A part of the chart" in browser.drawn


def test_many_clusters_are_paged_and_found(dataset, compute):
    X = np.random.default_rng(0).normal(size=(150, 8)).astype(np.float32)
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
    compute(dataset, run_key="many", params={"n_clusters": 30})
    browser = Browser(dataset)
    assert browser.drawn.count('"Typical of cluster') == PAGE and "page 1 of 3" in browser.drawn
    browser.dataset.add_samples([fo.Sample(filepath=f"/nowhere/new{i}.png") for i in range(2)])
    assert "Without a cluster" in browser.call("on_refresh").drawn  # where it is found, not on the last page
    browser.call("on_page_on").call("on_page_on")
    assert browser.drawn.count('"Typical of cluster') == 30 - 2 * PAGE and "page 3 of 3" in browser.drawn
    browser.call("on_page_on")
    assert "page 3 of 3" in browser.drawn
    run = PanelRun(Run.cached(dataset, "many"), {"search": "cluster 17"})
    assert [card.id for card in run.listed] == [17] and run.pages == 1


def test_the_icon_of_the_panel_is_one_that_the_app_draws():
    # of files the App draws nothing for panels in Python; names are those of Material
    assert re.fullmatch("[a-z]+(_[a-z]+)*", foo.get_operator(URI).config.icon)
