"""Ticked cards and selected images: edits without a form."""

import re

import pytest

from ..conftest import get
from .panel_browser import Browser


def clusters(browser):
    browser.dataset.reload()
    return browser.dataset.count_values("km.cluster")


def press(browser, event, **which):
    """A button of a bar, with what it was drawn with."""
    params = next(p for p in browser.buttons if all(p.get(key) == value for key, value in which.items()))
    return browser.call(event, **params)


def tick(browser, *ids):
    for cluster in ids:
        press(browser, "on_tick", cluster=cluster, on=True)
    return browser


def type_in(browser, field, text):
    name = re.search(rf'"({field}_[0-9a-f_]+)"', browser.drawn).group(1)
    return browser.call(f"on_{field}_ticked", path=f"ticks.{name}", value=text)


def test_ticks_stay_while_pages_are_turned_and_names_searched(browser):
    tick(browser, 2, 0)
    assert "2 ticked" in browser.drawn and not browser.got("patch_panel_state") and not browser.got("set_view")
    browser.call("on_search", value="cluster 01").call("on_search", value="")
    assert browser.ui["ticked"] == [2, 0]
    press(browser, "on_tick", cluster=2, on=False)
    assert "1 ticked" in browser.drawn
    browser.call("on_clear_ticks")
    assert "ticked" not in browser.drawn


def test_ticked_clusters_are_merged_and_the_header_says_what_it_would_undo(browser):
    before = clusters(browser)
    press(tick(browser, 0, 2), "on_merge", clusters=[0, 2])
    assert clusters(browser) == {0: 38, 1: 19, None: 3} and not browser.got("prompt_user_for_operation")
    assert "Undo: Merged 'cluster 02' into 'cluster 00'" in browser.drawn and "ticked" not in browser.drawn
    assert "There is nothing to redo" in browser.drawn
    browser.press("undo")
    assert clusters(browser) == before and "Redo: Merged 'cluster 02' into 'cluster 00'" in browser.drawn


def test_another_persons_edit_in_between_is_not_overrun(browser):
    tick(browser, 0, 2)
    undo = browser.drawn
    get("edit_clusters")(browser.dataset, run_key="km", action="rename", names={1: "theirs"})
    press(browser, "on_merge", clusters=[0, 2])
    assert "edited by somebody else" in browser.got("notify")[0]["message"] and clusters(browser)[2] == 19
    assert "Undo: Renamed 'cluster 01' to 'theirs'" in browser.drawn and "Undo: Renamed" not in undo
    press(browser, "on_merge", clusters=[0, 2])  # now it was seen
    assert clusters(browser)[0] == 38


def test_ticked_clusters_are_named_tagged_and_dissolved(browser):
    type_in(tick(browser, 0, 2), "name", " pets ")
    assert {"pets", "pets (2)"} < set(browser.dataset.values("km.label"))
    assert not type_in(browser, "name", "  ").got("notify")
    type_in(browser, "tag", "checked")
    assert browser.dataset.count_sample_tags() == {"checked": 38}
    press(browser, "on_dissolve", clusters=[0, 2])
    assert clusters(browser) == {-1: 38, 1: 19, None: 3}


def test_ticked_clusters_are_exported_as_they_are_shown(browser):
    press(tick(browser, 0, 2), "on_export_ticked", clusters=[0, 2])
    assert set(browser.view.values("km.cluster")) == {0, 2}
    (form,) = browser.got("prompt_user_for_operation")
    assert form["params"]["run_key"] == "km" and form["params"]["view_target"] == "CURRENT_VIEW"


def select(browser, ids):
    browser.selected = ids
    return browser.call("on_change_selected")


@pytest.mark.parametrize(("goes", "cluster"), [("1", 1), ("new", 3), ("-1", -1)])
def test_what_is_selected_goes_to_a_cluster_to_a_new_one_or_out(browser, goes, cluster):
    browser.call("on_card", cluster=1)
    ids = browser.dataset.match({"km.cluster": 0}).limit(4).values("id")
    assert "4 selected" in select(browser, ids).drawn and "Move to cluster 01" in browser.drawn
    press(browser, "on_move", value=goes)
    assert clusters(browser)[cluster] == 4 + (19 if goes == "1" else 0) and browser.got("clear_selected_samples")
    assert "selected" not in str(browser.ui.get("selected") or "") and "4 selected" not in browser.drawn
    browser.press("undo")
    assert clusters(browser) == {0: 19, 1: 19, 2: 19, None: 3}


def test_nothing_is_offered_where_nothing_is_selected_or_the_labels_are_gone(browser):
    assert "New cluster" not in browser.drawn
    select(browser, browser.dataset.limit(2).values("id"))
    assert "New cluster" not in select(browser, []).drawn
    browser.dataset.delete_sample_field("km")
    gone = Browser(browser.dataset, browser.state)
    assert "on_tick" not in gone.drawn and "Name of" not in gone.drawn and "There is nothing to undo" in gone.drawn
