"""Edits of one window of the browser follow one another, however quickly they are clicked; others' are refused."""

import copy
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from ..handles import halve
from .panel_browser import Browser

REFUSED = "edited by somebody else"


def log(browser):
    """What was done to the run, in order."""
    browser.dataset.reload()
    return [record["action"] for record in Run.open(browser.dataset, "km").log]


def version(browser):
    browser.dataset.reload()
    return Run.open(browser.dataset, "km").version


def button(browser, name, bar="header"):
    """What a button of a bar was drawn with."""
    drawn = browser.got("show_panel_output")[-1]["output"]["type"]["properties"][bar]["type"]["properties"]
    return drawn[name]["view"]["params"]


def tick(browser, *ids):
    for cluster in ids:
        browser.call("on_tick", cluster=cluster, on=True, **button(browser, "refresh"))
    return browser


def complaints(browser):
    return [told["message"] for told in browser.got("notify") if told["variant"] == "error"]


def edit(browser, **arguments):
    """Somebody else's edit, from Python."""
    get("edit_clusters")(browser.dataset, run_key="km", **arguments)


def another_window(browser):
    """A second window with the same dataset; the App gives both the same state of the panel."""
    second = Browser(browser.dataset)
    browser.state = dict(second.state)
    return second


def test_everything_drawn_says_version_and_window(browser):
    (window,) = {params["window"] for params in browser.buttons}
    assert {params["version"] for params in browser.buttons} == {0} and len(browser.buttons) > 40
    browser.call("on_card", cluster=1, **button(browser, "refresh"))
    assert {params["window"] for params in browser.buttons} == {window}
    assert {params["window"] for params in Browser(browser.dataset).buttons} != {window}


def test_clicks_before_the_first_has_come_back_are_edits_of_what_it_made(browser):
    tick(browser, 0, 2)
    merge, undo, redo = (button(browser, *which) for which in (("merge", "ticks"), ("undo",), ("redo",)))
    for event, drawn in (("on_merge", merge), ("on_undo", undo), ("on_redo", redo), ("on_undo", undo)):
        assert drawn["version"] == 0
        assert not complaints(browser.call(event, **drawn))
    assert log(browser) == ["merge", "undo", "redo", "undo"]


def test_a_typed_name_and_a_click_on_undo_that_left_the_field(browser):
    undo = button(browser, "undo")
    field = re.search(r'"(name_1_[^"]+)"', browser.drawn).group(1)
    browser.call("on_name", path=f"simple.cards.card_1.head.name.{field}", value="mine")
    assert not complaints(browser.call("on_undo", **undo))
    assert log(browser) == ["rename", "undo"] and "mine" not in browser.dataset.distinct("km.label")


def test_fields_stay_with_what_is_typed_in_them_whatever_has_the_panel_drawn(browser):
    def fields():
        return re.findall(r'"((?:name|tag)_[^"]+)"', browser.drawn)

    tick(browser, 0, 2)
    before = fields()
    assert len(before) >= 5  # three cards, and two of those that are ticked
    for _ in range(2):
        browser.call("on_refresh")  # which does not say its window here, as what the App calls by itself
        assert fields() == before


def test_names_and_clicks_by_turns(browser):
    undo = button(browser, "undo")
    for cluster, name in ((1, "mine"), (2, "other")):
        field = re.search(rf'"(name_{cluster}_[^"]+)"', browser.drawn).group(1)
        browser.call("on_name", path=f"simple.cards.card_1.head.name.{field}", value=name)
        assert not complaints(browser.call("on_undo", **undo))
    assert log(browser) == ["rename", "undo"] * 2


def test_somebody_elses_edit_between_two_clicks_refuses_the_second(browser):
    edit(browser, action="rename", names={0: "first"})
    browser.call("on_refresh")
    undo, redo = button(browser, "undo"), button(browser, "redo")
    browser.call("on_undo", **undo)
    edit(browser, action="rename", names={1: "theirs"})
    assert REFUSED in complaints(browser.call("on_redo", **redo))[0]
    assert REFUSED in complaints(browser.call("on_undo", **undo))[0] and "theirs" in browser.dataset.distinct(
        "km.label"
    )
    assert not complaints(browser.press("undo")) and log(browser)[-1] == "undo"  # now it was seen


def test_another_window_of_the_same_person_is_another_editor(browser):
    edit(browser, action="rename", names={0: "first"})
    second = another_window(browser.call("on_refresh"))
    undo = button(browser, "undo")
    merge = button(tick(second, 0, 2), "merge", "ticks")
    assert not complaints(second.call("on_merge", **merge))
    assert REFUSED in complaints(browser.call("on_undo", **undo))[0] and log(browser) == ["rename", "merge"]
    assert not complaints(second.press("undo"))


def test_clicks_that_arrive_side_by_side_are_carried_out_one_after_the_other(browser):
    for name in ("first", "second", "third"):
        edit(browser, action="rename", names={0: name})
    undo = button(browser.call("on_refresh"), "undo")
    hands = [copy.copy(browser) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda hand: hand.call("on_undo", **undo), hands))
    assert not [complaint for hand in hands for complaint in complaints(hand)]
    assert log(browser)[3:] == ["undo"] * 3 and "cluster 00" in browser.dataset.distinct("km.label")


def test_a_double_click_on_an_answer_is_one_answer(browser):
    halve(browser.dataset, "km", 2)
    before = log(browser.call("on_refresh"))
    browser.call("on_alike", clusters=[2, 3])
    drawn = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["alike"]["type"]["properties"]
    merge = drawn["answers"]["type"]["properties"]["merge"]["view"]["params"]
    for _ in range(2):
        assert not complaints(browser.call("on_alike_merge", **merge))
    assert log(browser) == [*before, "merge"]


@pytest.mark.parametrize("bar", ["ticks", "selection"])
def test_a_double_click_is_one_edit(browser, bar):
    if bar == "ticks":
        event, drawn = "on_merge", button(tick(browser, 0, 2), "merge", bar)
    else:
        browser.selected = browser.dataset.match({"km.cluster": 0}).limit(4).values("id")
        event, drawn = "on_move", button(browser.call("on_change_selected"), "new", bar)
    selected = list(browser.selected)
    browser.call(event, **drawn)
    browser.selected = selected  # the second request had been sent by then
    assert not complaints(browser.call(event, **drawn))
    assert log(browser) == ["merge" if bar == "ticks" else "move"]


def test_a_form_that_is_opened_quickly_knows_the_edit_before_it(browser):
    menu = next(one for one in browser.buttons if one.get("cluster") == 1 and one.get("value") == "split")
    tick(browser, 0, 2)
    browser.call("on_merge", **button(browser, "merge", "ticks"))
    (form,) = browser.call("on_menu", **menu).got("prompt_user_for_operation")
    assert version(browser) == 1 and 1 in form["params"].values() and menu["version"] == 0
    edit(browser, action="rename", names={1: "theirs"})
    (form,) = browser.call("on_menu", **menu).got("prompt_user_for_operation")
    assert REFUSED in json.dumps(
        get("edit_clusters").resolve_type(context(browser, form["params"]), "inputs").to_json()
    )


def context(browser, params):
    import fiftyone.operators as foo

    return foo.ExecutionContext(
        {"dataset_name": browser.dataset.name, "params": params}, operator_uri="@constellation/clusters/edit_clusters"
    )
