"""Runs that are made, renamed or deleted while the panel is open."""

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F
from fiftyone.operators.executor import Executor
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.opening import show_panels

from ..conftest import get
from .panel_browser import Browser, watch


def made_in_the_app(dataset, run_key, spaces=None):
    """What the form does at its end; returns the panes, as lists of panels with the one in front first."""
    request = {"dataset_name": dataset.name, "params": {}, **({"spaces": spaces} if spaces else {})}
    ctx = foo.ExecutionContext(request, executor=Executor())
    list(show_panels(ctx, run_key, with_map=True))
    (told,) = [request.params["spaces"] for request in ctx.executor._requests]
    return told


def panes(spaces):
    if any("children" in child for child in spaces["children"]):
        return [pane for child in spaces["children"] for pane in panes(child)]
    types = {child["component_id"]: child["type"] for child in spaces["children"]}
    return [[types[spaces["active_child"]], *sorted(types.values())]]


def test_nothing_happens_while_the_runs_stay(browser):
    assert not watch(browser) and not watch(browser)


def test_a_run_made_elsewhere_is_listed_and_told(browser, compute):
    compute(browser.dataset, run_key="next", embeddings="emb")
    assert watch(browser)
    assert "next · kmeans" in browser.drawn and browser.state["run"] == "km"
    assert "Run next was made" in browser.got("notify")[-1]["message"]
    assert not watch(browser)


def test_the_panel_goes_to_a_run_that_was_made_in_the_app(browser, compute):
    compute(browser.dataset, run_key="next", embeddings="emb")
    made_in_the_app(browser.dataset, "next")
    assert watch(browser) and browser.state["run"] == "next" and not browser.got("notify")
    assert not watch(browser)
    compute(browser.dataset, run_key="third", embeddings="emb")
    made_in_the_app(browser.dataset, "third")
    assert Browser(browser.dataset, {"run": "km"}).state["run"] == "third"


def test_a_run_that_was_deleted_or_made_again_elsewhere_is_noticed(browser, compute):
    get("delete_clustering_run")(browser.dataset, run_key="km")
    assert watch(browser) and "no clustering run yet" in browser.drawn and not watch(browser)
    compute(browser.dataset, run_key="km", embeddings="emb")
    assert watch(browser) and browser.state["run"] == "km" and not watch(browser)
    get("delete_clustering_run")(browser.dataset, run_key="km")
    compute(browser.dataset.limit(30), run_key="km", embeddings="emb")
    assert watch(browser) and "3 clusters of 30" in browser.drawn
    get("rename_clustering_run")(browser.dataset, run_key="km", new_run_key="other")
    assert watch(browser) and browser.state["run"] == "other"


def test_cards_count_what_the_users_view_has(browser):
    assert "19 images · 33.3 %" in browser.drawn
    browser.filters = {"ground_truth.label": {"values": ["a"], "exclude": False, "isMatching": True}}
    inside = browser.dataset.match(F("ground_truth.label") == "a").count_values("km.cluster")
    assert watch(browser) and not watch(browser)
    for cluster in range(3):
        assert f'"{inside.get(cluster, 0)} of 19 images · 33.3 %"' in browser.drawn
    browser.call("on_card", cluster=1)
    assert not watch(browser)  # the filter is a stage now, and means the same
    assert f"cluster 01 · {inside.get(1, 0)} of 19 images" in browser.drawn
    browser.call("on_all").grid = []
    assert watch(browser) and "19 images · 33.3 %" in browser.drawn and "of 19 images" not in browser.drawn


@pytest.fixture
def other_tab(browser):
    """A second tab of the App on the dataset: the App gives both the same state, and both draw for themselves."""
    tab = Browser(browser.dataset, browser.state)
    browser.state = tab.state
    assert not watch(browser) and not watch(tab)
    return tab


def test_an_edit_in_one_tab_is_drawn_in_the_other(browser, other_tab):
    get("edit_clusters")(browser.dataset, run_key="km", action="rename", names={1: "ships"})
    for tab in (browser, other_tab):
        assert watch(tab) and "Show ships" in tab.drawn and tab.got("reload_dataset") and not watch(tab)


def test_a_choice_in_one_tab_does_not_act_again_in_the_other(browser, other_tab, compute):
    compute(browser.dataset, run_key="next", embeddings="emb")
    watch(browser), watch(other_tab)
    browser.call("on_card", cluster=1).call("on_sort", value="name").call("on_run", value="next")
    other_tab.state = browser.state  # the App copies it
    assert watch(other_tab) and other_tab.ui == browser.ui and "next · kmeans" in other_tab.drawn
    assert not other_tab.got("set_view") and not other_tab.got("prompt_user_for_operation")
    assert not watch(browser) and not watch(other_tab)


GRID = {"type": "Samples", "pinned": True, "component_id": "g"}
PANEL = {"type": "clusters_panel", "component_id": "p"}
HISTOGRAMS = {"type": "Histograms", "component_id": "h"}


def pane(*panels, active=None):
    children = [fo.Panel(**panel) for panel in panels]
    return fo.Space(children=children, active_child=active or children[0].component_id)


def beside(*spaces):
    return fo.Space(children=list(spaces), orientation="horizontal")


@pytest.mark.parametrize(
    ("before", "right"),
    [
        (pane(GRID), ["Embeddings", "clusters_panel"]),
        (beside(pane(GRID), pane(HISTOGRAMS)), ["Embeddings", "Histograms", "clusters_panel"]),
        (
            beside(pane(GRID), pane(HISTOGRAMS, PANEL, active="h")),
            ["Embeddings", "Histograms", "clusters_panel"],
        ),
        (pane(GRID, PANEL, active="p"), ["Embeddings", "clusters_panel"]),
    ],
    ids=["grid alone", "another panel", "panel behind another", "panel in the grid's pane"],
)
def test_the_panel_is_in_front_beside_the_grid(browser, before, right):
    after = panes(made_in_the_app(browser.dataset, "km", before.to_dict()))
    assert after == [["Samples", "Samples"], ["clusters_panel", *right]]
