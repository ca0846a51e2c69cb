"""The place that the Clusters panel keeps: between clicks, when the page is loaded again, in saved workspaces."""

import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor

import fiftyone.operators as foo
from fiftyone.operators.executor import Executor
from fiftyone.plugins.orgs.constellation.clusters.operators.panel import showing

from .panel_browser import URI, Browser
from .test_map_tab import give_map


def test_a_click_changes_nothing_that_the_app_would_load_the_page_for(browser):
    browser.call("on_card", cluster=1)
    assert browser.ui["shown"] == 1 and not browser.got("patch_panel_state")
    browser.call("on_order", value="atypical")
    assert not browser.got("patch_panel_state") and browser.ui["order"] == "atypical"


def test_borderline_and_a_card_change_no_input_either(browser):
    browser.call("on_borderline")
    assert not browser.got("patch_panel_state")
    browser.call("on_card", cluster=1)
    assert not browser.got("patch_panel_state")


def test_a_reload_goes_on_where_it_was_each_panel_for_itself(browser):
    browser.call("on_card", cluster=1)
    second = Browser(browser.dataset, browser.state, browser.grid)
    assert second.ui["shown"] == 1
    second.call("on_next")
    assert (browser.ui["shown"], second.ui["shown"]) == (1, 2)


def test_a_saved_workspace_does_not_bring_the_grid_along(browser):
    browser.call("on_card", cluster=1).call("on_tab", tab="charts")
    opened = Browser(browser.dataset, browser.state)
    assert opened.ui["tab"] == "charts" and opened.ui.get("shown") is None


def test_a_panel_opens_at_the_cards_or_the_map_where_the_run_was_left(browser, compute):
    give_map(browser.dataset, "km")
    assert Browser(browser.dataset).ui["tab"] == "map"
    browser.call("on_tab", tab="clusters").call("on_tab", tab="charts")
    assert Browser(browser.dataset).ui["tab"] == "clusters"
    browser.call("on_tab", tab="map")
    assert Browser(browser.dataset).ui["tab"] == "map"
    browser.call("on_tab", tab="clusters")
    foo.get_operator("@constellation/clusters/delete_clustering_run")(browser.dataset, run_key="km")
    compute(browser.dataset, run_key="km")
    give_map(browser.dataset, "km")
    assert Browser(browser.dataset).ui["tab"] == "map"  # it is another run


def test_a_state_that_was_forgotten_is_the_usual_one(browser):
    browser.call("on_tab", tab="details")
    browser.store("constellation_clusters_panel").delete(browser.state["look_name"])
    browser.call("on_sort", value="name")
    assert "ConstellationCards" in browser.drawn and browser.read("cards")["cards"][0]["name"] == "cluster 00"
    browser.call("on_refresh")
    assert browser.ui["truth"] == "ground_truth" and browser.ui["unassigned"] == 3


def test_a_state_lives_as_long_as_it_is_used(browser):
    store, name = browser.store("constellation_clusters_panel"), browser.state["look_name"]
    store.update_ttl(name, 60)
    soon = store.get_metadata(name)["expires_at"]
    browser.call("on_tab", tab="charts")
    assert (store.get_metadata(name)["expires_at"] - soon).days >= 29


def test_another_run_of_the_same_key_starts_afresh(browser, compute):
    browser.call("on_card", cluster=1).call("on_tab", tab="charts")
    foo.get_operator("@constellation/clusters/delete_clustering_run")(browser.dataset, run_key="km")
    compute(browser.dataset, run_key="km")
    opened = Browser(browser.dataset, browser.state, browser.grid)
    assert opened.ui["truth"] is None and "shown" not in opened.ui and "Show cluster 00" in opened.drawn


def test_without_a_dataset_it_says_that_there_is_no_run():
    ctx = foo.ExecutionContext(
        {"params": {"panel_id": "one", "panel_state": {}, "__method__": "on_load"}},
        executor=Executor(),
        operator_uri=URI,
    )
    foo.get_operator(URI).execute(ctx)
    assert "no clustering run yet" in json.dumps(ctx.executor._requests[-1].params)


def test_what_two_events_change_at_once_is_kept(browser, monkeypatch):
    save = showing.save_ui_state
    monkeypatch.setattr(showing, "save_ui_state", lambda ctx, ui: (time.sleep(0.05), save(ctx, ui)))
    hands = [copy.copy(browser) for _ in range(4)]
    jobs = [("on_tick", {"clusters": [0, 1], "on": True}), ("on_sort", {"value": "name"}), ("on_refresh", {})]
    jobs += [("on_search", {"value": "cluster"})]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda hand, job: hand.call(job[0], **job[1]), hands, jobs))
    assert browser.ui["ticked"] == [0, 1] and browser.ui["sort"] == "name" and browser.ui["search"] == "cluster"


def test_what_a_widget_asks_first_comes_with_the_panel_when_it_is_opened_and_only_then(browser):
    give_map(browser.dataset, "km")
    opened = Browser(browser.dataset, simple=False)
    assert given(opened) == {"positions": opened.read("positions"), "colors": opened.read("colors")}
    opened.call("on_tab", tab="clusters")
    assert given(opened) is None
    again = Browser(browser.dataset, simple=False)
    assert given(again) == {"cards": again.read("cards")}


def given(browser):
    """Answers that were drawn with the widget of the open tab."""
    (found,) = (part["given"] for part in parts(browser.got("show_panel_output")[-1]) if "given" in part)
    return {what: one["answer"] for what, one in found["answers"].items()} if found else None


def parts(drawn):
    """All that is in a description, which is plain data."""
    if isinstance(drawn, dict):
        yield drawn
        drawn = list(drawn.values())
    for child in drawn if isinstance(drawn, list) else ():
        yield from parts(child)
