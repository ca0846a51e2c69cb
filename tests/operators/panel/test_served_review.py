"""What the review in the browser is answered, and what its keys answer."""

import pytest

from ..conftest import get
from .panel_browser import Browser

GONE = {"gone": True}


@pytest.fixture
def widget(browser):
    """The panel as it is with widgets in the browser, with a review of run ``km``."""
    return Browser(browser.dataset, simple=False).call("on_tab", tab="review")


def facts(browser):
    drawn = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["review_widget"]
    return drawn["type"]["properties"]["widget"]["view"]["facts"]


def item(browser, place):
    return browser.read("review", at=place)["items"][str(place)]


def keep(browser, place, **more):
    asked = item(browser, place)
    return browser.call("on_review_keep", id=asked["id"], cluster=asked["own"], quiet=True, version=0, **more).answer


def move(browser, place, cluster):
    params = {"id": item(browser, place)["id"], "cluster": cluster, "quiet": True, "version": 0, "window": "w"}
    return browser.call("on_review_move", **params).answer


def test_what_comes_next_is_in_the_answer(widget):
    found = widget.read("review")
    assert (found["n"], found["at"], found["changed"], found["said"]) == (57, 0, None, "")
    assert list(found["items"]) == ["0", "1", "2", "3"]
    assert list(widget.read("review", at=20)["items"]) == ["19", "20", "21", "22", "23"]
    assert list(widget.read("review", at=56)["items"]) == ["55", "56"]
    first = found["items"]["0"]
    assert first["own"] is not None and first["verdict"] is None and first["now"] == f"cluster {first['own']:02d}"
    assert 0 <= first["sure"]["figure"] <= 1 and first["sure"]["words"] in (
        "sure",
        "fairly sure",
        "unsure",
        "a toss-up",
    )
    names = {int(key): one["name"] for key, one in found["clusters"].items()}
    assert names[first["own"]] == f"cluster {first['own']:02d}" and first["second"] in names


def test_each_key_answers_with_the_next_place(widget):
    assert keep(widget, 0, window="w") == {"at": 1} and facts(widget)["at"] == 1 and facts(widget)["undo"]
    assert item(widget, 0)["verdict"] == "kept" and item(widget, 0)["sure"] == {"figure": 1.0, "words": "sure"}
    assert move(widget, 1, item(widget, 1)["second"]) == {"at": 2}
    skipped = item(widget, 2)["id"]
    assert widget.call("on_review_skip", id=skipped).answer == {"at": 3}
    assert widget.call("on_review_skip", id=skipped).answer == {"at": 3}  # a second press
    assert widget.call("on_review_back").answer == {"at": 2}
    assert widget.call("on_undo", version=2, window="w").answer == {"at": 1}
    assert item(widget, 1)["verdict"] is None and not widget.got("patch_panel_data")


def test_after_ten_a_line_says_what_has_changed(widget):
    first = [item(widget, place) for place in range(10)]
    for place in range(8):
        keep(widget, place, window="w")
    move(widget, 8, None)
    assert widget.read("review")["changed"] is None
    move(widget, 9, first[9]["second"])
    said = widget.read("review")["changed"].translate({0x2068: None, 0x2069: None})
    assert said.startswith("Verdicts 1 to 10: 8 kept, 1 moved, 1 in new clusters; ")
    gone, come = first[9]["own"], first[9]["second"]
    counts = dict.fromkeys((gone, come, first[8]["own"]), 0)
    for cluster, step in ((gone, -1), (come, 1), (first[8]["own"], -1)):
        counts[cluster] += step
    assert all((f"cluster {cluster:02d} {step:+d}" in said) == bool(step) for cluster, step in counts.items())
    for place in range(10, 20):
        keep(widget, place, window="w")
    assert widget.read("review")["changed"] == "Verdicts 11 to 20: 10 kept; no cluster has another size"


def test_somebody_elses_edit_refuses_in_the_answer(widget):
    get("edit_clusters")(widget.dataset, run_key="km", action="rename", names={0: "theirs"})
    answer = keep(widget, 0, window="w")
    assert answer["at"] == 0 and "edited by somebody else" in answer["error"] and not widget.got("notify")


def test_candidates_that_are_gone_are_no_answers(widget):
    first = item(widget, 0)
    get("edit_clusters")(widget.dataset, run_key="km", action="merge", clusters=[first["own"], first["second"]])
    widget.call("on_refresh")
    found = widget.read("review")
    left = found["items"]["0"]
    assert (left["own"] is None) != (left["second"] is None) and set(found["clusters"]) <= {"0", "1", "2"}


@pytest.mark.parametrize("again", [False, True])
def test_a_deleted_run_takes_no_answers(widget, compute, again):
    uid, asked = widget.uid, item(widget, 0)
    get("delete_clustering_run")(widget.dataset, run_key="km")
    if again:
        compute(widget.dataset, run_key="km")
    assert widget.read("review", uid=uid) == GONE
    answer = widget.call("on_review_keep", id=asked["id"], cluster=asked["own"], uid=uid, version=0, quiet=True).answer
    assert answer is None or "was deleted meanwhile" in answer["error"]


def test_another_tab_may_have_gone_on(widget):
    other = Browser(widget.dataset, widget.state, simple=False)
    widget.state = dict(other.state)  # the App gives both the same
    assert keep(other, 0, window="x") == {"at": 1}
    assert widget.call("on_review_skip", id=widget.ui["review"]["items"][0][0]).answer == {"at": 1}
    assert facts(widget)["at"] == 1
