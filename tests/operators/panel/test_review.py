"""Review of borderline images in the Clusters panel: one by one, each verdict a step that can be undone."""

import json
import re

import fiftyone as fo
import fiftyone.operators as foo
import pytest

from .panel_browser import Browser


@pytest.fixture
def reviewing(browser):
    return browser.call("on_tab", tab="review")


def answer(browser, name):
    """Presses a button of the question, with what it was drawn with."""
    panel = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]
    drawn = panel["simple"]["type"]["properties"]["answers"]["type"]["properties"]
    method = drawn[name]["view"]["operator"].rpartition("#")[2]
    return browser.call(method, **drawn[name]["view"]["params"])


def asked(browser):
    review = browser.ui["review"]
    return review["items"][review["at"]]


def label(browser, row_id):
    browser.dataset.reload()
    found = browser.dataset[row_id]["km"]
    return found.cluster, found.confidence


def test_each_verdict_is_a_step_of_the_run(reviewing):
    (kept, own, other) = asked(reviewing)
    names = {c: f"cluster {c:02d}" for c in range(3)}
    assert f"Keep in {names[own]}" in reviewing.drawn and f"Move to {names[other]}" in reviewing.drawn
    assert "1 of 57" in reviewing.drawn
    answer(reviewing, "keep")
    assert label(reviewing, kept) == (own, 1.0) and "2 of 57 · 1 kept" in reviewing.drawn
    (moved, own, other) = asked(reviewing)
    answer(reviewing, "move")
    assert label(reviewing, moved) == (other, 1.0)
    (new, own_before, _) = asked(reviewing)
    answer(reviewing, "new")
    assert label(reviewing, new) == (3, 1.0) and "1 kept, 1 moved, 1 in new clusters" in reviewing.drawn
    (skipped, own, _) = asked(reviewing)
    before = label(reviewing, skipped)
    answer(reviewing, "skip")
    assert label(reviewing, skipped) == before and "5 of 57" in reviewing.drawn
    assert not reviewing.got("reload_dataset") and not reviewing.got("set_view")  # nothing that loads the page again
    reviewing.press("undo")
    assert label(reviewing, new)[0] == own_before
    assert asked(reviewing)[0] == new  # it is asked about again


def test_it_goes_on_after_a_reload_and_does_not_ask_again(reviewing):
    first = asked(reviewing)[0]
    answer(reviewing, "keep")
    second = asked(reviewing)[0]
    reviewing.call("on_load")
    assert reviewing.ui["tab"] == "review" and asked(reviewing)[0] == second
    reviewing.call("on_review", cluster=None)
    assert first not in [item[0] for item in reviewing.ui["review"]["items"]]
    answer(reviewing, "keep")
    reviewing.call("on_tab", tab="clusters")
    assert reviewing.got("reload_dataset") and "from before the last edit" not in reviewing.drawn


def test_back_changes_a_verdict(reviewing):
    (row_id, own, _) = asked(reviewing)
    answer(reviewing, "move")
    answer(reviewing, "back")
    assert asked(reviewing)[0] == row_id
    answer(reviewing, "keep")
    assert label(reviewing, row_id) == (own, 1.0) and "1 kept" in reviewing.drawn and "moved" not in reviewing.drawn


def test_from_a_card_only_its_members_are_asked_about_up_to_the_end(browser):
    browser.choose("review", 1)
    review = browser.ui["review"]
    assert {own for _, own, _ in review["items"]} == {1} and len(review["items"]) == 19
    assert "1 of 19 in cluster 01" in browser.drawn
    for _ in range(19):
        answer(browser, "skip")
    assert "Reviewed 19: 19 skipped." in browser.drawn


def test_somebody_elses_edit_refuses_the_verdict_and_the_review_goes_on(reviewing):
    row_id = asked(reviewing)[0]
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    (_, own, other) = asked(reviewing)
    edit(reviewing.dataset, run_key="km", action="merge", clusters=[own, other])
    answer(reviewing, "keep")
    assert "edited by somebody else" in reviewing.got("notify")[0]["message"] and asked(reviewing)[0] == row_id
    gone = {own, other} - set(reviewing.dataset.values("km.cluster"))
    assert f"Move to cluster {gone.pop():02d}" not in json.dumps(reviewing.got("show_panel_output")[-1])


def test_a_second_click_answers_once(reviewing):
    params = {"id": asked(reviewing)[0], "version": 0, "cluster": asked(reviewing)[1]}
    for _ in range(2):
        reviewing.call("on_review_keep", **params)
    assert reviewing.ui["review"]["at"] == 1 and not reviewing.got("notify")


def test_patches_are_reviewed_as_patches(patches, compute):
    compute(patches, patches_field="things", embeddings="emb", run_key="pt")
    browser = Browser(patches).call("on_tab", tab="review")
    row_id, own, _ = asked(browser)
    answer(browser, "keep")
    (found,) = [d for ds in patches.values("things.detections") for d in ds if d.id == row_id]
    assert found["pt"].cluster == own and found["pt"].confidence == 1


def test_only_members_of_clusters_are_confirmed(browser):
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    outside = browser.dataset.exists("km", False).values("id")[:1]
    with pytest.raises(ValueError, match="1 of 1 images are in no cluster that could be confirmed"):
        edit(browser.dataset, run_key="km", action="confirm", ids=outside)
    done = edit(browser.dataset.match(fo.ViewField("km.cluster") == 1), run_key="km", action="confirm")
    assert re.fullmatch("Confirmed 19 images in 'cluster 01'", done["text"])
